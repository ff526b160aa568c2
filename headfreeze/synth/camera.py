"""A pinhole camera in a room."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Int64, Shaped

from headfreeze.synth.shapes import f32, rotation

PITCH_DEG = {"source": (-5.0, 5.0), "target": (-15.0, 9.0)}
"""Mean and standard deviation of the camera's pitch (up is positive): a level virtual camera, a hand-held real one."""

TILE = 16
"""Rays come in tiles of this many pixels a side, so that neighbours in their order are neighbours in the picture."""


@dataclass(frozen=True)
class Camera:
    """Looks along `-frame[:, 2]`; the columns of `frame` are its right, up and back in the world."""

    position: Float32[np.ndarray, "3"]
    frame: Float32[np.ndarray, "3 3"]
    fov_deg: float
    """Full angle of view, the same across and down: pictures are square."""

    @classmethod
    def aimed(
        cls, position: Sequence[float], yaw_deg: float, pitch_deg: float, roll_deg: float, fov_deg: float
    ) -> "Camera":
        """Yaw 0 looks along world y and grows anticlockwise; pitch 0 is level and grows upwards."""
        level = f32([[1, 0, 0], [0, 0, -1], [0, 1, 0]])  # right = x, up = z, back = -y
        frame = rotation(2, yaw_deg) @ rotation(0, pitch_deg) @ level @ rotation(2, roll_deg)
        return cls(f32(position), frame, fov_deg)

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
