"""Draws rooms at random: walls, slanted ceilings, windows and doors, furniture, and a camera that sees them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float32

from headfreeze.synth.camera import Camera, Carrier
from headfreeze.synth.floorplan import FloorPlan, Plane, Spot
from headfreeze.synth.furniture import PIECES
from headfreeze.synth.pieces import Part, Piece, block
from headfreeze.synth.rich_furniture import RICH_PIECES
from headfreeze.synth.scene import CLASSES, Niches, Room
from headfreeze.synth.shapes import BALL, BOX, CYLINDER, IDENTITY, Shapes, f32, rotation

Rng = np.random.Generator
_T = TypeVar("_T")
Turn = Float32[np.ndarray, "3 3"]

WALLS = ((1, 0), (0, 1), (-1, 0), (0, -1))
"""Outward directions of the four walls; they are flat boundaries 2 to 5, after floor and ceiling."""
FIRST_WALL = 2


@dataclass(frozen=True)
class Interior:
    """How large rooms are (half extents in metres), and what stands in them."""

    half_m: tuple[float, float]
    height_m: tuple[float, float]
    pieces: Mapping[Callable[[Rng], Piece], float]
    """Every piece, and how often it is drawn."""
    tries: tuple[int, int]
    """Fewest and most pieces that are tried to place."""
    floors: tuple[str, ...] = ("floor",)
    """Materials, one of which the floor is of."""
    trim: bool = False
    """Whether there are skirtings and door frames."""
    daylight: bool = False
    """Whether the sun may shine in, and floors may mirror."""


SIMPLE = Interior((1.4, 2.8), (2.3, 3.1), PIECES, (6, 14))
RICH = Interior((1.5, 4.5), (2.3, 3.6), RICH_PIECES, (10, 30), ("floor", "floor", "carpet"), True, True)


class _Builder:
    """A room under construction."""

    def __init__(self, rng: Rng, interior: Interior) -> None:
        self.rng, self.interior = rng, interior
        self.half = (rng.uniform(*interior.half_m), rng.uniform(*interior.half_m))
        self.height = rng.uniform(*interior.height_m)
        self.plan = FloorPlan()
        self.solids: list[tuple[Part, int]] = []
        self.niches: list[tuple[Part, int]] = []
        self.niche_walls: list[int] = []
        self.materials: list[str] = []

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def one_of(self, choices: Sequence[_T]) -> _T:
        return choices[int(self.rng.integers(len(choices)))]

    def half_length(self, side: int) -> float:
        """Half the length of a wall."""
        x, y = WALLS[side]
        return abs(y * self.half[0] + x * self.half[1])

    def within(self, share: float) -> tuple[float, float]:
        """A point of the floor, evenly drawn from the room shrunk to a share of its extents."""
        return self.rng.uniform(-share, share) * self.half[0], self.rng.uniform(-share, share) * self.half[1]

    def material(self, name: str) -> int:
        self.materials.append(name)
        return len(self.materials) - 1

    def add(self, parts: Sequence[Part], position: tuple[float, float, float], turn: Turn) -> None:
        """Puts parts into the room; those of one material name share one material."""
        own = {name: self.material(name) for name in dict.fromkeys(part.material for part in parts)}
        self.solids += [(_placed(part, position, turn), own[part.material]) for part in parts]

    def along_wall(self, side: int, inset: float, share: float) -> tuple[float, float]:
        """A point at a distance (negative: outwards) from a wall; `share` of -1 and 1 are the wall's right and left."""
        x, y = WALLS[side]
        depth = abs(x * self.half[0] + y * self.half[1]) - inset
        across = share * self.half_length(side)
        return x * depth - y * across, y * depth + x * across

    def room(self) -> Room:
        x, y = self.within(0.3)
        planes = self.plan.planes
        return Room(
            plane_normal=f32([p.normal for p in planes]),
            plane_offset=f32([p.offset for p in planes]),
            plane_label=np.array([CLASSES.index(p.label) for p in planes]),
            plane_material=np.array([p.material for p in planes]),
            niches=Niches(_shapes(self.niches), np.array(self.niche_walls, np.int64)),
            solids=_shapes(sorted(self.solids, key=lambda solid: solid[0].kind)),
            materials=tuple(self.materials),
            light=f32([x, y, self.plan.headroom_m(Spot(x, y, 0.2, 0.2)) - 0.2]),
            **(self._daylight() if self.interior.daylight else {}),
        )

    def _daylight(self) -> dict[str, Any]:
        """Sun through one of the windows, and how polished the floor is, unless it is a carpet."""
        found: dict[str, Any] = {}
        sides = [
            wall - FIRST_WALL for (p, _), wall in zip(self.niches, self.niche_walls, strict=True) if p.label == "window"
        ]
        if sides and self.chance(0.5):
            x, y = WALLS[self.one_of(sides)]
            turn, high = math.atan2(y, x) + math.radians(self.rng.normal(0, 30)), math.radians(self.rng.uniform(12, 55))
            sun = (math.cos(turn) * math.cos(high), math.sin(turn) * math.cos(high), math.sin(high))
            found["sun"] = f32(sun)
        if self.materials[self.plan.planes[0].material] == "floor" and self.chance(0.6):
            found["polish"] = self.rng.uniform(0.01, 0.12)
        return found


