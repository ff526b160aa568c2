"""Which frame normals are stored in: the likely ones among all 48 that signs and orders of three axes give.

With depth, normals made of its slope are compared with the stored ones under each of the 48
(`headfreeze.data.depth_slopes`): right ones agree with a mean cosine of 0.97 … 0.98 (ray-cast rooms, a head-mounted
depth sensor), the next best with 0.78 at most.

Without depth three signs remain, each of which may be silent; what none tells stays open, and all that fits is named.

- Visible surfaces face the viewer, so nearly all values of z have one sign. Measured |Σ z| / Σ |z|: rooms ≥ 0.94, an
office ≥ 0.99, faces ≥ 0.999; of the other axes 0.33, 0.96 (floors and tables, no ceiling: y is no z there) and 0.48.
- Which of the others is x: it changes from left to right, y from top to bottom. - Their signs. A surface seen edge on
(z ≈ 0) is seen only because rays diverge: right of the centre it faces left, below it faces up. Rooms show many (5 …
30 % of the pixels), heads few (≤ 1.5 %). What shows few, and bulges or sinks from left to right at least twice as
much as from bottom to top, is taken for a head, which bulges. Level surfaces that all face one way, in the lower
part, are floors and tables, which face up.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from headfreeze.data.readers.frames import FRAMES, NAMED, fits

OURS = "x y z"
_LEAST_FIT, _MARGIN = 0.85, 0.1  # mean cosines with the depth's normals
_NO_FIT = 0.75  # below: no frame of all images
_FEW_PIXELS = 1000
_FEW_IMAGES = 8  # without depth; measured: 25 of 320 single images mislead, no group of 4
_TOWARD, _NEXT = 0.9, 0.15  # |Σ z| / Σ |z|, and what it must be ahead of the next axis
_NO_AXIS = 0.6  # below: no camera's frame
_SIDEWAYS = 0.02  # |sum of value · position| / valid pixels: noise is below 0.015
_APART = 2.0  # straight against crossed sums, of which axis is x
_EDGE_ON, _FEW_EDGE_ON = 0.04, 0.02  # shares of the valid pixels
_ONE_SIDED = 0.5
_HEAD = 2.0  # horizontal to vertical bulge; measured: heads 2.4 … 8, rooms 0.6 … 0.8, an office 0.2
_FLOORS = 0.1


@dataclass(frozen=True)
class Evidence:
    """Sums over the valid pixels of a set, by stored axis.

    Attributes:
        images: how many.
        valid: pixels.
        signed: sums of the values.
        absolute: sums of their amounts.
        bulge: sums of value · (column, row), these from −1 (left, bottom) to 1.
        edge_on: pixels where an axis is near zero.
        edge_bulge: over those pixels of the first axis, sums of values of the second · (column, row).
        edge_amount: the sums of their amounts.
        products: sums of (normal from the depth) ⊗ (stored normal), by focal length.
        compared: pixels in them.
        turned: sum over images of the most that `products` can give under a rotation of that image's own.
    """

    images: int
    valid: int
    signed: Float[np.ndarray, "3"]
    absolute: Float[np.ndarray, "3"]
    bulge: Float[np.ndarray, "3 2"]
    edge_on: Integer[np.ndarray, "3"]
    edge_bulge: Float[np.ndarray, "3 3 2"]
    edge_amount: Float[np.ndarray, "3 3 2"]
    products: Float[np.ndarray, "f 3 3"]
    compared: int
    turned: float


@dataclass(frozen=True)
class Verdict:
    """What the evidence leaves.

    Attributes:
        frames: all that fit, as signed axes: what our x, y and z are made of; empty: none does.
        by_depth: whether the depth told.
        fit: mean cosine of the best frame with the depth's normals; NaN without depth.
        own: the same when each image may turn on its own.
    """

    frames: tuple[str, ...]
    by_depth: bool
    fit: float
    own: float

    @property
    def world(self) -> bool:
        """Whether every image fits, but each in a frame of its own: the world's, seen by a camera that turns."""
        return self.by_depth and not self.frames and self.own > _LEAST_FIT


