"""What stands about in rooms that people use: thin legs, round seats, many leaves, runs of cupboards, things on things.

Pieces like those of `headfreeze.synth.furniture`, of more and of curved parts.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from headfreeze.synth.furniture import PIECES
from headfreeze.synth.pieces import Part, Piece, Rng, around, block, clutter, extent, legs, moved, post, tube
from headfreeze.synth.shapes import BALL, BOX, CYLINDER, rotation


def _things(rng: Rng, z: float, w: float, d: float, count: int) -> list[Part]:
    """What lies on a w × d (half extents) surface at height z: bottles, bowls of fruit, papers, bags, machines."""
    parts: list[Part] = []
    for _ in range(count):
        x, y, kind = rng.uniform(-0.85, 0.85) * w, rng.uniform(-0.75, 0.75) * d, int(rng.integers(6))
        if kind == 0:  # a bottle
            r, h = rng.uniform(0.03, 0.05), rng.uniform(0.14, 0.24)
            parts += [
                post(x, y, (z, z + h), r, "object", "pottery"),
                post(x, y, (z + h, z + 1.4 * h), r * 0.4, "object", "pottery"),
            ]
        elif kind == 1:  # a bowl or a tray, with fruit in it
            r, h = rng.uniform(0.1, 0.18), rng.uniform(0.04, 0.08)
            parts.append(post(x, y, (z, z + h), r, "object", "card"))
            for _ in range(int(rng.integers(3, 9))):
                (dx, dy), s = rng.uniform(-0.6, 0.6, 2) * r, rng.uniform(0.03, 0.045)
                parts.append(Part(BALL, (x + dx, y + dy, z + h + 0.5 * s), (s, s, s), "object", "thing"))
        elif kind == 2:  # papers, books, a closed computer
            half = (rng.uniform(0.1, 0.18), rng.uniform(0.08, 0.13), rng.uniform(0.004, 0.03))
            turn = rotation(2, rng.uniform(0, 180))
            parts.append(Part(BOX, (x, y, z + half[2]), half, "object", "linen", turn))
        elif kind == 3:  # a bag that has sunk together
            for _ in range(3):
                (dx, dy), (a, b, c) = rng.normal(0, 0.05, 2), rng.uniform(0.08, 0.14, 3)
                turn = rotation(2, rng.uniform(0, 180)) @ rotation(0, rng.uniform(-25, 25))
                parts.append(Part(BALL, (x + dx, y + dy, z + 0.6 * c), (a, b, c), "object", "linen", turn))
        elif kind == 4:  # a cup
            parts.append(post(x, y, (z, z + rng.uniform(0.08, 0.12)), rng.uniform(0.035, 0.05), "object", "paint"))
        else:
            parts += moved(clutter(rng, z, 0.01, 0.01, 1), x, y, 0)
    return parts


def tube_chair(rng: Rng) -> Piece:
    """A seat and a back on bent tubes: two runners on the floor, or four thin legs."""
    w, seat, r = rng.uniform(0.2, 0.25), rng.uniform(0.43, 0.48), rng.uniform(0.009, 0.014)
    cover = str(rng.choice(["leather", "plastic", "wood", "fabric"]))
    frame = str(rng.choice(["chrome", "metal"]))
    lean, high = rng.uniform(6, 18), rng.uniform(0.3, 0.45)
    parts = [Part(BOX, (0, 0, seat), (w, w, rng.uniform(0.012, 0.035)), "seat", cover)]
    run = high * math.sin(math.radians(lean))
    middle = (0, w + run * 0.6, seat + high * 0.75)
    parts.append(Part(BOX, middle, (w, 0.015, high * 0.38), "seat", cover, rotation(0, -lean)))
    cantilever = rng.random() < 0.5
    for side in (-w, w):
        top, front = (side, w + run, seat + high), (side, -w, seat)
        parts.append(tube((side, w, seat), top, r, "seat", frame))
        if cantilever:
            parts += [
                tube((side, -w, r), front, r, "seat", frame),
                tube((side, -w, r), (side, w, r), r, "seat", frame),
                tube(front, (side, w, seat), r, "seat", frame),
            ]
        else:
            splay = rng.uniform(0, 0.05)
            parts.append(tube((side * 1.1, -w - splay, 0), front, r, "seat", frame))
            parts.append(tube((side * 1.1, w + splay, 0), (side, w, seat), r, "seat", frame))
    return around(parts, at_wall=False)


def office_chair(rng: Rng) -> Piece:
    """A seat on a column and five feet."""
    seat, cover = rng.uniform(0.44, 0.54), str(rng.choice(["fabric", "leather"]))
    parts = [
        Part(BALL, (0, 0, seat), (0.25, 0.25, 0.06), "seat", cover),
        Part(BALL, (0, 0.25, seat + 0.38), (0.23, 0.05, 0.26), "seat", cover, rotation(0, -rng.uniform(5, 20))),
        post(0, 0, (0.08, seat), 0.03, "seat", "metal"),
    ]
    for foot in range(5):
        turn = 2 * math.pi * (foot + 0.3) / 5
        parts.append(tube((0, 0, 0.09), (0.3 * math.cos(turn), 0.3 * math.sin(turn), 0.023), 0.022, "seat", "metal"))
    return around(parts, at_wall=False)


def _seats(rng: Rng, w: float, d: float, each: Callable[[Rng], Piece]) -> list[Part]:
    """Chairs at the long sides of a w × d table, more or less pushed in; they look alike."""
    seed, parts = int(rng.integers(2**31)), []
    places = max(1, int(2 * w / 0.62))
    for side, place in ((s, p) for s in (-1, 1) for p in range(places)):
        if rng.random() < 0.75:
            like = each(np.random.default_rng(seed))
            x = (place + 0.5) * 2 * w / places - w + rng.normal(0, 0.04)
            y, yaw = side * (d + rng.uniform(-0.1, 0.3)), rng.normal(0, 12)
            parts += moved(like.parts, x, y, yaw if side > 0 else yaw + 180)  # backs to the outside
    return parts


def meeting(rng: Rng) -> Piece:
    """A long table on trestles, plates or tubes, with chairs and what people leave on it."""
    w, d, h = rng.uniform(0.6, 1.5), rng.uniform(0.35, 0.55), rng.uniform(0.7, 0.78)
    thick, under = rng.uniform(0.02, 0.06), str(rng.choice(["wood", "metal", "chrome"]))
    parts = [block((-w, w), (-d, d), (h - thick, h), "table", "wood")]
    if rng.random() < 0.4:
        parts += [
            block((s * w * 0.8 - 0.03, s * w * 0.8 + 0.03), (-d * 0.8, d * 0.8), (0, h - thick), "table", "wood")
            for s in (-1, 1)
        ]
    else:
        parts += legs(w - 0.05, d - 0.05, h - thick, rng.uniform(0.015, 0.04), "table", under, bool(rng.random() < 0.5))
    parts += _seats(rng, w, d, tube_chair if rng.random() < 0.75 else office_chair)
    return around(parts + _things(rng, h, w, d, int(rng.integers(1, 8))), at_wall=False)


def bistro(rng: Rng) -> Piece:
    """A round table on one column, with two to four chairs around it."""
    r, h, seed = rng.uniform(0.35, 0.65), rng.uniform(0.7, 1.05), int(rng.integers(2**31))
    parts = [post(0, 0, (h - 0.035, h), r, "table", "wood"), post(0, 0, (0.02, h - 0.03), 0.04, "table", "chrome")]
    for foot in range(4):
        turn = math.pi * (foot + 0.5) / 2
        end = (0.7 * r * math.cos(turn), 0.7 * r * math.sin(turn), 0.02)
        parts.append(tube((0, 0, 0.05), end, 0.02, "table", "chrome"))
    for place in range(int(rng.integers(2, 5))):
        yaw = 90 * place + rng.normal(0, 15)
        far = r + rng.uniform(-0.05, 0.3)
        x, y = -far * math.sin(math.radians(yaw)), far * math.cos(math.radians(yaw))
        parts += moved(tube_chair(np.random.default_rng(seed)).parts, x, y, yaw + rng.normal(0, 12))
    return around(parts + _things(rng, h, 0.6 * r, 0.6 * r, int(rng.integers(0, 3))), at_wall=False)


def couch(rng: Rng) -> Piece:
    """A sofa with round edges: bolsters for arms and back, and cushions."""
    w, d, seat = rng.uniform(0.5, 1.1), rng.uniform(0.4, 0.5), rng.uniform(0.36, 0.44)
    cover, fat = str(rng.choice(["leather", "fabric"])), rng.uniform(0.09, 0.15)
    back = seat + rng.uniform(0.25, 0.4)
    parts = [
        block((-w, w), (-d, d - fat), (0.08, seat - 0.06), "seat", cover),
        tube((-w, -d + 0.07, seat - 0.07), (w, -d + 0.07, seat - 0.07), 0.07, "seat", cover),
        block((-w, w), (-d + 0.07, d - fat), (seat - 0.1, seat), "seat", cover),
        block((-w, w), (d - 2 * fat, d), (0.08, back), "seat", cover),
        tube((-w, d - fat, back), (w, d - fat, back), fat, "seat", cover),
    ]
    for side in (-1, 1):
        x, arm = side * w, seat + rng.uniform(0.1, 0.2)
        parts += [
            block((x - fat, x + fat), (-d, d), (0.08, arm), "seat", cover),
            tube((x, -d, arm), (x, d, arm), fat, "seat", cover),
        ]
    for _ in range(int(rng.integers(0, 4))):
        x, size = rng.uniform(-0.8, 0.8) * w, rng.uniform(0.17, 0.26)
        turn = rotation(2, rng.uniform(-25, 25)) @ rotation(0, -rng.uniform(10, 35))
        parts.append(Part(BALL, (x, d - 0.3, seat + size * 0.8), (size, 0.1, size), "seat", "cushion", turn))
    parts += legs(w, d, 0.08, 0.025, "seat", "metal", True)
    return around(parts, at_wall=bool(rng.random() < 0.75))


def leafy_plant(rng: Rng) -> Piece:
    """A pot with a stem or several, and leaves that stand out and hang from them."""
    r, h, tall = rng.uniform(0.12, 0.22), rng.uniform(0.15, 0.4), rng.uniform(0.3, 1.5)
    parts = [post(0, 0, (0, h), r, "object", str(rng.choice(["pottery", "paint"])))]
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(-0.5, 0.5, 2) * r
        top = h + tall * rng.uniform(0.5, 1)
        parts.append(tube((x, y, h), (1.5 * x, 1.5 * y, top), 0.012, "object", "wood"))
        length, wide = rng.uniform(0.1, 0.25), rng.uniform(0.15, 0.45)
        for leaf in range(int(rng.integers(8, 18))):
            yaw, droop = 137.5 * leaf + rng.normal(0, 15), rng.uniform(-60, 45)
            turn = rotation(2, yaw) @ rotation(1, droop)  # the leaf's own x axis points away from the stem
            z = top - rng.uniform(0, 0.6) * (top - h)
            centre = turn[:, 0] * length
            place = (1.5 * x + float(centre[0]), 1.5 * y + float(centre[1]), z + float(centre[2]))
            parts.append(Part(BALL, place, (length, wide * length, 0.006), "object", "leaves", turn))
    return around(parts, at_wall=bool(rng.random() < 0.6))


def kitchen(rng: Rng) -> Piece:
    """A run of cupboards with handles and a worktop, something bright behind it, cupboards above it."""
    units, wide = int(rng.integers(2, 6)), rng.uniform(0.4, 0.6)
    w, d, h = units * wide / 2, 0.31, rng.uniform(0.86, 0.94)
    parts = [
        block((-w, w), (-d + 0.05, d), (0, 0.1), "cabinet", "metal"),
        block((-w, w), (-d - 0.02, d), (h - 0.04, h), "cabinet", str(rng.choice(["wood", "lacquer", "metal"]))),
    ]
    high, low = rng.random() < 0.6, h + rng.uniform(0.45, 0.55)
    for unit in range(units):
        left = -w + unit * wide
        drawers = int(rng.choice([1, 1, 3]))
        for row in range(drawers):
            bottom, top = 0.1 + row * (h - 0.14) / drawers, 0.1 + (row + 1) * (h - 0.14) / drawers
            front = (left + 0.003, left + wide - 0.003), (-d, d), (bottom + 0.003, top - 0.003)
            parts.append(block(*front, "cabinet", "lacquer"))
            handle = (left + wide * 0.3, left + wide * 0.7), (-d - 0.03, -d - 0.02), (top - 0.06, top - 0.045)
            parts.append(block(*handle, "cabinet", "chrome"))
        if high:
            parts.append(
                block((left + 0.003, left + wide - 0.003), (0, d), (low, low + 0.7), "cabinet", "lacquer"),
            )
    if rng.random() < 0.6:
        parts.append(block((-w, w), (d - 0.012, d), (h, low if high else h + 0.5), "cabinet", "backsplash"))
    return around(parts + _things(rng, h, w, d * 0.8, int(rng.integers(1, 7))))


def desk(rng: Rng) -> Piece:
    """A desk with a screen or two, and a chair before it."""
    w, d, h = rng.uniform(0.5, 0.9), rng.uniform(0.3, 0.4), rng.uniform(0.7, 0.76)
    parts = [block((-w, w), (-d, d), (h - 0.025, h), "table", str(rng.choice(["wood", "lacquer", "paint"])))]
    parts += legs(w - 0.03, d - 0.03, h - 0.025, rng.uniform(0.015, 0.03), "table", "metal", bool(rng.random() < 0.5))
    for x in [0.0] if rng.random() < 0.6 else [-0.32, 0.32]:
        tilt, turn = rng.uniform(-8, 12), rng.normal(0, 12)
        parts += [
            post(x, d * 0.5, (h, h + 0.015), 0.1, "object", "metal"),
            post(x, d * 0.5, (h, h + 0.2), 0.02, "object", "metal"),
            Part(BOX, (x, d * 0.5 - 0.03, h + 0.33), (0.27, 0.012, 0.165), "object", "screen",
                 rotation(2, turn) @ rotation(0, -tilt)),
        ]  # fmt: skip
    parts.append(block((-0.2, 0.2), (-d * 0.6, -d * 0.6 + 0.14), (h, h + 0.018), "object", "plastic"))
    parts += _things(rng, h, w, d * 0.7, int(rng.integers(0, 4)))
    parts += moved(office_chair(rng).parts, rng.normal(0, 0.15), -d - rng.uniform(0, 0.3), 180 + rng.normal(0, 25))
    return around(parts, at_wall=bool(rng.random() < 0.7))


def radiator(rng: Rng) -> Piece:
    """Ribs in a row at a wall."""
    ribs, h = int(rng.integers(8, 24)), rng.uniform(0.4, 0.65)
    w, low = ribs * 0.03, rng.uniform(0.08, 0.15)
    parts = [block((-w, w), (-0.02, 0.02), (low + h * k - 0.02, low + h * k + 0.02), "object", "paint") for k in (0, 1)]
    parts += [post(-w + 0.06 * k + 0.03, 0, (low, low + h), 0.02, "object", "paint") for k in range(ribs)]
    return around(parts)


def curtain(rng: Rng) -> Piece:
    """Cloth in folds from the floor to above a window."""
    folds, r, high = int(rng.integers(5, 14)), rng.uniform(0.04, 0.08), rng.uniform(1.9, 2.3)
    w = folds * r * 0.8
    parts = [
        post(-w + 1.6 * r * (k + 0.5), rng.normal(0, 0.015), (0.02, high), r, "object", "fabric") for k in range(folds)
    ]
    return around(parts)


def rug(rng: Rng) -> Piece:
    """A carpet, which is floor as well; things may stand on it."""
    w, d = rng.uniform(0.6, 2.0), rng.uniform(0.5, 1.2)
    kind = CYLINDER if rng.random() < 0.2 else BOX
    part = Part(kind, (0, 0, 0.004), (w, w if kind == CYLINDER else d, 0.004), "floor", "carpet")
    return Piece([part], 0.0, 0.0, at_wall=False)


def bags(rng: Rng) -> Piece:
    """A rucksack, a bin, a basket: what stands on the floor."""
    if rng.random() < 0.4:
        r, h = rng.uniform(0.12, 0.2), rng.uniform(0.25, 0.45)
        return around([post(0, 0, (0, h), r, "object", str(rng.choice(["metal", "plastic", "card"])))])
    parts = []
    for _ in range(int(rng.integers(2, 5))):
        (x, y), (a, b, c) = rng.normal(0, 0.07, 2), rng.uniform(0.1, 0.2, 3)
        turn = rotation(2, rng.uniform(0, 180)) @ rotation(0, rng.uniform(-20, 20))
        bag = Part(BALL, (x, y, 0), (a, b, c), "object", "cushion", turn)
        parts.append(replace(bag, centre=(x, y, extent(bag)[2])))
    return around(parts, at_wall=bool(rng.random() < 0.6))


RICH_PIECES: dict[Callable[[Rng], Piece], float] = PIECES | {
    meeting: 5, bistro: 3, couch: 4, leafy_plant: 4, kitchen: 3.5, desk: 2.5, tube_chair: 2, office_chair: 1,
    radiator: 1.5, curtain: 1.5, rug: 3, bags: 2,
}  # fmt: skip
"""Every piece of a room that is lived in, and how often it is drawn."""