def draw_room(rng: Rng, carriers: Sequence[Carrier], interior: Interior = SIMPLE) -> tuple[Room, Camera]:
    """A furnished room, and a camera in it that one of the carriers has brought."""
    b = _Builder(rng, interior)
    _shell(b)
    if b.chance(0.25):
        _attic(b)
    if b.chance(0.25):
        _cut_corner(b)
    elif b.chance(0.35):
        _shaft(b)
    camera = _camera(b, b.one_of(carriers))
    _openings(b)
    if interior.trim:
        _skirting(b)
    few, many = interior.tries
    for _ in range(int(rng.integers(few, many + 1))):
        _furnish(b)
    for _ in range(int(rng.integers(0, 6))):
        _picture(b)
    if b.chance(0.5):
        _hanging_lamp(b)
    return b.room(), camera


def _shell(b: _Builder) -> None:
    """Floor, ceiling and four walls."""
    b.plan.planes += [
        Plane((0, 0, 1), 0.0, "floor", b.material(b.one_of(b.interior.floors))),
        Plane((0, 0, -1), b.height, "ceiling", b.material("ceiling")),
    ]
    wall = b.material("wall")
    b.plan.planes += [Plane((-x, -y, 0), abs(x * b.half[0] + y * b.half[1]), "wall", wall) for x, y in WALLS]


def _attic(b: _Builder) -> None:
    """The ceiling comes down to a knee wall, on one side or on two opposite ones."""
    slope, knee = math.radians(b.rng.uniform(25, 55)), b.rng.uniform(0.9, 1.6)
    first = int(b.rng.integers(4))
    for side in (first, (first + 2) % 4)[: 2 if b.chance(0.4) else 1]:
        x, y = WALLS[side]
        offset = math.sin(slope) * abs(x * b.half[0] + y * b.half[1]) + math.cos(slope) * knee
        normal = (-math.sin(slope) * x, -math.sin(slope) * y, -math.cos(slope))
        b.plan.planes.append(Plane(normal, offset, "ceiling", b.plan.planes[1].material))


def _cut_corner(b: _Builder) -> None:
    """A wall across a corner."""
    turn, cut = math.radians(b.rng.uniform(30, 60)), b.rng.uniform(0.5, 1.1)
    x, y = math.cos(turn) * b.rng.choice([-1, 1]), math.sin(turn) * b.rng.choice([-1, 1])
    offset = abs(x) * b.half[0] + abs(y) * b.half[1] - cut
    b.plan.planes.append(Plane((-x, -y, 0), offset, "wall", b.plan.planes[FIRST_WALL].material))


def _shaft(b: _Builder) -> None:
    """A shaft or a chimney in a corner, which makes the room an L."""
    w, d = b.rng.uniform(0.2, 0.6, 2)
    x, y = (b.half[0] - w) * b.rng.choice([-1, 1]), (b.half[1] - d) * b.rng.choice([-1, 1])
    part = Part(BOX, (x, y, 2), (w, d, 2), "wall", "wall")
    b.solids.append((part, b.plan.planes[FIRST_WALL].material))
    b.plan.taken.append(Spot(x, y, w, d))


