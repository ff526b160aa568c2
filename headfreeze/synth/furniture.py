"""Pieces of furniture, each a few solids in a frame of its own: x to its right, y to its back, z up from the floor."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from headfreeze.synth.pieces import Part, Piece, Rng, block, clutter, legs, post
from headfreeze.synth.shapes import BALL, BOX, CYLINDER, WEDGE, rotation


def cabinet(rng: Rng) -> Piece:
    """A sideboard, a wardrobe or a kitchen unit with a worktop."""
    w, d = rng.uniform(0.3, 0.9), rng.uniform(0.2, 0.32)
    tall = rng.random() < 0.35
    h = rng.uniform(1.7, 2.15) if tall else rng.uniform(0.6, 1.05)
    parts = [
        block((-w, w), (-d, d), (0.06, h), "cabinet", "fronts"),
        block((-w, w), (-d + 0.04, d), (0, 0.06), "cabinet", "wood"),
    ]
    if not tall:
        if rng.random() < 0.6:
            parts.append(block((-w - 0.02, w + 0.02), (-d - 0.02, d), (h, h + 0.04), "cabinet", "wood"))
            h += 0.04
        parts += clutter(rng, h, w, d, int(rng.integers(0, 3)))
        if rng.random() < 0.25:
            low = rng.uniform(1.35, 1.5)
            parts.append(block((-w, w), (0, d), (low, low + 0.6), "cabinet", "fronts"))
    return Piece(parts, w + 0.02, d + 0.02)


def table(rng: Rng) -> Piece:
    """A table on four legs or, round, on one."""
    h = rng.uniform(0.68, 0.78) if rng.random() < 0.7 else rng.uniform(0.35, 0.5)
    if rng.random() < 0.3:
        r = rng.uniform(0.35, 0.65)
        parts = [
            post(0, 0, (h - 0.04, h), r, "table", "wood"),
            post(0, 0, (0.03, h - 0.04), 0.05, "table", "metal"),
            post(0, 0, (0, 0.03), r * 0.55, "table", "metal"),
        ]
        return Piece(parts + clutter(rng, h, r * 0.7, r * 0.7, int(rng.integers(0, 3))), r, r, at_wall=False)
    w, d = rng.uniform(0.45, 1.0), rng.uniform(0.3, 0.5)
    leg_material = str(rng.choice(["wood", "metal"]))
    parts = [block((-w, w), (-d, d), (h - 0.05, h), "table", "wood")]
    parts += legs(
        w - 0.03, d - 0.03, h - 0.05, rng.uniform(0.02, 0.04), "table", leg_material, bool(rng.random() < 0.4)
    )
    return Piece(parts + clutter(rng, h, w, d, int(rng.integers(0, 4))), w, d, at_wall=bool(rng.random() < 0.3))


def shelf(rng: Rng) -> Piece:
    """An open shelf with books."""
    w, d, h = rng.uniform(0.3, 0.6), rng.uniform(0.13, 0.2), rng.uniform(1.0, 2.1)
    boards = int(rng.integers(3, 6))
    levels = np.linspace(0.04, h - 0.02, boards)
    parts = [block((s * w - 0.02, s * w + 0.02), (-d, d), (0, h), "shelf", "wood") for s in (-1, 1)]
    if rng.random() < 0.7:
        parts.append(block((-w, w), (d - 0.02, d), (0, h), "shelf", "wood"))
    for z, above in pairwise(levels):
        parts.append(block((-w, w), (-d, d), (z - 0.02, z + 0.02), "shelf", "wood"))
        if rng.random() < 0.6:
            left, right = np.sort(rng.uniform(-w + 0.03, w - 0.03, 2))
            top = z + 0.02 + (above - z - 0.04) * rng.uniform(0.5, 0.9)
            parts.append(block((left, right), (-d * 0.7, d), (z + 0.02, top), "object", "books"))
    parts.append(block((-w, w), (-d, d), (levels[-1] - 0.02, levels[-1] + 0.02), "shelf", "wood"))
    return Piece(parts, w + 0.02, d)


def sofa(rng: Rng) -> Piece:
    """A sofa or an armchair, with a back that leans."""
    w, d, seat = rng.uniform(0.45, 1.05), rng.uniform(0.38, 0.48), rng.uniform(0.36, 0.46)
    back, lean = rng.uniform(0.3, 0.45), rng.uniform(5, 20)
    parts = [
        block((-w, w), (-d, d), (0, seat), "seat", "fabric"),
        Part(BOX, (0, d - 0.1, seat + back / 2), (w, 0.09, back / 2 + 0.08), "seat", "fabric", rotation(0, -lean)),
    ]
    if rng.random() < 0.8:
        arm = seat + rng.uniform(0.12, 0.22)
        parts += [block((s * w - 0.08, s * w + 0.08), (-d, d), (0, arm), "seat", "fabric") for s in (-1, 1)]
    for _ in range(int(rng.integers(0, 3))):
        x, size = rng.uniform(-0.6, 0.6) * w, rng.uniform(0.17, 0.24)
        turn = rotation(2, rng.uniform(-25, 25)) @ rotation(0, -lean - rng.uniform(5, 25))
        parts.append(Part(BALL, (x, d - 0.28, seat + size * 0.85), (size, 0.09, size), "seat", "cushion", turn))
    return Piece(parts, w + 0.08, d + 0.08, at_wall=bool(rng.random() < 0.7))  # its back leans out


def chair(rng: Rng) -> Piece:
    """A chair on four legs, or a stool."""
    w, seat = rng.uniform(0.2, 0.25), rng.uniform(0.42, 0.5)
    material = str(rng.choice(["wood", "plastic"]))
    if rng.random() < 0.2:
        parts = [
            post(0, 0, (seat - 0.06, seat), w, "seat", "fabric"),
            post(0, 0, (0, seat - 0.06), 0.04, "seat", "metal"),
        ]
        return Piece(parts, w, w, at_wall=False)
    lean, back = rng.uniform(4, 16), rng.uniform(0.35, 0.5)
    parts = [
        block((-w, w), (-w, w), (seat - 0.04, seat), "seat", material),
        *legs(w, w, seat - 0.04, 0.02, "seat", material, True),
    ]
    parts.append(Part(BOX, (0, w, seat + back / 2), (w, 0.018, back / 2), "seat", material, rotation(0, -lean)))
    return Piece(parts, w, w + 0.1, at_wall=False)


def bed(rng: Rng) -> Piece:
    """A bed with a headboard and a pillow or two."""
    w, d = rng.choice([0.45, 0.7, 0.9]), 1.0
    frame, top = rng.uniform(0.2, 0.3), rng.uniform(0.42, 0.58)
    parts = [
        block((-w, w), (-d, d), (0.05, frame), "bed", "wood"),
        block((-w + 0.02, w - 0.02), (-d + 0.02, d - 0.02), (frame, top), "bed", "linen"),
        block((-w, w), (d, d + 0.06), (0, top + rng.uniform(0.2, 0.6)), "bed", "wood"),
    ]
    if rng.random() < 0.6:
        parts.append(block((-w, w), (-d, rng.uniform(0, 0.5)), (frame + 0.05, top + 0.04), "bed", "fabric"))
    for x in [0.0] if w < 0.6 else [-w / 2, w / 2]:
        parts.append(
            Part(BALL, (x, d - 0.25, top + 0.06), (0.3, 0.19, 0.1), "bed", "linen", rotation(2, rng.uniform(-12, 12)))
        )
    return Piece(parts, w, d + 0.06)


def floor_lamp(rng: Rng) -> Piece:
    """A standing lamp."""
    h, r, drop = rng.uniform(1.3, 1.7), rng.uniform(0.15, 0.25), rng.uniform(0.2, 0.35)
    parts = [
        post(0, 0, (0, 0.03), 0.15, "lamp", "metal"),
        post(0, 0, (0.03, h), 0.018, "lamp", "metal"),
        post(0, 0, (h - drop, h), r, "lamp", "shade"),
    ]
    return Piece(parts, 0.25, 0.25)


def plant(rng: Rng) -> Piece:
    """A pot with leaves, or just a large vase."""
    r, h = rng.uniform(0.12, 0.22), rng.uniform(0.2, 0.45)
    parts = [post(0, 0, (0, h), r, "object", "pottery")]
    for _ in range(int(rng.integers(0, 4))):
        size = rng.uniform(0.12, 0.25)
        centre = (rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1), h + rng.uniform(0.6, 1.6) * size)
        turn = rotation(2, rng.uniform(0, 180)) @ rotation(0, rng.uniform(-40, 40))
        parts.append(Part(BALL, centre, (size, size * 0.6, size * 1.3), "object", "leaves", turn))
    return Piece(parts, 0.3, 0.3)


def column(rng: Rng) -> Piece:
    """A round or square pillar, part of the building."""
    r = rng.uniform(0.15, 0.3)
    kind = CYLINDER if rng.random() < 0.6 else BOX
    return Piece([Part(kind, (0, 0, 1.6), (r, r, 1.6), "wall", "wall")], r, r, at_wall=False)


def leaning_board(rng: Rng) -> Piece:
    """A board, a mirrorless frame or a mattress that leans against the wall."""
    w, h, lean = rng.uniform(0.2, 0.7), rng.uniform(0.8, 1.9), rng.uniform(8, 28)
    run = h * np.sin(np.deg2rad(lean)) / 2
    height = h * np.cos(np.deg2rad(lean)) / 2 + 0.02 * np.sin(np.deg2rad(lean))
    part = Part(
        BOX, (0, 0, height), (w, 0.02, h / 2), "object", str(rng.choice(["wood", "plastic"])), rotation(0, -lean)
    )
    return Piece([part], w, run + 0.03)


def ramp(rng: Rng) -> Piece:
    """A wedge: a ramp, a lectern, a child's slide."""
    w, d, h = rng.uniform(0.25, 0.6), rng.uniform(0.3, 0.7), rng.uniform(0.12, 0.4)
    # The wedge's slope rises against its x axis; a quarter turn makes it rise towards the back.
    part = Part(WEDGE, (0, 0, h), (d, w, h), "object", str(rng.choice(["wood", "plastic"])), rotation(2, -90))
    return Piece([part], w, d, at_wall=bool(rng.random() < 0.4))


def crates(rng: Rng) -> Piece:
    """Boxes on the floor, sometimes stacked, each turned its own way; or a ball."""
    if rng.random() < 0.25:
        r = rng.uniform(0.12, 0.35)
        return Piece([Part(BALL, (0, 0, r), (r, r, r), "object", "plastic")], r, r, at_wall=False)
    w, z, parts = rng.uniform(0.2, 0.36), 0.0, []
    for _ in range(int(rng.integers(1, 4))):
        h = rng.uniform(0.12, 0.25)
        part = Part(
            BOX, (0, 0, z + h), (w, w * rng.uniform(0.6, 1), h), "object", "card", rotation(2, rng.uniform(-30, 30))
        )
        parts.append(part)
        z, w = z + 2 * h, w * rng.uniform(0.7, 0.95)
    return Piece(parts, 0.5, 0.5, at_wall=False)


PIECES: dict[Callable[[Rng], Piece], float] = {
    cabinet: 4, table: 4, sofa: 3, chair: 4, shelf: 2, bed: 1.5, floor_lamp: 1.6, plant: 1.2,
    leaning_board: 1.2, ramp: 1, crates: 2, column: 0.7,
}  # fmt: skip
"""Every piece, and how often it is drawn."""
