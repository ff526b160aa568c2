"""A room's surfaces as triangles: flat boundaries with niches cut out of them, the insides of niches, solids.

Letters in shapes: v vertices, t triangles.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, Int, UInt32

from headfreeze.synth.path_traced.polytope import Polygon, faces, without
from headfreeze.synth.scene import Room
from headfreeze.synth.shapes import BALL, BOX, CYLINDER, WEDGE, f32
from headfreeze.synth.textures import FACE_U, FACE_V

SEGMENTS = 48
"""Sides of the polygon that stands for a circle; their middles are 0.2 % of the radius inside of it."""
_CUBE = np.concatenate([np.eye(3), -np.eye(3)])


@dataclass(frozen=True)
class Triangles:
    """A mesh in metres. Normals are of unit length, smooth where the surface is; `uv` counts a pattern's periods."""

    vertices: Float32[np.ndarray, "v 3"]
    normals: Float32[np.ndarray, "v 3"]
    uv: Float32[np.ndarray, "v 2"]
    faces: UInt32[np.ndarray, "t 3"]


@dataclass(frozen=True)
class _Patch:
    """A part of a surface in the frame in which its solid is a unit shape."""

    place: Float[np.ndarray, "v 3"]
    normal: Float[np.ndarray, "v 3"]
    faces: Int[np.ndarray, "t 3"]
    around: Float[np.ndarray, "v 2"] | None = None
    """Where a texture is wrapped around the z axis: the angle and the height; elsewhere it lies on from the front."""


def meshes(room: Room, period_m: Float32[np.ndarray, " s"]) -> list[Triangles]:
    """Every surface of a room, in the order of their numbers.

    Args:
        room: the room.
        period_m: length after which each surface's pattern repeats; 0 stretches one over each face.
    """
    patches = [*_boundaries(room), *(_unit_shape(int(kind)) for kind in room.solids.kind)]
    patches += [_JAMBS, _BACK] * len(room.niches)
    return [_placed(room, i, parts, float(period_m[i])) for i, parts in enumerate(patches)]


def _placed(room: Room, surface: int, patches: Sequence[_Patch], period_m: float) -> Triangles:
    """A surface's parts in the world."""
    centre, axes, half = (frame[..., surface].astype(float) for frame in room.surface_frame)
    parts = []
    for patch in patches:
        own, normal = patch.place * half, patch.normal / half
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        uv = _uv(patch, normal, half, period_m)
        parts.append(Triangles(f32(own @ axes.T + centre), f32(normal @ axes.T), f32(uv), patch.faces.astype("u4")))
    return joined(parts)


def joined(parts: Iterable[Triangles]) -> Triangles:
    """One mesh of several."""
    parts = list(parts)
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    return Triangles(
        vertices=np.concatenate([np.zeros((0, 3), np.float32), *(part.vertices for part in parts)]),
        normals=np.concatenate([np.zeros((0, 3), np.float32), *(part.normals for part in parts)]),
        uv=np.concatenate([np.zeros((0, 2), np.float32), *(part.uv for part in parts)]),
        faces=np.concatenate(
            [np.zeros((0, 3), "u4"), *(part.faces + np.uint32(i) for part, i in zip(parts, starts, strict=False))]
        ),
    )


def _uv(
    patch: _Patch, normal: Float[np.ndarray, "v 3"], half: Float[np.ndarray, "3"], period_m: float
) -> Float[np.ndarray, "v 2"]:
    """Places in units of the period (of the face, where that is 0), as the ray-cast look lays patterns on faces."""
    if patch.around is None:
        facing = np.abs(normal).argmax(1)
        across, up = FACE_U[facing], FACE_V[facing]
        place = np.take_along_axis(patch.place, np.stack([across, up], axis=1), axis=1)
        extent = np.stack([half[across], half[up]], axis=1)
    else:
        place, extent = patch.around, np.array([half[:2].mean(), half[2]])
    return place * extent / period_m + 0.5 if period_m else place / 2 + 0.5


