"""What every task provides. A task is one file with these methods; `headfreeze.tasks.TASKS` lists them."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor
from torchmetrics import Metric
from torchvision import tv_tensors


class Task(ABC):
    """Something that can be predicted for every pixel of an image, or for the image as a whole.

    A task never sees the network: it turns outputs into losses, predictions, metrics, pictures and files.
    Letters in shapes: b images, c output channels of the task, k channels of its label, h × w pixels.
    """

    kind: ClassVar[str]
    """Name in the registry and default name of the folder that holds the labels."""
    label_type: ClassVar[type[tv_tensors.TVTensor]]
    """Type of a label: its geometry under torchvision v2 transforms hangs on it."""
    label_channels: ClassVar[int]
    """k: 3 for normals, 1 for depth and segmentation. Every label tensor carries this axis."""
    score: ClassVar[str]
    """The metric by which runs are ranked, …"""
    lower_is_better: ClassVar[bool]
    """… and in which direction."""
    extensions: ClassVar[tuple[str, ...]]
    """File name extensions that `read` understands, the preferred one first."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    @abstractmethod
    def channels(self) -> int:
        """c: spatial output channels that the network must give."""

    @property
    def vector_channels(self) -> int:
        """Numbers per image that the network must give beside the spatial output (0: none)."""
        return 0

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The task's entry in dataset.yaml; `TASKS[kind](name, **options)` makes an equal task."""

    @abstractmethod
    def loss(self, output: Float[Tensor, "b c h w"], label: Tensor) -> Float[Tensor, ""]:
        """Mean loss over the valid pixels of the whole batch; 0, with a gradient of 0, where no pixel is valid.

        Args:
            output: what the network gives for this task, already at the label's resolution.
            label: (b, k, h, w).
        """

    @abstractmethod
    def decode(self, output: Float[Tensor, "b c h w"]) -> Tensor:
        """The prediction as a label of this task, (b, k, h, w)."""

    @abstractmethod
    def metric(self) -> Metric:
        """A fresh streaming metric: `update(prediction, label)` on (b, k, h, w) labels, `compute()` → {name: float}."""

    @abstractmethod
    def render(self, label: Tensor) -> UInt8[np.ndarray, "h w 3"]:
        """One label (k, h, w) as a picture; invalid pixels are black."""

    @abstractmethod
    def read(self, path: Path) -> Tensor:
        """Reads one label file into a (k, h, w) tensor of `label_type`, checked.

        Raises:
            InputError: the file is damaged, or holds what a label of this task cannot be.
        """

    @abstractmethod
    def write(self, label: Tensor, path: Path) -> Path:
        """Writes one label (k, h, w) to `path` with the preferred extension, aside and renamed; gives the path."""

    @abstractmethod
    def invalid(self, height: int, width: int) -> Tensor:
        """A label (k, height, width) without any valid pixel: stands in for a missing file."""

    @abstractmethod
    def valid(self, label: Tensor) -> Tensor:
        """Which pixels of a label (…, k, h, w) count: bool (…, 1, h, w)."""
