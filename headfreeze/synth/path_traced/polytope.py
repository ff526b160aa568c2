"""Flat faces of convex solids and of rooms: polygons clipped by half-spaces. The letter k counts half-spaces."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

Polygon = Float[np.ndarray, "_ 3"]
"""Convex and flat, corners anticlockwise seen from the side to which its normal points."""
Vector = Float[np.ndarray, "3"]

FAR_M = 1000.0
"""Half the side of the square that a half-space's boundary begins as: larger than any room."""
SLIVER_M2 = 1e-8
"""Polygons of a smaller area are dropped: edges at which more than two faces meet leave such."""


def faces(normal: Float[np.ndarray, "k 3"], offset: Float[np.ndarray, " k"]) -> list[Polygon]:
    """The boundary of the points with `normal · x + offset ≥ 0` for all k half-spaces: a polygon for each.

    The polygons face inwards, as the normals do. One without corners: that half-space bounds nothing.
    """
    normal, offset = np.asarray(normal, float), np.asarray(offset, float)
    found = []
    for i, (towards, height) in enumerate(zip(normal, offset, strict=True)):
        polygon = _square(towards, height)
        for j in range(len(normal)):
            if j != i:
                polygon = clip(polygon, normal[j], offset[j])
        found.append(polygon)
    return found


def clip(polygon: Polygon, normal: Vector, offset: float) -> Polygon:
    """The polygon's part with `normal · x + offset ≥ 0`, after Sutherland and Hodgman (1974); perhaps no corners."""
    height = polygon @ normal + offset
    corners = []
    for i in range(len(polygon)):
        j = (i + 1) % len(polygon)
        if height[i] >= 0:
            corners.append(polygon[i])
        if (height[i] >= 0) != (height[j] >= 0):
            corners.append(polygon[i] + height[i] / (height[i] - height[j]) * (polygon[j] - polygon[i]))
    left = np.array(corners).reshape(-1, 3)
    return left if area(left) > SLIVER_M2 else left[:0]


def without(
    polygons: Sequence[Polygon], normal: Float[np.ndarray, "k 3"], offset: Float[np.ndarray, " k"]
) -> list[Polygon]:
    """What is left of polygons, as convex pieces, when a hole is cut into them: the points inside of k half-spaces."""
    pieces = []
    for polygon in polygons:
        inside = polygon
        for towards, height in zip(normal, offset, strict=True):
            pieces.append(clip(inside, -towards, -height))
            inside = clip(inside, towards, height)
    return [piece for piece in pieces if len(piece)]


def area(polygon: Polygon) -> float:
    """In the square of the corners' unit."""
    if len(polygon) < 3:
        return 0.0
    spokes = polygon[1:] - polygon[0]
    return float(np.linalg.norm(np.cross(spokes[:-1], spokes[1:]).sum(0)) / 2)


def _square(normal: Vector, offset: float) -> Polygon:
    """A large part of the plane `normal · x + offset = 0` around the point of it that is nearest to the origin."""
    across = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    across /= np.linalg.norm(across)
    up = np.cross(normal, across)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * FAR_M
    return corners @ np.stack([across, up]) - normal * offset
