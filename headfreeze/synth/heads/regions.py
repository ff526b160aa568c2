"""Where on a head the lips, brows, eyes, hair and beard are: measured once, on the neutral mesh, from its landmarks.

Each field is a length that changes evenly over the surface, so that it can be interpolated between vertices and
compared with another one for each person: hair, say, is where the hairline is behind by more than its owner's.
"""

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32

from headfreeze.synth.heads.model import HeadModel
from headfreeze.synth.shapes import f32

Points = Float[np.ndarray, "n 3"]
Line = Float[np.ndarray, "k 3"]
Marks = Float[np.ndarray, "68 3"]
Values = Float[np.ndarray, " n"]

JAW, BROWS, EYES, LIPS = slice(0, 17), (slice(17, 22), slice(22, 27)), (slice(36, 42), slice(42, 48)), slice(48, 60)
"""Landmarks in the order of Multi-PIE."""
FAR = -1.0  # metres: nowhere near

HAIRLINE = (
    (0, 30, 48, 62, 76, 84, 100, 118, 180),
    (1.40, 1.36, 1.12, 0.95, 0.62, 0.72, 0.95, 0.70, 0.10),
)
"""By degrees from the front around the head, its height above the chin in units of the height from chin to brows."""
TOP = (1.15, 0.2)
"""Everything so far above the chin and so far behind the brows, in the same units, is hair."""
BEARDLINE = ((0.0, 0.17, 0.21, 0.4, 0.55), (0.43, 0.40, 0.30, 0.40, 0.75))
"""By distance from the middle, the height of a beard's upper edge above the chin, both in the same units."""


class Regions(NamedTuple):
    """Fields in metres at n places; positive is inside where they speak of a region."""

    lips: Values
    brows: Values
    """Minus the distance from the line of a brow, which tapers outwards."""
    lashes: Values
    """Minus the distance from the edge of an upper eyelid."""
    iris: Values
    """Distance from the eye's axis; defined on the eyeballs."""
    hair: Values
    beard: Values
    face: Values
    """Inside of the polygon of the jaw's landmarks and the raised brows', as seen from the front."""
    cheeks: Values
    """Minus the distance from the middle of a cheek or the tip of the nose: where blood shows."""
    collar: Values
    """Below the common neckline, which is where a ball around the head meets the shoulders."""
    around: Values
    """Way around the head, from the front to its own left."""
    up: Values


def at(values: Float32[np.ndarray, "n k"]) -> Regions:
    """The fields from their columns."""
    return Regions(*np.ascontiguousarray(values.T))


@lru_cache(maxsize=1)
def regions(model: HeadModel) -> Float32[np.ndarray, "v k"]:
    """The fields of `Regions` at the model's vertices, a column each."""
    points = model.vertices.astype(np.float64)
    marks = points[model.landmarks]
    chin, brow = marks[8], marks[17:27].mean(0)
    height = brow[1] - chin[1]
    front = points[:, 2] > marks[[0, 16], 2].mean()
    xy, skin = points[:, :2], np.zeros(len(points), bool)
    skin[model.vertices_of("skin")] = True
    middle = np.array([chin[0], brow[1], marks[[0, 16], 2].mean() - 0.25 * height])
    angle = np.arctan2(points[:, 0] - middle[0], points[:, 2] - middle[2])
    above = (points[:, 1] - chin[1]) / height
    aside = np.abs(points[:, 0] - chin[0]) / height
    fields = Regions(
        lips=np.where(skin & front, _inside(xy, marks[LIPS, :2]), FAR),
        brows=np.maximum(*(_brow(points, marks[line], height) for line in BROWS)),
        lashes=-np.minimum(*(_to_line(points, marks[eye][:4])[0] for eye in EYES)),
        iris=_iris(model, points),
        hair=np.where(_sockets(model, points), FAR, _hair(angle, above, height, brow[2] - points[:, 2])),
        beard=np.where(skin, height * np.minimum(np.interp(aside, *BEARDLINE) - above, above + 0.12), FAR),
        face=np.minimum(_inside(xy, face_outline(marks)[:, :2]), points[:, 2] - marks[[0, 16], 2].min() + 0.1 * height),
        cheeks=-np.minimum.reduce([_to_line(points, blood)[0] for blood in _blood(marks)]),
        collar=np.where(above < 0, np.linalg.norm(points - middle, axis=1) - 1.62 * height, FAR),
        around=angle * 0.5 * height,
        up=points[:, 1],
    )
    return f32(np.stack(fields, axis=1))