def named(frame: str) -> str:
    """A frame for a message: by its name where it has one."""
    names = {axes: name for name, axes in NAMED.items()}
    return f"{names[frame]} ({frame})" if frame in names else f"'{frame}'"


def likely_frames(evidence: Evidence) -> Verdict:
    """The frames that the evidence leaves, the depth's word before all others."""
    if evidence.compared >= _FEW_PIXELS:
        return _by_depth(evidence)
    return Verdict(tuple(_by_looks(evidence)), by_depth=False, fit=float("nan"), own=float("nan"))


def _by_depth(evidence: Evidence) -> Verdict:
    scores = fits(evidence.products, evidence.compared)
    own = evidence.turned / evidence.compared
    best = float(scores.max())
    if best < _NO_FIT:
        return Verdict((), by_depth=True, fit=best, own=own)
    # A noisy depth says less, but says it: frames within the margin stay in.
    left = tuple(frame for frame, fit in zip(FRAMES, scores, strict=True) if fit > best - _MARGIN)
    return Verdict(left, by_depth=True, fit=best, own=own)


def _by_looks(evidence: Evidence) -> list[str]:
    if evidence.images < _FEW_IMAGES or evidence.valid < _FEW_PIXELS:
        return list(FRAMES)
    one_sided = np.abs(evidence.signed) / np.maximum(evidence.absolute, 1e-9)
    axis = int(one_sided.argmax())
    if one_sided[axis] < _NO_AXIS:
        return []
    if one_sided[axis] < _TOWARD:  # a wide lens in a narrow room
        return list(FRAMES)
    bulge = evidence.bulge / evidence.valid
    toward = [k for k in range(3) if one_sided[k] > max(one_sided[axis] - _NEXT, _TOWARD)]
    left: list[str] = []
    for z in toward:
        others = [other for other in range(3) if other != z]
        for x, y in _orders(others, bulge):
            for x_sign, y_sign in itertools.product(*_signs(evidence, x, y, z)):
                left.append(_text((x, y, z), (x_sign, y_sign, 1 if evidence.signed[z] > 0 else -1)))
    return left


def _orders(others: Sequence[int], bulge: Float[np.ndarray, "3 2"]) -> list[tuple[int, int]]:
    """Which of the two is x: one of the orders, or both."""
    first, second = others
    straight = abs(bulge[first, 0]) + abs(bulge[second, 1])
    crossed = abs(bulge[second, 0]) + abs(bulge[first, 1])
    if max(straight, crossed) > 2 * _SIDEWAYS and max(straight, crossed) > _APART * min(straight, crossed):
        return [(first, second)] if straight > crossed else [(second, first)]
    return [(first, second), (second, first)]


def _signs(evidence: Evidence, x: int, y: int, z: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The signs that x and y can have, if these are the axes."""
    valid = evidence.valid
    bulge = np.array([evidence.bulge[x, 0], evidence.bulge[y, 1]]) / valid
    edge_on = evidence.edge_on[z] / valid
    if edge_on >= _EDGE_ON:
        sums = np.array([evidence.edge_bulge[z, x, 0], evidence.edge_bulge[z, y, 1]])
        amounts = np.array([evidence.edge_amount[z, x, 0], evidence.edge_amount[z, y, 1]])
        sides = sums / np.maximum(amounts, 1e-9)
        told = [(int(-np.sign(side)),) if abs(side) > _ONE_SIDED else (1, -1) for side in sides]
        return told[0], told[1]
    if edge_on <= _FEW_EDGE_ON and abs(bulge[0]) > _HEAD * abs(bulge[1]) and abs(bulge[0]) > _FLOORS:
        told = [(int(np.sign(value)),) if abs(value) > _SIDEWAYS else (1, -1) for value in bulge]
        return told[0], told[1]
    up = abs(evidence.signed[y]) > _ONE_SIDED * evidence.absolute[y] and abs(bulge[1]) > _FLOORS
    # Floors and tables lie below the centre, so their y · row is negative.
    return (1, -1), ((int(-np.sign(bulge[1])),) if up else (1, -1))


def _text(axes: Sequence[int], signs: Sequence[int]) -> str:
    return " ".join(("-" if sign < 0 else "") + "xyz"[axis] for axis, sign in zip(axes, signs, strict=True))
