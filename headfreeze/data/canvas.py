"""From a sample's files to tensors at training resolution: resizing, compact storage, windows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as transform

from headfreeze.data.folder import Sample
from headfreeze.data.images import read_image
from headfreeze.data.shards import IMAGE
from headfreeze.settings import Resize
from headfreeze.tasks.base import Task
from headfreeze.tasks.labels import DenseLabel


@dataclass(frozen=True)
class Canvas:
    """How images of any size become images around the training resolution (pixels)."""

    height: int
    width: int
    resize: Resize = "crop"

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """The size at which an image of height × width is kept: at least one window large in both directions."""
        if self.resize == "squash":
            return self.height, self.width
        scale = max(self.height / height, self.width / width)
        if self.resize == "none":
            scale = max(scale, 1.0)
        return max(round(height * scale), self.height), max(round(width * scale), self.width)

    def load(self, sample: Sample, tasks: Mapping[str, Task]) -> dict[str, Tensor]:
        """Decodes the image (uint8, 3 h w) and the labels of `tasks`; invalid where the file is missing.

        Raises:
            InputError: a file is damaged or holds what it cannot hold.
        """
        size = self.size_for(sample.height, sample.width)
        image = tv_tensors.Image(torch.from_numpy(read_image(sample.image)).permute(2, 0, 1))
        loaded = {IMAGE: resized(image, size)}
        for name, task in tasks.items():
            loaded[name] = resized(sample.label(task), size) if name in sample.labels else task.invalid(*size)
        return {name: compact(value) for name, value in loaded.items()}


def compact(label: Tensor) -> Tensor:
    """The form in which samples wait in memory: dense measurements as half (0.03° for normals, 0.05 % for depth)."""
    plain = label.as_subclass(Tensor)
    return plain.half() if isinstance(label, DenseLabel) else plain


def expand(label: Tensor, task: Task, size: tuple[int, int]) -> Tensor:
    """Undoes `compact` after the transfer to the device, and gives the label of an image of `size` its type back."""
    return task.wrap(label.float() if label.is_floating_point() else label, size)


def window(sample: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """A window of an image or a dense label (k, h, w), or points (k, 4) as seen in it; compact."""
    if sample.ndim == 3:
        return sample[:, top : top + height, left : left + width]
    return sample - np.array([left, top, 0, 0], sample.dtype)


def window_corner(height: int, width: int, size: tuple[int, int], rng: np.random.Generator | None) -> tuple[int, int]:
    """Top-left corner of a window of `size` in an image: a random one, or the centre one without a generator."""
    spare = (height - size[0], width - size[1])
    if rng is None:
        return spare[0] // 2, spare[1] // 2
    return int(rng.integers(spare[0] + 1)), int(rng.integers(spare[1] + 1))


def resized(value: Tensor, size: tuple[int, int]) -> Tensor:
    """An image or a label at another size, as its type resizes; itself where the size is right."""
    return value if transform.get_size(value) == list(size) else transform.resize(value, list(size), antialias=True)