def _camera(b: _Builder, carrier: Carrier) -> Camera:
    """A camera that looks across the room; its place is kept free."""
    near, far = carrier.clearance_m
    clearance = near if near == far else b.rng.uniform(near, far)
    while True:
        x, y = b.within(0.85)
        to_x, to_y = b.within(0.7)
        to_x, to_y = to_x - 1.3 * x, to_y - 1.3 * y  # rather across the room than into the nearest wall
        clear = Spot(x, y, clearance, clearance)
        apart = all(clear.apart_from(other) for other in b.plan.taken)
        if apart and math.hypot(to_x, to_y) > 0.9 * max(b.half) and b.plan.inside(Spot(x, y, 0.25, 0.25)):
            break
    b.plan.taken.append(clear)
    height = min(b.rng.uniform(*carrier.height_m), b.plan.headroom_m(Spot(x, y, 0.1, 0.1)) - 0.2)
    return Camera.aimed(
        (x, y, height),
        yaw_deg=math.degrees(math.atan2(-to_x, to_y)),
        pitch_deg=b.rng.normal(*carrier.pitch_deg),
        roll_deg=b.rng.normal(0, carrier.roll_deg),
        fov_deg=b.rng.uniform(*carrier.fov_deg),
        by_phone=carrier.by_phone,
    )


def _openings(b: _Builder) -> None:
    """Up to two windows and a door, each in a wall of its own."""
    kinds = ["window"] * int(b.rng.integers(0, 3)) + ["door"] * b.chance(0.7)
    for side, kind in zip(b.rng.permutation(4), kinds, strict=False):
        long = b.half_length(int(side))
        if kind == "door":
            width, low, high, depth = b.rng.uniform(0.4, 0.5), 0.0, b.rng.uniform(2.0, 2.15), b.rng.uniform(0.03, 0.15)
        else:
            width, low = b.rng.uniform(0.4, min(1.1, long - 0.3)), b.rng.uniform(0.2, 1.1)
            high, depth = b.rng.uniform(1.9, 2.2), b.rng.uniform(0.08, 0.3)
        share, yaw = b.rng.uniform(-1, 1) * (long - width - 0.15) / long, _yaw_towards(*WALLS[side])
        before = Spot(*b.along_wall(side, 0.05, share), width, 0.03, yaw)
        if not b.plan.inside(before) or b.plan.headroom_m(before) < high:
            continue  # a slanted ceiling or a corner that is cut off is in its way
        x, y = b.along_wall(side, 0, share)
        turn = rotation(2, yaw)
        hole = Part(BOX, (0, depth / 2, (low + high) / 2), (width, depth / 2, (high - low) / 2), kind, kind)
        b.niches.append((_placed(hole, (x, y, 0), turn), b.material(kind)))
        b.niche_walls.append(FIRST_WALL + int(side))
        if kind == "door":
            b.plan.taken.append(Spot(x, y, width, 0.5, yaw))  # doors can be reached
        elif b.chance(0.6):
            half = (width + 0.05, depth / 2 + 0.06, 0.02)
            b.add([Part(BOX, (0, depth / 2 - 0.06, low - 0.02), half, "window", "paint")], (x, y, 0), turn)


def _skirting(b: _Builder) -> None:
    """A board along every wall, with gaps at the doors, and frames around these."""
    high, paint = b.rng.uniform(0.05, 0.14), b.material("paint")
    for side in range(len(WALLS)):
        long = b.half_length(side)
        x, y = b.along_wall(side, 0.006, 0)
        turn = rotation(2, _yaw_towards(*WALLS[side]))
        doors = [
            (part, float(turn[:, 0] @ (f32(part.centre) - f32([x, y, 0]))))
            for (part, _), wall in zip(b.niches, b.niche_walls, strict=True)
            if wall == FIRST_WALL + side and part.label == "door"
        ]
        ends = [-long, *(at + s * part.half[0] for part, at in doors for s in (-1, 1)), long]
        boards = [
            block(pair, (-0.006, 0.006), (0, high), "wall", "paint") for pair in zip(*[iter(ends)] * 2, strict=True)
        ]
        for part, at in doors:
            top, w = part.centre[2] + part.half[2], part.half[0]
            boards += [
                block(
                    (at + s * (w + 0.03) - 0.03, at + s * (w + 0.03) + 0.03), (-0.01, 0.01), (0, top), "door", "paint"
                )
                for s in (-1, 1)
            ]
            boards.append(block((at - w - 0.06, at + w + 0.06), (-0.01, 0.01), (top, top + 0.06), "door", "paint"))
        b.solids += [(_placed(board, (x, y, 0), turn), paint) for board in boards]


