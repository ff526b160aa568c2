"""Directions of a built world from line segments in one photograph: the vertical, and two horizontal ones across it.

Lines that are parallel in space meet in the image, in the vanishing point of their direction. Most lines of a building
have one of three directions at right angles (the "Manhattan world" of Coughlan & Yuille, ICCV 1999). Directions are
unit vectors in our frame: x right, y up, z toward the viewer.

Hypotheses come from few lines each and the rest judge them, as RANSAC has it (Fischler & Bolles 1981), but all
hypotheses of the longest lines are tried instead of random ones: there are few, and equal images have equal answers.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float

from headfreeze.data.pinhole import focal_length_px

_UPRIGHT = math.cos(math.radians(35.0))
"""The vertical is sought within 35° of the image's y axis: a camera that is turned or tilted farther is lost."""
_LEAST_TOLERANCE_DEG = 2.0
"""A line that points past a vanishing point by less is one of its lines; short ones, whose ends are off by about half a
pixel, may by more."""
_END_ERROR_PX = 0.5
_LONGEST = 80
"""So many of the longest lines give hypotheses; all judge."""
_TRIED = 12
"""So many hypotheses of the vertical are tried with horizontals …"""
_APART = math.cos(math.radians(1.5))
"""… each another one than those before."""
_REFINEMENTS = 3
_LEAST_TURN = 1e-6
_AXES = np.eye(3)


@dataclass(frozen=True)
class Directions:
    """Three directions at right angles, unit vectors; each also stands for its opposite.

    Attributes:
        vertical: up in the world, y ≥ 0.
        along: the horizontal direction nearest to where the camera looks, z ≤ 0: its vanishing point is the one nearest
            to the image's centre.
        across: the other one, x ≥ 0.
    """

    vertical: Float[np.ndarray, " 3"]
    along: Float[np.ndarray, " 3"]
    across: Float[np.ndarray, " 3"]

    def stacked(self) -> Float[np.ndarray, "3 3"]:
        """Rows: vertical, along, across."""
        return np.stack([self.vertical, self.along, self.across])


class Lines:
    """Segments of an image, and the planes in which they and the camera lie.

    Args:
        segments: x, y of both ends in pixels, (0, 0) the image's upper left corner.
        size: the image's height and width.
        fov_deg: the angle of view over the image's longer side; the principal point is the image's middle.
    """

    def __init__(self, segments: Float[np.ndarray, "n 4"], size: tuple[int, int], fov_deg: float) -> None:
        height, width = size
        focal = focal_length_px(height, width, fov_deg)
        ends = (segments.reshape(-1, 2, 2) - [width / 2, height / 2]) / [focal, -focal]  # y up
        self.middles = ends.mean(1)  # where z = −1
        self.along = ends[:, 1] - ends[:, 0]
        self.length_px = np.linalg.norm(self.along, axis=1) * focal
        rays = np.concatenate([ends, np.full((*ends.shape[:2], 1), -1.0)], axis=2)
        normals = np.cross(rays[:, 0], rays[:, 1])
        self.normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        error = np.degrees(np.arctan2(2 * _END_ERROR_PX, self.length_px))
        self.tolerance_deg = np.maximum(_LEAST_TOLERANCE_DEG, error)

    def misses_deg(self, directions: Float[np.ndarray, "k 3"]) -> Float[np.ndarray, "k n"]:
        """Angles in the image by which lines point past the vanishing points of directions, seen from their middles."""
        toward = directions[:, None, :2] + self.middles * directions[:, None, 2:]  # where a point of the line would go
        cross = toward[..., 0] * self.along[:, 1] - toward[..., 1] * self.along[:, 0]
        dot = (toward * self.along).sum(-1)
        return np.degrees(np.arctan2(np.abs(cross), np.abs(dot)))

    def support(self, directions: Float[np.ndarray, "k 3"]) -> Float[np.ndarray, "k n"]:
        """What each line says for each direction: its length where it points there, less the more it misses (MSAC)."""
        share = self.misses_deg(directions) / self.tolerance_deg
        return self.length_px * np.maximum(1 - share**2, 0)


def directions(lines: Lines) -> Directions:
    """The three directions. Without enough lines those of a level camera that looks along a wall: the axes.

    A hypothesis is judged by the lines that it was not made from, so one that only those support loses to the axes.
    """
    triples = [_with_horizontals(lines, *hypothesis) for hypothesis in _verticals(lines)]
    _, vertical, angle = max(triples, key=lambda triple: triple[0])  # the first of equals
    one, other = _at(np.array([angle, angle + math.pi / 2]), *_level(vertical))
    along, across = (one, other) if abs(one[2]) >= abs(other[2]) else (other, one)
    return Directions(vertical, _toward(along, -_AXES[2]), _toward(across, _AXES[0]))


