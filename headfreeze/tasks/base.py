"""What every task provides. A task is one file with these methods; `headfreeze.tasks.TASKS` lists them.

Those that are not abstract have defaults for labels that are zero where they are invalid (`headfreeze.tasks.labels`).
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torchmetrics import Metric
from torchvision import tv_tensors

from headfreeze.stored import File
from headfreeze.tasks.error_scale import ErrorScale
from headfreeze.tasks.labels import nonzero

Picture = UInt8[np.ndarray, "h w 3"]


class Task(ABC):
    """Something that can be predicted for every pixel of an image, or for points of it.

    A task never sees the network: it turns outputs into losses, predictions, metrics, pictures and files. Two tasks are
    equal if kind, name and options are.
    Letters in shapes: b images, c output channels of the task, k channels of its label, h × w pixels. The labels of a
    task that is not `dense` are points: read (k, 4) for (k, h, w), see `headfreeze.tasks.points.Points`.
    """

    kind: ClassVar[str]
    """Name in the registry and default name of the folder that holds the labels."""
    label_type: ClassVar[type[tv_tensors.TVTensor]]
    """Type of a label: its geometry under torchvision v2 transforms hangs on it."""
    dense: ClassVar[bool] = True
    """Whether a label has a value for every pixel."""
    counted: ClassVar[str] = "pixels"
    """The metric that counts what the others are means over: the weight of an image among others."""
    score: ClassVar[str]
    """The metric by which runs are ranked, …"""
    lower_is_better: ClassVar[bool]
    """… and in which direction."""
    error: ClassVar[ErrorScale | None] = None
    """What `errors` measures; None: this task has no error of a single pixel."""
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

    def options(self) -> dict[str, Any]:
        """The task's entry in dataset.yaml, without defaults; `make_task(name, options)` makes an equal task.

        Of a task whose constructor takes more than the name, that as well.
        """
        return self._kind_entry()

    def wrap(self, values: Tensor, size: tuple[float, float], /) -> tv_tensors.TVTensor:
        """A plain tensor as a label of this task, for an image of `size` (height, width)."""
        del size  # a dense label has it
        return self.label_type(values)

    @abstractmethod
    def loss(
        self, output: Float[Tensor, "b c h w"], label: Tensor, vector: Float[Tensor, "b v"] | None = None, /
    ) -> Float[Tensor, ""]:
        """Mean loss over what is valid in the whole batch; 0, with a gradient of 0, where nothing is.

        Computed in float32 also where the output is in half precision.

        Args:
            output: what the network gives for this task; of a dense task at the label's resolution.
            label: (b, k, h, w).
            vector: the network's numbers per image, where the task has vector channels.
        """

    @abstractmethod
    def decode(
        self, output: Float[Tensor, "b c h w"], vector: Float[Tensor, "b v"] | None = None, side: float = 0, /
    ) -> Tensor:
        """The prediction as a label of this task, a plain tensor (b, k, h, w); points in pixels of the output.

        Args:
            output: as of `loss`.
            vector: as of `loss`.
            side: shorter side of a training window in pixels of the output, where that is not the output's own.
        """

    def soft(self, output: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The prediction in a form that gradients pass, of a bounded range, float32: what a discriminator looks at.

        What `decode` gives, unless a task says otherwise.
        """
        return self.decode(output)

    @abstractmethod
    def metric(self) -> Metric:
        """A fresh streaming metric: `update(prediction, label)` on (b, k, h, w) labels, `compute()` → {name: float}.

        `metric(prediction, label)` adds a batch and gives the metrics of that batch alone.
        """

    def errors(self, prediction: Tensor, label: Tensor) -> Float[Tensor, "h w"]:
        """The error of every pixel of one prediction, as `error` has it; NaN where the label is invalid.

        Args:
            prediction: (k, h, w), as a label.
            label: (k, h, w).
        """
        raise NotImplementedError(f"task '{self.name}' has no error of a single pixel")

    @abstractmethod
    def render(self, label: Tensor, image: Picture | None = None, /) -> Picture:
        """One label (k, h, w) as a picture; invalid pixels are black. Points are drawn on the image, or on black."""

    @abstractmethod
    def read(self, path: File) -> Tensor:
        """Reads one label file into a (k, h, w) tensor, checked; `wrap` makes it a label of an image.

        The file may be a member of a shard: what opens paths by their names opens `path.open("rb")` instead.

        Raises:
            InputError: the file is damaged, or holds what a label of this task cannot be.
        """

    @abstractmethod
    def write(self, label: Tensor, path: Path) -> Path:
        """Writes one label (k, h, w) atomically and gives the path of the file.

        A path that ends in one of `extensions` is kept; else the preferred one is appended (`a/01` → `a/01.png`).
        """

    def extension(self, label: Tensor) -> str:  # noqa: ARG002  # for tasks whose preferred format cannot hold every label
        """Of the file that a label (k, h, w) goes to where none is given: the preferred one."""
        return self.extensions[0]

    def invalid(self, height: int, width: int) -> Tensor:
        """A label (k, height, width) without any valid pixel: stands in for a missing file.

        Zeros in as many channels as the output has, unless a task says otherwise.
        """
        return self.wrap(torch.zeros(self.channels, height, width), (height, width))

    def valid(self, label: Tensor) -> Tensor:
        """Which pixels of a label (…, k, h, w) count: bool (…, 1, h, w); of points (…, k, 1).

        Those that are not zero in all channels, unless a task says otherwise.
        """
        return nonzero(label)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash((self.kind, self.name))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.options()})"

    def _identity(self) -> tuple[str, str, dict[str, Any]]:
        return self.kind, self.name, self.options()

    def _kind_entry(self) -> dict[str, Any]:
        """`options` of a task whose name does not tell its kind must."""
        return {} if self.name == self.kind else {"kind": self.kind}
