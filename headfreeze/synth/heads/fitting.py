"""The head whose landmarks lie where those of a picture do: a morphable model turned, placed, sized and bent to them.

Least squares with the model's own spread as prior (Blanz & Vetter, SIGGRAPH 1999), by Gauss and Newton. The camera is
a weak perspective: how far away a head is, landmarks that stray by millimetres do not tell.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32

from headfreeze.meshes.obj import Vertices
from headfreeze.meshes.trace import Mesh, vertex_normals
from headfreeze.synth.heads.model import HeadModel
from headfreeze.synth.heads.person import NEVER, movement
from headfreeze.synth.heads.regions import at, regions
from headfreeze.synth.heads.scene import unit
from headfreeze.synth.shapes import f32, rotation

FIRST = 17
"""Landmarks before it are the jaw's: a detector follows the outline there, a rendered head has the bone."""
FEWEST = 12
"""Known landmarks; with fewer, the head is a guess."""
NOISE_M = 0.004
"""How far landmarks stray, on the head."""
FARTHEST_M = 0.01
"""Median distance of the landmarks beyond which no head was found that has them."""
_OUTLIER = 2.0  # standard deviations from which a landmark pulls no harder (Huber)
_IDENTITIES = 30  # shapes; ICT-FaceKit's 70 others move landmarks by a millimetre together
_EXPRESSION = 0.3  # standard deviation of how much of a movement a face shows
_YAWS_DEG = (-40, 0, 40)  # where the search begins: the best of them
_STEPS = 20
_LARGEST = 0.5  # of a step: radians, and the logarithm of the size
_SMALLEST = 1e-3
_POSE = 6  # unknowns before the coefficients: turn, size, place


@dataclass(frozen=True, eq=False)
class FittedHead:
    """A head in a picture.

    Attributes:
        vertices: pixels; x to the right and y up from the picture's upper left corner, z toward the viewer.
        size: pixels for a metre.
        residual_m: median distance of the landmarks from the head's, as seen by the camera, in metres on the head.
    """

    vertices: Vertices
    size: float
    residual_m: float


@dataclass(frozen=True, eq=False)
class _Linear:
    """What landmarks k of the model are as its coefficients c change: mean + Σ c · shapes."""

    mean: Float[np.ndarray, "k 3"]
    shapes: Float[np.ndarray, "c k 3"]
    precision: Float[np.ndarray, " c"]
    """One over each coefficient's standard deviation."""
    movements: tuple[int, ...]
    """Which expressions the coefficients after the identities' are."""


@lru_cache(maxsize=1)
def _linear(model: HeadModel) -> _Linear:
    moves = tuple(i for i, name in enumerate(model.expression_names) if movement(name) not in NEVER)
    identity = model.identity[:_IDENTITIES, model.landmarks]
    shapes = np.concatenate([identity, model.expression[list(moves)][:, model.landmarks]])
    precision = np.repeat([1, 1 / _EXPRESSION], [len(identity), len(moves)])
    return _Linear(model.vertices[model.landmarks].astype(float), shapes.astype(float), precision, moves)


def fit_head(model: HeadModel, landmarks: Float[np.ndarray, "68 2"]) -> FittedHead | None:
    """The head whose landmarks lie nearest to those of a picture; None where there is none.

    Args:
        model: the morphable model.
        landmarks: x and y in pixels from the picture's upper left corner, in the order of Multi-PIE; NaN if unknown.
    """
    known = np.isfinite(landmarks).all(1)
    known[:FIRST] = False
    wanted = landmarks[known].astype(float) * (1, -1)
    if known.sum() < FEWEST or np.ptp(wanted, axis=0).min() <= 0:
        return None
    linear = _linear(model)
    mean, shapes = linear.mean[known], linear.shapes[:, known]
    turn, size, place = _first_pose(mean, wanted)
    coefficients = np.zeros(len(shapes))
    prior = np.hstack([np.zeros((len(shapes), _POSE)), np.diag(linear.precision)])
    points = mean @ turn.T
    away = wanted - (size * points[:, :2] + place)
    for _ in range(_STEPS):
        pull = 1 / (NOISE_M * size)
        share = np.sqrt(1 / np.maximum(1, np.linalg.norm(away, axis=1) * pull / _OUTLIER))
        slopes = _slopes(points, size, shapes @ turn.T) * (pull * share)[:, None, None]
        rows = np.vstack([slopes.reshape(-1, _POSE + len(shapes)), prior])
        missing = np.concatenate([(away * (pull * share)[:, None]).ravel(), -linear.precision * coefficients])
        step = np.linalg.lstsq(rows, missing, rcond=None)[0]
        pose = np.clip(step[:4], -_LARGEST, _LARGEST)
        turn, size, place = _turned(pose[:3]) @ turn, size * np.exp(pose[3]), place + step[4:_POSE]
        coefficients = coefficients + step[_POSE:]
        points = (mean + np.tensordot(coefficients, shapes, 1)) @ turn.T
        away = wanted - (size * points[:, :2] + place)
        if np.abs(step[:4]).max() < _SMALLEST:
            break
    residual_m = float(np.median(np.linalg.norm(away, axis=1)) / size)
    if not residual_m <= FARTHEST_M:
        return None
    whole = model.shape(*_coefficients(model, linear, coefficients)) @ turn.T
    return FittedHead(f32(size * whole + (*place, 0)), float(size), residual_m)


