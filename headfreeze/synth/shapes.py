"""What rooms are made of: unit boxes, wedges, cylinders and balls, each stretched, turned and moved into place."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Int64
from numpy.typing import ArrayLike

BOX, WEDGE, CYLINDER, BALL = range(4)
"""Unit shapes: the cube [-1, 1]³; its half with x + z ≤ 0; the cylinder x² + y² ≤ 1, |z| ≤ 1; the ball of radius 1."""


@dataclass(frozen=True)
class Shapes:
    """p convex solids, sorted by kind: all points whose `to_unit @ (point - centre)` lies in the kind's unit shape.

    Metres, z up. The columns of `axes` are a solid's own x, y and z direction, of unit length.
    """

    kind: Int64[np.ndarray, " p"]
    centre: Float32[np.ndarray, "p 3"]
    axes: Float32[np.ndarray, "p 3 3"]
    half: Float32[np.ndarray, "p 3"]
    label: Int64[np.ndarray, " p"]
    material: Int64[np.ndarray, " p"]

    @cached_property
    def to_unit(self) -> Float32[np.ndarray, "3 p 3"]:
        """Rows that take world directions to the unit shape's x, y and z: the axes, divided by the half extents."""
        return np.ascontiguousarray(np.moveaxis(self.axes / self.half[:, None], 2, 0))

    @cached_property
    def to_unit_columns(self) -> Float32[np.ndarray, "3 3 p"]:
        """`to_unit` in the order that is fastest to pick from for each ray."""
        return np.ascontiguousarray(np.swapaxes(self.to_unit, 1, 2))

    @cached_property
    def radius(self) -> Float32[np.ndarray, " p"]:
        """Of a ball around each solid."""
        return np.sqrt((self.half * self.half).sum(1))

    def __len__(self) -> int:
        return len(self.kind)


def f32(values: ArrayLike) -> Float32[np.ndarray, "..."]:
    """An array of the precision in which everything is computed."""
    return np.asarray(values, np.float32)


IDENTITY = np.eye(3, dtype=np.float32)


def rotation(axis: int, degrees: float) -> Float32[np.ndarray, "3 3"]:
    """Right-handed turn about a coordinate axis (0 x, 1 y, 2 z)."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = IDENTITY.copy()
    i, j = (axis + 1) % 3, (axis + 2) % 3
    turn[i, i], turn[i, j], turn[j, i], turn[j, j] = c, -s, s, c
    return turn
