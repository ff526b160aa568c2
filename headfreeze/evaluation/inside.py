"""Where predictions are judged: in the regions of a segmentation, or in the face that landmarks outline."""

import cv2
import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from headfreeze.errors import InputError
from headfreeze.tasks.base import Task
from headfreeze.tasks.keypoints import KeypointsTask
from headfreeze.tasks.point_orders import MULTI_PIE
from headfreeze.tasks.points import Points, located
from headfreeze.tasks.segmentation import SegmentationTask

_JAW, _BROWS, _INNER_CORNERS = range(17), (24, 19), (39, 42)
_RAISED = 0.3
"""Of the distance between the inner corners of the eyes: how far above two brow points the mask ends."""
_SUBPIXELS = 4


def check_region(task: Task) -> None:
    """Labels of this task can say where to judge.

    Raises:
        InputError: they cannot.
    """
    if isinstance(task, KeypointsTask) and task.order is not MULTI_PIE:
        raise InputError(f"inside is '{task.name}': of keypoints only the order multi-pie outlines a face")
    if not isinstance(task, KeypointsTask | SegmentationTask):
        raise InputError(f"inside is '{task.name}', a task of kind {task.kind}; name a segmentation, or keypoints")


def region(task: Task, label: Tensor) -> Bool[Tensor, "1 h w"]:
    """The pixels to judge: those of any class but a segmentation's first, or those of the face."""
    if isinstance(label, Points):
        return face(label)
    return (label.as_subclass(Tensor) != 0) & task.valid(label).as_subclass(Tensor)


def face(points: Points) -> Bool[Tensor, "1 h w"]:
    """The face that 68 landmarks outline: the jaw's points, and the highest of each brow, raised.

    As in the evaluation of SfSNet (Sengupta et al., CVPR 2018, arXiv 1712.01261). Pixels count whose centre lies
    inside; none does where one of these points is not known.
    """
    height, width = (round(side) for side in points.canvas_size)
    places = points.as_subclass(Tensor)[:, :2].numpy().astype(np.float64)
    needed = [*_JAW, *_BROWS, *_INNER_CORNERS]
    mask = np.zeros((height, width), np.uint8)
    if bool(located(points.as_subclass(Tensor))[needed].all()):
        eyes = places[_INNER_CORNERS[1]] - places[_INNER_CORNERS[0]]
        up = np.array([eyes[1], -eyes[0]]) * _RAISED  # from the line of the eyes toward the forehead
        outline = np.concatenate([places[list(_JAW)], places[list(_BROWS)] + up])
        fine = np.zeros((height * _SUBPIXELS, width * _SUBPIXELS), np.uint8)
        cv2.fillPoly(fine, [np.floor(outline * _SUBPIXELS).astype(np.int32)], 1)
        mask = fine[_SUBPIXELS // 2 :: _SUBPIXELS, _SUBPIXELS // 2 :: _SUBPIXELS]
    return torch.from_numpy(mask.astype(bool))[None]