def face_normals(model: HeadModel, head: FittedHead, height: int, width: int) -> Float32[np.ndarray, "height width 3"]:
    """The face's normals (x right, y up, z toward the viewer) at the pixels' centres; zeros where there is no face.

    The face is that of `Regions.face`, which the labels `mask` of rendered faces show.
    """
    row, column = np.divmod(np.arange(height * width), width)
    before = np.full(height * width, head.vertices[:, 2].max() + 1)
    starts = f32(np.stack([column + 0.5, -(row + 0.5), before], axis=1))
    mesh = Mesh(head.vertices, model.triangles)
    hits = mesh.cast(starts, np.broadcast_to(f32([0, 0, -1]), starts.shape))
    normals = unit(mesh.at(hits, vertex_normals(head.vertices, model.triangles)))
    face = at(mesh.at(hits, regions(model))).face > 0
    label = np.zeros((height * width, 3), np.float32)
    label[hits.ray[face]] = normals[face]
    return label.reshape(height, width, 3)


def _first_pose(
    mean: Float[np.ndarray, "k 3"], wanted: Float[np.ndarray, "k 2"]
) -> tuple[Float[np.ndarray, "3 3"], float, Float[np.ndarray, " 2"]]:
    """Turn, size and place of the mean head at the best of a few yaws, leant and sized as fits best."""
    found = []
    target = (wanted - wanted.mean(0)) @ (1, 1j)
    for yaw in _YAWS_DEG:
        turn = rotation(1, yaw).astype(float)
        seen = ((mean - mean.mean(0)) @ turn.T)[:, :2] @ (1, 1j)
        similar = (seen.conj() @ target) / (seen.conj() @ seen).real
        lean = rotation(2, np.rad2deg(np.angle(similar))).astype(float)
        found.append((np.abs(target - similar * seen).sum(), lean @ turn, float(np.abs(similar))))
    _, turn, size = min(found, key=lambda candidate: candidate[0])
    return turn, size, wanted.mean(0) - size * (turn @ mean.mean(0))[:2]


def _slopes(
    points: Float[np.ndarray, "k 3"], size: float, shapes: Float[np.ndarray, "c k 3"]
) -> Float[np.ndarray, "k 2 unknowns"]:
    """How turned landmarks move with the turn (about x, y, z), the size's logarithm, the place, and c."""
    x, y, z = (size * points).T
    nothing, one = np.zeros_like(x), np.ones_like(x)
    pose = np.array([[nothing, z, -y, x, one, nothing], [-z, nothing, x, y, nothing, one]])
    return np.concatenate([pose.transpose(2, 0, 1), (size * shapes[..., :2]).transpose(1, 2, 0)], axis=2)


def _turned(axis: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "3 3"]:
    """The turn about an axis by its length in radians (Rodrigues)."""
    angle = np.linalg.norm(axis)
    x, y, z = axis / max(angle, 1e-12)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _coefficients(
    model: HeadModel, linear: _Linear, found: Float[np.ndarray, " c"]
) -> tuple[Float32[np.ndarray, " i"], Float32[np.ndarray, " e"]]:
    """All of the model's coefficients, zero where they were not looked for."""
    identities = len(found) - len(linear.movements)
    identity, expression = np.zeros(len(model.identity)), np.zeros(len(model.expression))
    identity[:identities], expression[list(linear.movements)] = found[:identities], found[identities:]
    return f32(identity), f32(expression)