def _verticals(lines: Lines) -> list[tuple[Float[np.ndarray, " 3"], float]]:
    """Hypotheses of the vertical with their support: the image's y axis, and the best that pairs of lines give."""
    up = _AXES[1]
    chosen = _longest(lines, np.abs(lines.along[:, 1]) > np.abs(lines.along[:, 0]))
    pairs = np.array(list(combinations(chosen, 2)), int).reshape(-1, 2)
    crossing = np.cross(lines.normals[pairs[:, 0]], lines.normals[pairs[:, 1]])
    length = np.linalg.norm(crossing, axis=1)
    upright = np.abs(crossing[:, 1]) > _UPRIGHT * np.maximum(length, _LEAST_TURN)
    pairs, found = pairs[upright], crossing[upright] / length[upright, None]
    support = lines.support(found)
    support[np.arange(len(found))[:, None], pairs] = 0
    total = support.sum(1)
    kept = [(up, float(lines.support(up[None]).sum()))]
    distinct: list[np.ndarray] = []
    for i in np.argsort(-total, kind="stable"):
        if len(distinct) == _TRIED:
            break
        if all(abs(found[i] @ other) < _APART for other in distinct):
            distinct.append(found[i])
            kept.append((_refined_vertical(lines, found[i]), float(total[i])))
    return kept


def _refined_vertical(lines: Lines, vertical: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
    """The direction nearest to the planes of all lines that agree, by least squares; within the range of a vertical."""
    for _ in range(_REFINEMENTS):
        weight = lines.support(vertical[None])[0] * lines.length_px
        refined = np.linalg.eigh((lines.normals * weight[:, None]).T @ lines.normals)[1][:, 0]
        if abs(refined[1]) < _UPRIGHT:
            break
        vertical = refined
    return _toward(vertical, _AXES[1])


def _with_horizontals(
    lines: Lines, vertical: Float[np.ndarray, " 3"], support: float
) -> tuple[float, Float[np.ndarray, " 3"], float]:
    """All support of a vertical with its best horizontals, the vertical, and the angle of one of them about it."""
    level, side = _level(vertical)
    rest = lines.misses_deg(vertical[None])[0] > lines.tolerance_deg
    chosen = _longest(lines, rest)
    ahead = np.cross(lines.normals[chosen], vertical)  # the level direction in a line's plane
    has_one = np.linalg.norm(ahead, axis=1) > _LEAST_TURN
    chosen, ahead = chosen[has_one], ahead[has_one]
    angles = np.concatenate([[0.0], np.arctan2(ahead @ side, ahead @ level)])
    each = np.maximum(*_pair(lines, rest, angles, level, side))
    each[np.arange(1, len(angles)), chosen] = 0
    best = int(each.sum(1).argmax())
    angle = angles[best]
    for _ in range(_REFINEMENTS if best else 0):
        angle = _refined_angle(lines, rest, angle, level, side)
    return support + float(each[best].sum()), vertical, angle


def _level(vertical: Float[np.ndarray, " 3"]) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]]:
    """Two horizontal directions at right angles, from the first of which, where the camera looks, angles count."""
    level = np.cross(_AXES[0], vertical)
    level /= np.linalg.norm(level)
    return level, np.cross(vertical, level)


def _at(
    angles: Float[np.ndarray, " k"], level: Float[np.ndarray, " 3"], side: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "k 3"]:
    return np.cos(angles)[:, None] * level + np.sin(angles)[:, None] * side


def _pair(
    lines: Lines,
    rest: Bool[np.ndarray, " n"],
    angles: Float[np.ndarray, " k"],
    level: Float[np.ndarray, " 3"],
    side: Float[np.ndarray, " 3"],
) -> tuple[Float[np.ndarray, "k n"], Float[np.ndarray, "k n"]]:
    """What the lines that are not vertical say for the horizontal direction at each angle, and for that across it."""
    one, other = (lines.support(_at(angles + turn, level, side)) * rest for turn in (0, math.pi / 2))
    return one, other


def _refined_angle(
    lines: Lines,
    rest: Bool[np.ndarray, " n"],
    angle: float,
    level: Float[np.ndarray, " 3"],
    side: Float[np.ndarray, " 3"],
) -> float:
    """The angle nearest to which both directions lie in their lines' planes, by least squares."""
    one, other = (each[0] for each in _pair(lines, rest, np.array([angle]), level, side))
    a, b = lines.normals @ level, lines.normals @ side
    # n · (cos level + sin side) for the first direction, n · (cos side − sin level) for the one across it
    cos, sin = np.where(one >= other, [a, b], [b, -a])
    weight = np.maximum(one, other) * lines.length_px
    quadratic = np.array([[(weight * cos * cos).sum(), 0.0], [(weight * cos * sin).sum(), (weight * sin * sin).sum()]])
    x, y = np.linalg.eigh(quadratic)[1][:, 0]
    return math.atan2(y, x)


def _longest(lines: Lines, which: np.ndarray) -> np.ndarray:
    """Indices of the longest lines among those that are wanted."""
    (indices,) = np.nonzero(which)
    return indices[np.argsort(-lines.length_px[indices], kind="stable")[:_LONGEST]]


def _toward(direction: Float[np.ndarray, " 3"], axis: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
    """The direction or its opposite, whichever points along the axis."""
    return direction if direction @ axis >= 0 else -direction
