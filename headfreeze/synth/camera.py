"""A pinhole camera in a room."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Int64, Shaped

from headfreeze.synth.shapes import f32, rotation


@dataclass(frozen=True)
class Carrier:
    """What carries a camera: how high, at which pitch (up is positive), and how wide it sees. Roll is normal."""

    pitch_deg: tuple[float, float]
    """Mean and standard deviation."""
    height_m: tuple[float, float] = (1.2, 1.75)
    """Lowest and highest, as the next two."""
    fov_deg: tuple[float, float] = (55, 75)
    clearance_m: tuple[float, float] = (0.55, 0.55)
    """Nothing stands this near to the camera, seen from above."""
    roll_deg: float = 1.5
    """Standard deviation."""
    by_phone: bool = False
    """Whether pictures may be shaken, and are made more colourful or less."""


LEVEL, HAND = Carrier((-5, 5)), Carrier((-15, 9))
"""A level virtual camera, and a hand-held real one."""
PHONE = Carrier((-15, 15), (1.1, 1.7), (38, 75), (0.15, 0.55), 4, True)
ROBOT = Carrier((-8, 10), (0.25, 1.1), (45, 85), (0.15, 0.55), 1, True)
HEAD = Carrier((-25, 15), (1.15, 1.85), (38, 80), (0.15, 0.55), 3, True)
ANY = (PHONE, ROBOT, HEAD, HEAD)

TILE = 16
"""Rays come in tiles of this many pixels a side, so that neighbours in their order are neighbours in the picture."""


@dataclass(frozen=True)
class Camera:
    """Looks along `-frame[:, 2]`; the columns of `frame` are its right, up and back in the world."""

    position: Float32[np.ndarray, "3"]
    frame: Float32[np.ndarray, "3 3"]
    fov_deg: float
    """Full angle of view, the same across and down: pictures are square."""
    by_phone: bool = False
    """As its carrier's."""

    @classmethod
    def aimed(
        cls,
        position: Sequence[float],
        yaw_deg: float,
        pitch_deg: float,
        roll_deg: float,
        fov_deg: float,
        by_phone: bool = False,
    ) -> "Camera":
        """Yaw 0 looks along world y and grows anticlockwise; pitch 0 is level and grows upwards."""
        level = f32([[1, 0, 0], [0, 0, -1], [0, 1, 0]])  # right = x, up = z, back = -y
        frame = rotation(2, yaw_deg) @ rotation(0, pitch_deg) @ level @ rotation(2, roll_deg)
        return cls(f32(position), frame, fov_deg, by_phone)

    def rays(self, size: int, offsets: Sequence[tuple[float, float]] = ((0, 0),)) -> Float32[np.ndarray, "3 r"]:
        """World directions through size × size pixels, at each of some offsets (pixels) from their centres.

        They come tile by tile, within it pixel by pixel, a pixel's offsets one after another. Their length along the
        optical axis is 1, so a hit's distance is its depth in metres.
        """
        reach = math.tan(math.radians(self.fov_deg) / 2)
        pixel = _tiles(size)[:, None]
        at = f32(offsets).T + 0.5
        x = (2 * f32(pixel % size + at[0]) / size - 1) * reach  # pixels, offsets
        y = (1 - 2 * f32(pixel // size + at[1]) / size) * reach
        return np.einsum("ij,jr->ir", self.frame, np.stack([x.ravel(), y.ravel(), np.full(x.size, -1, np.float32)]))

    def pixel_width(self, size: int) -> float:
        """Width in metres of what a pixel sees at a depth of 1 m, where the picture is size pixels wide."""
        return 2 * math.tan(math.radians(self.fov_deg) / 2) / size


def picture(values: Shaped[np.ndarray, "*c r"], size: int) -> Shaped[np.ndarray, "size size *c"]:
    """Puts values of rays in their pixels, channels last."""
    placed = np.empty_like(values)
    placed[..., _tiles(size)] = values
    return np.moveaxis(placed.reshape(*values.shape[:-1], size, size), (-2, -1), (0, 1))


@lru_cache(maxsize=4)
def _tiles(size: int) -> Int64[np.ndarray, " r"]:
    """The pixels' numbers, row by row inside of each tile, the tiles row by row."""
    row, column = np.divmod(np.arange(size * size), size)
    return np.lexsort((column, row, column // TILE, row // TILE))
