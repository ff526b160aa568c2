"""How cameras and heads are turned, estimated from labels: adversaries mislead where that differs between domains."""

import math

import numpy as np
from jaxtyping import Float, Integer

from headfreeze.tasks.base import Task
from headfreeze.tasks.keypoints import KeypointsTask
from headfreeze.tasks.point_orders import MULTI_PIE

EDGES_DEG = np.linspace(-90, 90, 91)
"""Steps of the histograms of angles: 2°."""

_LEVEL = 0.7  # |y|: within 45° of level, as far as cameras are tilted
_ALIKE = 0.94  # cosine: within 20° of the first estimate
_LEAST_LEVEL = 0.1  # share of the valid pixels; floors, ceilings and table tops are seen in nearly every room

# Nose tip, chin, outer corners of the eyes, corners of the mouth of an average head: x right, y up, z toward the
# viewer; any unit. The six points of Mallick's "Head pose estimation using OpenCV and dlib" (learnopencv.com, 2016).
_SIX = (30, 8, 36, 45, 48, 54)
_HEAD = np.array(
    [(0, 0, 0), (0, -330, -65), (-225, 170, -135), (225, 170, -135), (-150, -150, -125), (150, -150, -125)], float
)
_CENTRED = _HEAD - _HEAD.mean(0)
_SOLVE = np.linalg.pinv(_CENTRED)


def camera_pitch_deg(normals: Float[np.ndarray, "3 n"]) -> float:
    """How far the camera looks up (down is negative), from floors, ceilings and table tops; NaN where few are seen.

    Args:
        normals: of one image, valid ones, in our frame.
    """
    up = np.where(normals[1] > 0, 1, -1) * normals
    near = up[:, up[1] > _LEVEL]
    if near.shape[1] < _LEAST_LEVEL * max(normals.shape[1], 1) or not near.size:
        return math.nan
    # The median stands on the largest group of level surfaces where a mean would be pulled by slanted ones.
    guess = np.median(near, axis=1)
    level = near[:, guess @ near > _ALIKE * np.linalg.norm(guess)]
    if level.shape[1] < _LEAST_LEVEL * normals.shape[1]:
        return math.nan
    _, y, z = level.mean(1)
    return -math.degrees(math.atan2(z, y))  # a camera that looks down sees floors turned toward itself


def head_pose_deg(points: Float[np.ndarray, "68 k"]) -> tuple[float, float, float]:
    """(yaw, pitch, roll) of a head: to the right of the picture, up, clockwise; NaN where its points are unknown.

    A scaled orthographic camera is fitted to six points in the plane (POS; DeMenthon & Davis 1995), z is not used, so
    that labels in two and three dimensions compare. Heads differ from the average one by some degrees, most in pitch.

    Args:
        points: Multi-PIE's 68 in pixels, x to the right and y down.
    """
    seen = points[list(_SIX), :2]
    if not np.isfinite(seen).all():
        return math.nan, math.nan, math.nan
    seen = (seen - seen.mean(0)) * [1, -1]
    right, up = (_SOLVE @ seen).T  # rows of the scaled rotation
    scale = math.hypot(np.linalg.norm(right), np.linalg.norm(up))
    if scale < 1e-9:
        return math.nan, math.nan, math.nan
    u, _, v = np.linalg.svd(np.stack([right, up]), full_matrices=False)
    right, up = u @ v  # the nearest rotation's
    ahead = np.cross(right, up)  # the third row
    x, y, z = right[2], up[2], ahead[2]  # where the face looks
    yaw, pitch = math.degrees(math.atan2(x, z)), math.degrees(math.atan2(y, math.hypot(x, z)))
    return yaw, pitch, math.degrees(math.atan2(right[1], right[0]))


def counted(angles_deg: Float[np.ndarray, " n"]) -> Integer[np.ndarray, " steps"]:
    """A histogram of angles; NaN are left out."""
    known = angles_deg[np.isfinite(angles_deg)]
    return np.histogram(known.clip(-90, 90), EDGES_DEG)[0].astype(np.int64)


def is_face(task: Task) -> bool:
    """Whether a task's points are Multi-PIE's 68."""
    return isinstance(task, KeypointsTask) and task.order == MULTI_PIE


def spread_deg(counts: Integer[np.ndarray, " steps"]) -> tuple[float, float]:
    """Mean and standard deviation of a histogram of angles; NaN where it is empty."""
    if not counts.sum():
        return math.nan, math.nan
    middles = (EDGES_DEG[1:] + EDGES_DEG[:-1]) / 2
    mean = float(np.average(middles, weights=counts))
    return mean, float(np.sqrt(np.average((middles - mean) ** 2, weights=counts)))


def angles_row(counts: Integer[np.ndarray, " steps"]) -> str:
    """'−12° ± 8°'."""
    mean, deviation = spread_deg(counts)
    return "-" if math.isnan(mean) else f"{mean:+.0f}° ± {deviation:.0f}°"