def face_outline(marks: Marks) -> Line:
    """The jaw, and the brows raised by 0.3 of the distance between the inner corners of the eyes.

    That is how SfSNet bounds a face (Sengupta et al., CVPR 2018), here with both brows whole.
    """
    raised = marks[17:27][::-1] + np.array([0, 0.3 * np.linalg.norm(marks[39] - marks[42]), 0])
    return np.concatenate([marks[JAW], raised])


def _brow(points: Points, line: Line, height: float) -> Values:
    """The inner end is the thick one."""
    inner = line if abs(line[0, 0]) < abs(line[-1, 0]) else line[::-1]
    distance, along = _to_line(points, inner - np.array([0, 0.012 * height, 0]))
    return -distance / np.interp(along, [0, 0.6, 1], [1, 0.9, 0.45])


def _hair(angle: Values, above: Values, height: float, behind: Values) -> Values:
    """Above the hairline, or on top of the head behind it."""
    higher = height * (above - np.interp(np.abs(np.rad2deg(angle)), *HAIRLINE))
    return np.maximum(higher, np.minimum(height * (above - TOP[0]), behind - TOP[1] * height))


def _blood(marks: Marks) -> list[Line]:
    """Short lines in the middle of both cheeks, and down the nose."""
    cheeks = [0.5 * (marks[a] + marks[b]) for a, b in ((2, 31), (14, 35))]
    return [np.stack([cheek, cheek + 1e-3]) for cheek in cheeks] + [marks[[29, 30]]]


def _iris(model: HeadModel, points: Points) -> Values:
    radius = np.full(len(points), -FAR)
    for eye in ("left eye", "right eye"):
        rows = model.vertices_of(eye)
        if len(rows):
            middle = (points[rows].min(0) + points[rows].max(0)) / 2
            away = points[rows] - middle
            radius[rows] = np.where(away[:, 2] > 0, np.hypot(away[:, 0], away[:, 1]), -FAR)
    return radius


def _sockets(model: HeadModel, points: Points) -> Bool[np.ndarray, " n"]:
    """Vertices of the head that line the mouth and the eye sockets."""
    marks = points[model.landmarks]
    head = np.zeros(len(points), bool)
    head[model.vertices_of("head")] = True
    head[model.vertices_of("skin")] = False
    return (
        head
        & (np.abs(points[:, 0]) < 0.8 * marks[16, 0])
        & (points[:, 1] < marks[17:27, 1].max())
        & (points[:, 1] > marks[8, 1])
        & (points[:, 2] > 0)
    )


def _inside(points: Float[np.ndarray, "n 2"], polygon: Float[np.ndarray, "k 2"]) -> Values:
    """Distance from a polygon's edge, negative outside."""
    closed = np.concatenate([polygon, polygon[:1]])
    distance, _ = _to_line(points, closed)
    inside = np.zeros(len(points), bool)
    for a, b in pairwise(closed):
        crosses = (a[1] > points[:, 1]) != (b[1] > points[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            x = a[0] + (points[:, 1] - a[1]) * (b[0] - a[0]) / (b[1] - a[1])
        inside ^= crosses & (points[:, 0] < x)
    return np.where(inside, distance, -distance)


def _to_line(points: Float[np.ndarray, "n d"], line: Float[np.ndarray, "k d"]) -> tuple[Values, Values]:
    """Distance to a chain of segments, and how far along it (0 … 1) the nearest point of it is."""
    best, along = np.full(len(points), np.inf), np.zeros(len(points))
    for i, (a, b) in enumerate(pairwise(line)):
        way = b - a
        t = np.clip(np.einsum("nd,d->n", points - a, way) / ((way * way).sum() + 1e-12), 0, 1)
        distance = np.linalg.norm(points - a - t[:, None] * way, axis=1)
        nearer = distance < best
        best[nearer], along[nearer] = distance[nearer], (i + t[nearer]) / (len(line) - 1)
    return best, along
