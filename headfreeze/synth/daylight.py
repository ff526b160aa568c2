"""The sun through a room's windows, and what a polished floor mirrors."""

import numpy as np
from jaxtyping import Bool, Float32, Int64

from headfreeze.synth.raycast import Hits, blocked, cast
from headfreeze.synth.scene import Room
from headfreeze.synth.shapes import f32

Columns = Float32[np.ndarray, "3 r"]
Values = Float32[np.ndarray, " r"]

SUN_M = 60.0
"""How far away the sun is: shadows are as if it were infinitely far, and float32 does not notice."""
SUN_RADIUS_M = 0.4
TOUCHING_M = 0.02
"""What is nearer to a point than this throws no shadow on it."""
FLOOR = 0
"""Number of the floor's surface."""


def sunlight(room: Room, point: Columns, normal: Columns, rng: np.random.Generator) -> Values:
    """Cosine of the light that falls on points from the sun, 0 where a wall or a solid is in its way."""
    assert room.sun is not None
    to_sun = room.sun * SUN_M
    towards = to_sun[:, None] - point
    towards /= np.sqrt((towards * towards).sum(0))
    light = np.maximum((towards * normal).sum(0), 0)
    light[~_behind_glass(room, point, towards)] = 0
    lit = np.flatnonzero(light)
    # Places on the sun by turns, so that a pixel's samples make soft shadows together.
    for part in range(4):
        rows = lit[part::4]
        place = to_sun + f32(rng.normal(0, SUN_RADIUS_M, 3))
        ways = np.take(point, rows, axis=1) - place[:, None]
        light[rows[blocked(room.solids, place, ways, 1 - TOUCHING_M / SUN_M)]] = 0
    return light


def _behind_glass(room: Room, point: Columns, towards: Columns) -> Bool[np.ndarray, " r"]:
    """Whether the way from points to the sun leads through a window."""
    assert room.sun is not None
    seen = np.zeros(point.shape[1], bool)
    panes = room.niches.shapes
    for i, wall in enumerate(room.niches.wall):
        normal = room.plane_normal[wall]
        if room.materials[panes.material[i]] != "window" or normal @ room.sun >= 0:
            continue
        height = normal @ point + room.plane_offset[wall]
        with np.errstate(divide="ignore"):
            at_wall = point + towards * (-height / np.minimum(normal @ towards, -1e-6))
        place = np.abs(np.einsum("ai,ir->ar", panes.to_unit[:, i], at_wall - panes.centre[i][:, None]))
        seen |= (place[0] < 1) & (place[2] < 1)
    return seen


def mirrored(
    room: Room, origin: Float32[np.ndarray, "3"], rays: Columns, hits: Hits, blur: float, rng: np.random.Generator
) -> tuple[Int64[np.ndarray, " f"], Hits, Float32[np.ndarray, "3 f"]]:
    """What the floor shows of the room: which rays end on it, and their mirror images' hits and places.

    All mirror images leave one point below the floor, whose other side they do not see.

    Args:
        room: the room.
        origin: where the rays leave.
        rays: their directions.
        hits: where they end.
        blur: of the mirror: standard deviation of the directions, in shares of a ray's length.
        rng: draws it.
    """
    rows = np.flatnonzero(hits.surface == FLOOR)
    flip = f32([1, 1, -1])
    below = origin * flip
    ways = np.take(rays, rows, axis=1) * flip[:, None]
    ways += f32(rng.normal(0, blur, ways.shape)) * np.sqrt((ways * ways).sum(0))
    ways[2] = np.maximum(ways[2], 1e-3)
    seen = cast(room, below, ways)
    return rows, seen, below[:, None] + ways * seen.distance


def fresnel(facing: Values, straight: float) -> Values:
    """The share of light that is mirrored (Schlick 1994), from that of a straight look at the surface."""
    return straight + (1 - straight) * (1 - np.clip(facing, 0, 1)) ** 5
