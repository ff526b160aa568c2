"""What a ray meets first in a room. All rays of a call leave one point, which keeps the arithmetic to a few products.

Vectors are columns. Letters in shapes: r rays, p solids, k flat boundaries of the room, f faces.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64

from headfreeze.synth.scene import Room
from headfreeze.synth.shapes import Shapes
from headfreeze.synth.spans import NEVER, TINY, facing_normals, spans

Point = Float32[np.ndarray, "3"]
Rays = Float32[np.ndarray, "3 r"]

BLOCK = 1024
"""Rays that are followed at once: few enough for the cache. A solid outside of a block's cone costs nothing, so rays
that come one after another should be near one another (see `Camera.rays`)."""


class Hits(NamedTuple):
    """Where rays end: `distance` in units of the ray, unit `normal` on the side from which the ray came."""

    distance: Float32[np.ndarray, " r"]
    surface: Int64[np.ndarray, " r"]
    normal: Rays


def cast(room: Room, origin: Point, rays: Rays) -> Hits:
    """The first surface along each ray.

    Args:
        room: the room. Its solids that contain the origin are not seen.
        origin: a point inside the room.
        rays: directions of any length but 0.
    """
    hits = _leave_room(room, origin, rays)
    for niche in range(len(room.niches)):
        _enter_niche(room, niche, origin, rays, hits)
    distance, solid = _first_solid(room.solids, origin, rays)
    hit = np.flatnonzero(distance < hits.distance)
    if len(hit):
        hits.distance[hit] = distance[hit]
        hits.surface[hit] = room.first_solid + solid[hit]
        hits.normal[:, hit] = facing_normals(room.solids, solid[hit], origin, np.take(rays, hit, axis=1), distance[hit])
    return hits


def blocked(solids: Shapes, origin: Point, rays: Rays, share: float = 0.995) -> Bool[np.ndarray, " r"]:
    """Whether a solid that does not contain the origin lies on the way to origin + ray.

    The point at the end lies on a solid itself: only this share of the way to it counts.
    """
    hit = np.zeros(rays.shape[1], bool)
    for block, ahead in _blocks(solids, origin, rays):
        enter, leave = spans(solids, ahead, origin, rays[:, block])
        hit[block] = ((enter < leave) & (enter > 0) & (enter < share)).any(axis=0)
    return hit


def _first_solid(
    solids: Shapes, origin: Point, rays: Rays
) -> tuple[Float32[np.ndarray, " r"], Int64[np.ndarray, " r"]]:
    """Distance to the nearest solid, and which it is; infinite where there is none."""
    distance = np.full(rays.shape[1], NEVER)
    solid = np.zeros(rays.shape[1], np.int64)
    for block, ahead in _blocks(solids, origin, rays):
        enter, leave = spans(solids, ahead, origin, rays[:, block])
        enter[(enter >= leave) | (enter <= 0)] = NEVER
        distance[block] = enter.min(axis=0)
        solid[block] = ahead[enter.argmin(axis=0)]
    return distance, solid


def _blocks(solids: Shapes, origin: Point, rays: Rays) -> Iterator[tuple[slice, Int64[np.ndarray, " n"]]]:
    """Blocks of rays, each with the solids (at least one) whose bounding balls meet the cone around its rays."""
    count = rays.shape[1]
    if not count or not len(solids):
        return
    starts = np.arange(0, count, BLOCK)
    unit = rays / np.sqrt((rays * rays).sum(0))
    axis = np.add.reduceat(unit, starts, axis=1)  # 3 blocks
    axis /= np.sqrt((axis * axis).sum(0)) + TINY
    narrow = (unit * np.repeat(axis, BLOCK, axis=1)[:, :count]).sum(0)
    spread = _angle(np.minimum.reduceat(narrow, starts))
    to_centre = solids.centre - origin
    distance = np.sqrt((to_centre * to_centre).sum(1)) + TINY
    away = _angle(np.einsum("pi,ib->pb", to_centre, axis) / distance[:, None])  # solids blocks
    meets = away < spread + np.arcsin(np.minimum(solids.radius / distance, 1))[:, None] + 1e-3
    for i, start in enumerate(starts):
        ahead = np.flatnonzero(meets[:, i])
        if len(ahead):
            yield slice(start, min(start + BLOCK, count)), ahead


def _angle(cosine: Float32[np.ndarray, "*n"]) -> Float32[np.ndarray, "*n"]:
    return np.arccos(np.maximum(np.minimum(cosine, 1), -1))


def _leave_room(room: Room, origin: Point, rays: Rays) -> Hits:
    """Where rays meet the flat boundaries."""
    height = room.plane_normal @ origin + room.plane_offset  # k, positive inside
    approach = np.einsum("ki,ir->kr", room.plane_normal, rays)  # negative towards the plane
    with np.errstate(divide="ignore"):
        distance = np.where(approach < 0, -height[:, None] / approach, NEVER)
    plane = distance.argmin(axis=0)
    return Hits(distance.min(axis=0), plane, np.take(room.plane_normal.T, plane, axis=1))


def _enter_niche(room: Room, index: int, origin: Point, rays: Rays, hits: Hits) -> None:
    """Follows, in place, the rays that meet a wall at one of its niches to the inside of the niche."""
    shapes = room.niches.shapes
    rows = np.flatnonzero(hits.surface == room.niches.wall[index])
    if not len(rows):
        return
    to_unit = shapes.to_unit[:, index]
    start = (to_unit @ (origin - shapes.centre[index]))[:, None]
    step = np.einsum("ai,ir->ar", to_unit, np.take(rays, rows, axis=1)) + TINY
    at_wall = np.abs(start + step * hits.distance[rows])
    through = (at_wall[0] < 1) & (at_wall[2] < 1)
    rows, step = rows[through], np.compress(through, step, axis=1)
    # The niche's own y axis points out of the room: its face at y = -1 is the hole in the wall.
    leave = (np.sign(step) - start) / step
    face = leave.argmin(axis=0)
    unit = np.where(np.arange(3)[:, None] == face, -np.sign(step), 0)
    hits.distance[rows] = leave.min(axis=0)
    hits.surface[rows] = room.first_niche + 2 * index + (face == 1)  # the jambs, or the back
    hits.normal[:, rows] = np.einsum("ia,ar->ir", shapes.axes[index], unit)
