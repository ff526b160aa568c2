"""What furniture is put together from, in a frame of its own: x to its right, y to its back, z up from the floor."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float32

from headfreeze.synth.shapes import BALL, BOX, CYLINDER, IDENTITY, f32, rotation

Rng = np.random.Generator
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Part:
    """One solid: its unit shape, centre and half extents in metres, class and material; `turn` are its axes."""

    kind: int
    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    label: str
    material: str
    turn: Float32[np.ndarray, "3 3"] = field(default_factory=lambda: IDENTITY)


@dataclass(frozen=True)
class Piece:
    """Parts that are placed together, and the half extents of the floor they need."""

    parts: list[Part]
    half_width: float
    half_depth: float
    at_wall: bool = True
    """Whether it stands with its back to a wall, or anywhere."""


def extent(part: Part) -> Point:
    """Half the size of the upright box around a part."""
    axes = part.turn * f32(part.half)
    if part.kind == BALL:
        return _point(np.sqrt((axes * axes).sum(1)))
    if part.kind == CYLINDER:
        return _point(np.hypot(axes[:, 0], axes[:, 1]) + np.abs(axes[:, 2]))
    return _point(np.abs(axes).sum(1))


def around(parts: list[Part], at_wall: bool = True) -> Piece:
    """A piece that needs just the floor that its parts stand on or hang over."""
    reach = [(abs(p.centre[0]) + extent(p)[0], abs(p.centre[1]) + extent(p)[1]) for p in parts]
    return Piece(parts, max(x for x, _ in reach), max(y for _, y in reach), at_wall)


def block(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], label: str, material: str) -> Part:
    """An upright box from its extents."""
    centre = ((x[0] + x[1]) / 2, (y[0] + y[1]) / 2, (z[0] + z[1]) / 2)
    half = ((x[1] - x[0]) / 2, (y[1] - y[0]) / 2, (z[1] - z[0]) / 2)
    return Part(BOX, centre, half, label, material)


def post(x: float, y: float, z: tuple[float, float], radius: float, label: str, material: str) -> Part:
    """An upright cylinder."""
    return Part(CYLINDER, (x, y, (z[0] + z[1]) / 2), (radius, radius, (z[1] - z[0]) / 2), label, material)


def legs(w: float, d: float, height: float, thick: float, label: str, material: str, round_: bool) -> list[Part]:
    """Four legs at the corners of a w × d half extent."""
    corners = [(sx * (w - thick), sy * (d - thick)) for sx in (-1, 1) for sy in (-1, 1)]
    if round_:
        return [post(x, y, (0, height), thick, label, material) for x, y in corners]
    return [Part(BOX, (x, y, height / 2), (thick, thick, height / 2), label, material) for x, y in corners]


def clutter(rng: Rng, z: float, w: float, d: float, count: int) -> list[Part]:
    """Small things on a w × d (half extents) surface at height z: boxes, balls, cans."""
    parts = []
    for _ in range(count):
        x, y = rng.uniform(-0.75, 0.75) * w, rng.uniform(-0.5, 0.5) * d
        r = rng.uniform(0.05, 0.13)
        kind = int(rng.choice([BOX, CYLINDER, BALL]))
        half = (
            (r, r * rng.uniform(0.5, 1.2), r * rng.uniform(0.6, 1.8))
            if kind == BOX
            else (r, r, r * rng.uniform(0.8, 1.8))
        )
        parts.append(Part(kind, (x, y, z + half[2]), half, "object", "thing", rotation(2, rng.uniform(0, 180))))
    return parts


def tube(start: Point, end: Point, radius: float, label: str, material: str) -> Part:
    """A round bar between two points."""
    length = math.dist(start, end)
    zx, zy, zz = ((b - a) / length for a, b in zip(start, end, strict=True))
    level = math.hypot(zx, zy)
    xx, xy = (zy / level, -zx / level) if level > 1e-6 else (1.0, 0.0)  # across it, and level
    turn = f32([[xx, -zz * xy, zx], [xy, zz * xx, zy], [0, zx * xy - zy * xx, zz]])
    middle = _point((f32(start) + f32(end)) / 2)
    return Part(CYLINDER, middle, (radius, radius, length / 2), label, material, turn)


def moved(parts: Sequence[Part], x: float, y: float, yaw_deg: float) -> list[Part]:
    """Parts of a piece, turned about z and put somewhere else on the floor."""
    turn, to = rotation(2, yaw_deg), f32([x, y, 0])
    return [replace(part, centre=_point(turn @ f32(part.centre) + to), turn=turn @ part.turn) for part in parts]


def _point(values: Float32[np.ndarray, "3"]) -> Point:
    x, y, z = map(float, values)
    return x, y, z
