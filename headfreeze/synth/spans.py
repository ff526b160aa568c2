"""The stretch of a line that lies in a solid, and the solid's normal where a ray enters it.

Everything happens in the frames in which the solids are unit shapes. Letters: r rays, p solids, f faces.
"""

import numpy as np
from jaxtyping import Float32, Int64

from headfreeze.synth.shapes import BALL, BOX, CYLINDER, WEDGE, Shapes, f32

Point = Float32[np.ndarray, "3"]
Rays = Float32[np.ndarray, "3 r"]
Span = tuple[Float32[np.ndarray, "p r"], Float32[np.ndarray, "p r"]]
Faces = tuple[Float32[np.ndarray, "f 3 r"], Float32[np.ndarray, "f r"]]

NEVER = np.float32(np.inf)
TINY = np.float32(1e-12)
"""Added to directions so that one along a face does not divide by zero; far below what float32 adds to any other."""


def spans(solids: Shapes, which: Int64[np.ndarray, " p"], origin: Point, rays: Rays) -> Span:
    """Distances, in units of the ray, at which its line enters and leaves the solids `which`, in ascending order.

    Where the line misses a solid, it leaves it before it enters it.
    """
    to_unit = np.take(solids.to_unit, which, axis=1)  # 3 p 3: each solid's x, then y, then z direction
    start = (to_unit * (origin - solids.centre[which])).sum(2)[:, :, None]  # 3 p 1
    # Products by einsum, not BLAS: they are small, and no result depends on the number of threads.
    step = np.einsum("apj,jr->apr", to_unit, rays)
    step += TINY
    bounds = np.searchsorted(solids.kind[which], [BOX, WEDGE, CYLINDER, BALL, BALL + 1])
    parts = [
        of_kind(start[:, a:b], step[:, a:b])
        for of_kind, a, b in zip((_box, _wedge, _cylinder, _round), bounds[:-1], bounds[1:], strict=True)
        if b > a
    ]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([enter for enter, _ in parts]), np.concatenate([leave for _, leave in parts])


def _slab(start: Float32[np.ndarray, "p 1"], step: Float32[np.ndarray, "p r"]) -> Span:
    """-1 ≤ x ≤ 1."""
    extent = 1 / step
    middle = -start * extent
    np.abs(extent, out=extent)
    return middle - extent, middle + extent


def _both(first: Span, second: Span) -> Span:
    """The intersection of two spans, in the place of the first."""
    return np.maximum(first[0], second[0], out=first[0]), np.minimum(first[1], second[1], out=first[1])


def _box(start: Float32[np.ndarray, "3 p 1"], step: Float32[np.ndarray, "3 p r"]) -> Span:
    return _both(_both(_slab(start[0], step[0]), _slab(start[1], step[1])), _slab(start[2], step[2]))


def _wedge(start: Float32[np.ndarray, "3 p 1"], step: Float32[np.ndarray, "3 p r"]) -> Span:
    """The cube's part with x + z ≤ 0."""
    slope = step[0] + step[2]
    slope[slope == 0] = TINY
    cut = -(start[0] + start[2]) / slope
    return _both(_box(start, step), (np.where(slope < 0, cut, -NEVER), np.where(slope < 0, NEVER, cut)))


def _cylinder(start: Float32[np.ndarray, "3 p 1"], step: Float32[np.ndarray, "3 p r"]) -> Span:
    return _both(_round(start[:2], step[:2]), _slab(start[2], step[2]))


def _round(start: Float32[np.ndarray, "a p 1"], step: Float32[np.ndarray, "a p r"]) -> Span:
    """The unit disc or ball: between the roots of |start + t step|² = 1."""
    square = (step * step).sum(0)
    middle = -(start * step).sum(0) / square
    # |nearest point of the line|² is told without the cancellation that float32 makes of the textbook discriminant
    nearest = start + middle * step
    inside = 1 - (nearest * nearest).sum(0)
    extent = np.sqrt(np.maximum(inside, 0) / square)
    return np.where(inside > 0, middle - extent, NEVER), middle + extent


def facing_normals(
    solids: Shapes, solid: Int64[np.ndarray, " r"], origin: Point, rays: Rays, distance: Float32[np.ndarray, " r"]
) -> Rays:
    """Outward unit normals where each ray enters its solid: of the faces turned to the ray, the one nearest to it."""
    to_unit = np.take(solids.to_unit_columns, solid, axis=2)  # 3 3 r
    point = origin[:, None] + rays * distance - np.take(solids.centre.T, solid, axis=1)
    place, step = (to_unit * point).sum(1), (to_unit * rays).sum(1)
    kind = solids.kind[solid]
    unit = np.empty_like(place)
    for number, faces in ((BOX, _box_faces), (WEDGE, _wedge_faces), (CYLINDER, _cylinder_faces), (BALL, _ball_faces)):
        rows = np.flatnonzero(kind == number)
        if len(rows):
            normals, above = faces(np.take(place, rows, axis=1))
            turned_away = (normals * np.take(step, rows, axis=1)).sum(1) >= 0
            face = np.where(turned_away, -NEVER, above).argmax(axis=0)
            unit[:, rows] = normals[face, :, np.arange(len(rows))].T
    normal = (to_unit * unit[:, None]).sum(0)  # normals go with the transposed inverse
    return normal / np.sqrt((normal * normal).sum(0))


def _box_faces(place: Rays) -> Faces:
    """Outward normals of the faces of the unit shape, and how far above each face a point lies (0: on it)."""
    normals = np.sign(place) * np.eye(3, dtype=np.float32)[:, :, None]
    return normals, np.abs(place) - 1


def _wedge_faces(place: Rays) -> Faces:
    normals, above = _box_faces(place)
    slope = np.broadcast_to(f32([[1], [0], [1]]), place.shape)
    return np.concatenate([normals, slope[None]]), np.concatenate([above, place[None, 0] + place[None, 2]])


def _cylinder_faces(place: Rays) -> Faces:
    side, cap = place.copy(), np.zeros_like(place)
    side[2], cap[2] = 0, np.sign(place[2])
    return np.stack([side, cap]), np.stack([np.hypot(place[0], place[1]) - 1, np.abs(place[2]) - 1])


def _ball_faces(place: Rays) -> Faces:
    return place[None], np.zeros((1, place.shape[1]), np.float32)
