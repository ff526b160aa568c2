"""Rooms made by hand, for which everything is known in closed form."""

from collections.abc import Sequence

import numpy as np

from headfreeze.synth.scene import CLASSES, Niches, Room
from headfreeze.synth.shapes import Shapes, f32

Solid = tuple[int, Sequence[float], np.ndarray, Sequence[float], str]
"""Unit shape, centre, axes, half extents, class."""


def shapes(*solids: Solid) -> Shapes:
    """Solids as arrays; they must come sorted by kind."""
    n = len(solids)
    return Shapes(
        kind=np.array([kind for kind, *_ in solids], np.int64),
        centre=f32([centre for _, centre, *_ in solids]).reshape(n, 3),
        axes=f32([axes for _, _, axes, *_ in solids]).reshape(n, 3, 3),
        half=f32([half for *_, half, _ in solids]).reshape(n, 3),
        label=np.array([CLASSES.index(label) for *_, label in solids], np.int64),
        material=np.zeros(n, np.int64),
    )


def box_room(half: float, height: float, solids: Shapes | None = None, niches: Niches | None = None) -> Room:
    """A square room around the z axis: floor, ceiling, then the walls towards x, y, -x, -y."""
    normals = [(0, 0, 1), (0, 0, -1), (-1, 0, 0), (0, -1, 0), (1, 0, 0), (0, 1, 0)]
    return Room(
        plane_normal=f32(normals),
        plane_offset=f32([0, height, half, half, half, half]),
        plane_label=np.array([0, 2, 1, 1, 1, 1]),
        plane_material=np.array([0, 1, 2, 2, 2, 2]),
        niches=niches or Niches(shapes(), np.zeros(0, np.int64)),
        solids=solids or shapes(),
        materials=("floor", "ceiling", "wall"),
        light=f32([0, 0, height - 0.2]),
    )
