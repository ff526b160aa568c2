"""A label as a map that a network can read beside the image."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from headfreeze.tasks.base import Task
from headfreeze.tasks.depth import DepthTask
from headfreeze.tasks.heatmaps import gaussians
from headfreeze.tasks.segmentation import SegmentationTask

_SPOT = 1 / 32
"""Standard deviation of a point's spot, as a share of the image's height."""


def channels_of(task: Task) -> int:
    """How many `as_channels` gives."""
    return task.channels + 1 if task.dense else task.channels


def as_channels(task: Task, label: Tensor, size: tuple[int, int]) -> Float[Tensor, "b c h w"]:
    """Labels of a task as channels at the images' resolution.

    A class each, or what is measured (of depth its logarithm), zeros where it is invalid; then where it is valid. Of
    points a spot each, or nothing.

    Args:
        task: of the labels.
        label: (b, k, h, w), points (b, k, 4).
        size: height and width of the images.
    """
    values = label.as_subclass(Tensor)
    if not task.dense:
        return gaussians(values[..., :2].float(), *size, _SPOT * size[0]).nan_to_num(0)
    valid = task.valid(label).as_subclass(Tensor).float()
    if isinstance(task, SegmentationTask):
        index = values[:, 0].long().clamp(max=task.channels - 1)
        values = functional.one_hot(index, task.channels).permute(0, 3, 1, 2)
    elif isinstance(task, DepthTask):
        values = values.float().clamp(min=1e-2).log()
    return torch.cat([values.float() * valid, valid], 1)