def _furnish(b: _Builder) -> None:
    """Tries to place one more piece; gives up where the room is full."""
    pieces = b.interior.pieces
    makers, weights = list(pieces), np.cumsum(list(pieces.values()))
    piece = makers[int(np.searchsorted(weights, b.rng.uniform(0, weights[-1]), side="right"))](b.rng)
    top = max(part.centre[2] + part.half[2] for part in piece.parts)
    for _ in range(8):
        spot = _spot(b, piece)
        # What is taller than any room is a pillar, which goes through every ceiling.
        if b.plan.free(spot) and (top > 3.1 or top < b.plan.headroom_m(spot)):
            if piece.half_width:
                b.plan.taken.append(spot)
            b.add(piece.parts, (spot.x, spot.y, 0.0), rotation(2, spot.yaw_deg))
            return


def _spot(b: _Builder, piece: Piece) -> Spot:
    """A place and a turn for a piece: its back to a wall, not quite parallel, or anywhere."""
    if not piece.at_wall:
        return Spot(*b.within(1), piece.half_width, piece.half_depth, b.rng.uniform(0, 360))
    side, tilt = int(b.rng.integers(4)), b.rng.normal(0, 4)
    gap = 0.02 + piece.half_width * abs(math.sin(math.radians(tilt)))
    x, y = b.along_wall(side, piece.half_depth + gap, b.rng.uniform(-1, 1))
    return Spot(x, y, piece.half_width, piece.half_depth, _yaw_towards(*WALLS[side]) + tilt)


def _picture(b: _Builder) -> None:
    """A picture on a wall without openings, roughly straight."""
    side, w, h, z = (
        int(b.rng.integers(4)),
        b.rng.uniform(0.15, 0.55),
        b.rng.uniform(0.15, 0.4),
        b.rng.uniform(1.4, 1.75),
    )
    yaw = _yaw_towards(*WALLS[side])
    spot = Spot(*b.along_wall(side, 0.03, b.rng.uniform(-0.7, 0.7)), w, 0.015, yaw)
    turn = rotation(2, yaw) @ rotation(1, b.rng.normal(0, 1.5))
    if FIRST_WALL + side not in b.niche_walls and b.plan.inside(spot) and b.plan.headroom_m(spot) > z + h:
        b.add([Part(BOX, (0, 0, 0), (w, 0.028, h), "picture", "picture")], (spot.x, spot.y, z), turn)


def _hanging_lamp(b: _Builder) -> None:
    """A lamp on a cord, where the ceiling is high enough."""
    (x, y), drop, r = b.within(0.5), b.rng.uniform(0.3, 0.7), b.rng.uniform(0.1, 0.25)
    kind, flat = (BALL, r) if b.chance(0.5) else (CYLINDER, r * b.rng.uniform(0.3, 0.9))
    top = b.plan.headroom_m(Spot(x, y, 0, 0))
    if top - drop > 1.9:
        shade = Part(kind, (0, 0, -drop), (r, r, flat), "lamp", "shade")
        cord = Part(CYLINDER, (0, 0, (flat - drop) / 2), (0.012, 0.012, (drop - flat) / 2), "lamp", "metal")
        b.add([shade, cord], (x, y, top), IDENTITY)


def _yaw_towards(x: float, y: float) -> float:
    """Turn about z, in degrees, that takes the y axis to a level direction."""
    return math.degrees(math.atan2(-x, y))


def _placed(part: Part, position: tuple[float, float, float], turn: Turn) -> Part:
    """A part in the world's frame."""
    centre = turn @ f32(part.centre) + f32(position)
    return Part(part.kind, tuple(centre), part.half, part.label, part.material, turn @ part.turn)


def _shapes(solids: Sequence[tuple[Part, int]]) -> Shapes:
    """Parts and their materials as arrays."""
    parts = [part for part, _ in solids]
    return Shapes(
        kind=np.array([part.kind for part in parts], np.int64),
        centre=np.array([part.centre for part in parts], np.float32).reshape(-1, 3),
        axes=np.array([part.turn for part in parts], np.float32).reshape(-1, 3, 3),
        half=np.array([part.half for part in parts], np.float32).reshape(-1, 3),
        label=np.array([CLASSES.index(part.label) for part in parts], np.int64),
        material=np.array([material for _, material in solids], np.int64),
    )
