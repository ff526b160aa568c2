"""A room as data: flat boundaries, niches in its walls, and solids. Surfaces are numbered in this order."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Int64

from headfreeze.synth.shapes import Shapes

CLASSES = (
    "floor", "wall", "ceiling", "window", "door", "cabinet", "table", "shelf", "seat", "bed", "lamp", "picture",
    "object",
)  # fmt: skip


@dataclass(frozen=True)
class Niches:
    """n boxes sunk into walls, seen from inside: windows and doors. Their own y axis points out of the room."""

    shapes: Shapes
    wall: Int64[np.ndarray, " n"]
    """The flat boundary each is sunk into."""

    def __len__(self) -> int:
        return len(self.wall)


@dataclass(frozen=True)
class Room:
    """A furnished room, z up, metres, the floor at z = 0.

    The k flat boundaries are half-spaces `plane_normal · x + plane_offset ≥ 0`; normals point into the room.
    """

    plane_normal: Float32[np.ndarray, "k 3"]
    plane_offset: Float32[np.ndarray, " k"]
    plane_label: Int64[np.ndarray, " k"]
    plane_material: Int64[np.ndarray, " k"]
    niches: Niches
    solids: Shapes
    materials: tuple[str, ...]
    """What each material is (a name in `headfreeze.synth.materials`); `*_material` fields index this."""
    light: Float32[np.ndarray, "3"]
    """Centre of the ceiling light."""
    sun: Float32[np.ndarray, "3"] | None = None
    """Direction to the sun, of unit length; None: it does not shine in."""
    polish: float = 0.0
    """Share of light that the floor mirrors to one who looks straight down at it; 0: it does not."""

    @property
    def first_solid(self) -> int:
        """Number of the first solid's surface."""
        return len(self.plane_offset)

    @property
    def first_niche(self) -> int:
        """Number of the first niche's jambs; its back follows, then the next niche."""
        return self.first_solid + len(self.solids)

    @cached_property
    def surface_label(self) -> Int64[np.ndarray, " s"]:
        """Index in CLASSES of each surface; the jambs of a niche belong to its wall."""
        niches = np.stack([self.plane_label[self.niches.wall], self.niches.shapes.label], axis=1).ravel()
        return np.concatenate([self.plane_label, self.solids.label, niches])

    @cached_property
    def surface_material(self) -> Int64[np.ndarray, " s"]:
        """Index in `materials` of each surface."""
        niches = np.stack([self.plane_material[self.niches.wall], self.niches.shapes.material], axis=1).ravel()
        return np.concatenate([self.plane_material, self.solids.material, niches])

    @cached_property
    def surface_frame(
        self,
    ) -> tuple[Float32[np.ndarray, "3 s"], Float32[np.ndarray, "3 3 s"], Float32[np.ndarray, "3 s"]]:
        """Centre, axes and half extents of each surface's own frame: the world's, 1 m, for flat boundaries."""
        k, n = len(self.plane_offset), self.niches.shapes
        centre = [np.zeros((k, 3), np.float32), self.solids.centre, np.repeat(n.centre, 2, axis=0)]
        axes = [np.tile(np.eye(3, dtype=np.float32), (k, 1, 1)), self.solids.axes, np.repeat(n.axes, 2, axis=0)]
        half = [np.ones((k, 3), np.float32), self.solids.half, np.repeat(n.half, 2, axis=0)]
        return _columns(centre), _columns(axes), _columns(half)


def _columns(parts: Sequence[Float32[np.ndarray, "..."]]) -> Float32[np.ndarray, "..."]:
    """Joined along their first axis, which becomes the last: the order that is fastest to pick from for each ray."""
    return np.ascontiguousarray(np.moveaxis(np.concatenate(parts), 0, -1))