def _boundaries(room: Room) -> Iterator[list[_Patch]]:
    """The flat boundaries; their own frame is the world's."""
    for i, polygon in enumerate(faces(room.plane_normal, room.plane_offset)):
        pieces = [polygon]
        for niche in np.flatnonzero(room.niches.wall == i):
            pieces = without(pieces, *_hole(room, int(niche)))
        yield [_flat(piece, room.plane_normal[i]) for piece in pieces if len(piece)]


def _hole(room: Room, niche: int) -> tuple[Float[np.ndarray, "4 3"], Float[np.ndarray, " 4"]]:
    """A niche's four sides, as half-spaces whose common part is what is cut out of the wall."""
    shapes = room.niches.shapes
    sides = np.concatenate([shapes.to_unit[[0, 2], niche], -shapes.to_unit[[0, 2], niche]]).astype(float)
    return -sides, sides @ shapes.centre[niche] + 1


@lru_cache(maxsize=8)
def _unit_shape(kind: int) -> tuple[_Patch, ...]:
    """The surface of a unit shape (see `headfreeze.synth.shapes`)."""
    return {BOX: _box, WEDGE: _wedge, CYLINDER: _cylinder, BALL: _ball}[kind]()


def _box() -> tuple[_Patch, ...]:
    return _polytope(_CUBE, np.ones(6))


def _wedge() -> tuple[_Patch, ...]:
    return _polytope(np.concatenate([_CUBE, [[1, 0, 1]]]), np.array([1.0, 1, 1, 1, 1, 1, 0]))


def _polytope(outwards: Float[np.ndarray, "k 3"], reach: Float[np.ndarray, " k"]) -> tuple[_Patch, ...]:
    """The solid with `outwards · x ≤ reach`."""
    polygons = faces(-outwards, reach)
    return tuple(_flat(p[::-1], n) for p, n in zip(polygons, outwards, strict=True) if len(p))


def _cylinder() -> tuple[_Patch, ...]:
    angle = np.linspace(-np.pi, np.pi, SEGMENTS + 1)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=1)
    up = np.array([0.0, 0, 1])
    side = _grid(
        np.stack([ring - up, ring + up]),
        np.stack([ring, ring]),
        np.stack(np.meshgrid(angle, [-1.0, 1.0]), axis=-1),
    )
    return side, _flat(ring[:-1] + up, up), _flat((ring[:-1] - up)[::-1], -up)


def _ball() -> tuple[_Patch, ...]:
    angle, rise = np.linspace(-np.pi, np.pi, SEGMENTS + 1), np.linspace(-np.pi / 2, np.pi / 2, SEGMENTS // 2 + 1)
    around, up = np.meshgrid(angle, rise)
    place = np.stack([np.cos(around) * np.cos(up), np.sin(around) * np.cos(up), np.sin(up)], axis=-1)
    return (_grid(place, place, np.stack([around, up], axis=-1)),)


def _flat(polygon: Polygon, normal: Float[np.ndarray, "3"]) -> _Patch:
    """A convex polygon as a fan."""
    n = np.arange(1, len(polygon) - 1)
    fan = np.stack([np.zeros_like(n), n, n + 1], axis=1)
    return _Patch(polygon, np.tile(np.asarray(normal, float), (len(polygon), 1)), fan)


def _grid(
    place: Float[np.ndarray, "rows columns 3"],
    normal: Float[np.ndarray, "rows columns 3"],
    around: Float[np.ndarray, "rows columns 2"],
) -> _Patch:
    """A bent sheet of quadrangles, each cut into two triangles."""
    number = np.arange(place[..., 0].size).reshape(place.shape[:2])
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
    halves = np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)
    return _Patch(place.reshape(-1, 3), normal.reshape(-1, 3), halves, around.reshape(-1, 2))


_INSIDE = [_flat(polygon, -outwards) for polygon, outwards in zip(faces(-_CUBE, np.ones(6)), _CUBE, strict=True)]
_JAMBS, _BACK = [_INSIDE[i] for i in (0, 2, 3, 5)], [_INSIDE[1]]
"""A niche is a box seen from inside: the face towards its own y is its back, that towards -y the hole in the wall."""
