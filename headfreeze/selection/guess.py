"""A small network that guesses one task from what is known of another, or from the image."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from headfreeze.data.canvas import expand
from headfreeze.models.network import enlarged
from headfreeze.tasks.base import Task
from headfreeze.tasks.heatmaps import gaussians
from headfreeze.tasks.segmentation import SegmentationTask
from headfreeze.training.parts.consistency import small_map

Known = Task | Literal["image"]
"""A task whose label is known, or the image itself."""

_SMALLER = (2, 8)
"""Factors by which the maps see what is known smaller: they look up to 14 and up to 56 pixels far."""
_POINT_WIDTH = 1 / 32
"""Standard deviation of a point's spot, as a share of the image's height."""


class Guess(nn.Module):
    """A value for every place, and what is made of what is known: of the pixel alone, of details, and of the whole.

    Args:
        known: channels of what is known.
        channels: of the main task's output.
        size: height and width in pixels.
    """

    def __init__(self, known: int, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.zeros(1, channels, *size))
        self.pixel = nn.Conv2d(known, channels, 1)
        self.maps = nn.ModuleList(small_map(known, channels) for _ in _SMALLER)

    def forward(self, seen: Float[Tensor, "b known h w"]) -> Float[Tensor, "b c h w"]:
        """The network's output for the main task; `seen`: what `seen` gives."""
        guessed: Tensor = self.places + self.pixel(seen)
        for factor, small in zip(_SMALLER, self.maps, strict=True):
            smaller = functional.avg_pool2d(seen, factor, ceil_mode=True)
            guessed = guessed + enlarged(small(smaller), seen.shape[-2:])
        return guessed


def channels(known: Known | None) -> int:
    """Of what `seen` gives."""
    if isinstance(known, Task):
        classes = isinstance(known, SegmentationTask)
        return known.channels + (0 if classes or not known.dense else 1)
    return 3 if known else 1


def seen(
    known: Known | None, values: Tensor, size: tuple[int, int], measured: tuple[float, float]
) -> Float[Tensor, "b known h w"]:
    """What is known as channels: a class each; a spot for each point; measured values, and where there are any.

    Where nothing is known that is a channel of zeros: the same network, which is left with the places.
    """
    if known is None:
        return torch.zeros(len(values), 1, *size)
    if not isinstance(known, Task):
        return values.float() / 127.5 - 1
    if isinstance(known, SegmentationTask):
        index = values[:, 0].long()
        shown = functional.one_hot(index.clamp(max=known.channels - 1), known.channels)  # b h w classes
        return (shown * (index < known.channels)[..., None]).permute(0, 3, 1, 2).float()
    label = expand(values, known, size).as_subclass(Tensor)
    if not known.dense:
        return gaussians(label[..., :2], *size, _POINT_WIDTH * size[0]).nan_to_num(0)
    mean, scale = measured
    valid = known.valid(label).as_subclass(Tensor).float()
    return torch.cat([(label - mean) / scale * valid, valid], 1)


def statistics(values: Tensor) -> tuple[float, float]:
    """Mean and spread of what is measured: numbers that are not zero."""
    there = values[values != 0].float()
    return (float(there.mean()), max(float(there.std()), 1e-6)) if len(there) > 1 else (0.0, 1.0)
