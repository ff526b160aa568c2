"""Segmentation: which class each pixel belongs to. Edges, face regions and any other label by index are of this kind.

The entry `edges: {kind: segmentation, classes: [none, edge]}` in dataset.yaml; a label file `0001.png` has 8 bits a
pixel: 0 = none, 1 = edge, 255 = invalid.
"""

import colorsys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer, UInt8
from torch import Tensor
from torch.nn import functional
from torchmetrics import Metric
from torchvision import tv_tensors

from headfreeze.errors import InputError
from headfreeze.stored import File
from headfreeze.tasks.base import Picture, Task
from headfreeze.tasks.error_scale import ErrorScale
from headfreeze.tasks.images import read_png, with_extension, write_png
from headfreeze.tasks.losses import mean_of, widened
from headfreeze.tasks.segmentation_metric import SegmentationMetric

_INVALID_8_BIT, _INVALID_16_BIT = 255, 65535


def invalid_index(dtype: torch.dtype) -> int:
    """The index that means "invalid" in labels of this type."""
    return _INVALID_8_BIT if dtype == torch.uint8 else _INVALID_16_BIT


class SegmentationTask(Task):
    """Class indices. The output is a score (logit) for each class.

    With up to 255 classes labels are uint8 and 255 is invalid; with more, int32 and 65535. `invalid_index` tells.
    torchvision's v2 transforms fill a `Mask` with 0, a class: give those that pad or turn `fill={Mask: invalid_index}`.

    Args:
        name: of the task, and of the folder of its labels.
        classes: names of the classes, a list of str in the order of their indices. Any other value, as may stand in
            dataset.yaml, is an InputError.
    """

    kind: ClassVar[str] = "segmentation"
    label_type: ClassVar[type[tv_tensors.TVTensor]] = tv_tensors.Mask
    score: ClassVar[str] = "miou"
    lower_is_better: ClassVar[bool] = False
    error: ClassVar[ErrorScale | None] = ErrorScale("wrong pixels", "", end=2, bins=2, brightest=1)
    extensions: ClassVar[tuple[str, ...]] = (".png",)

    def __init__(self, name: str = "segmentation", *, classes: Any) -> None:
        super().__init__(name)
        _check_classes(name, classes)
        self.classes: tuple[str, ...] = tuple(classes)
        few = len(classes) <= _INVALID_8_BIT
        self.dtype = torch.uint8 if few else torch.int32
        self.invalid_index = invalid_index(self.dtype)

    @property
    def channels(self) -> int:
        """A score for each class."""
        return len(self.classes)

    def options(self) -> dict[str, Any]:
        """The classes."""
        return self._kind_entry() | {"classes": list(self.classes)}

    def loss(
        self, output: Float[Tensor, "b c h w"], label: Integer[Tensor, "b 1 h w"], _vector: Tensor | None = None, /
    ) -> Float[Tensor, ""]:
        """Mean cross-entropy."""
        target = label.squeeze(1).long()
        # On a GPU the sum inside of cross_entropy is added up in an order that changes from run to run.
        reduction = "none" if output.is_cuda else "sum"
        total = functional.cross_entropy(
            widened(output), target, ignore_index=self.invalid_index, reduction=reduction
        ).sum()
        return mean_of(total, (target != self.invalid_index).sum().to(total.dtype))

    def decode(
        self, output: Float[Tensor, "b c h w"], _vector: Tensor | None = None, _side: float = 0, /
    ) -> Integer[Tensor, "b 1 h w"]:
        """The class with the highest score."""
        return output.argmax(1, keepdim=True).to(self.dtype)

    def soft(self, output: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The classes' probabilities."""
        return widened(output).softmax(1)

    def metric(self) -> Metric:
        """Overlap of the classes, see `SegmentationMetric`."""
        return SegmentationMetric(self.classes)

    def errors(self, prediction: Integer[Tensor, "1 h w"], label: Integer[Tensor, "1 h w"]) -> Float[Tensor, "h w"]:
        """1 where the class is wrong, 0 where it is right."""
        wrong = (prediction.as_subclass(Tensor).long() != label.as_subclass(Tensor).long()).double()
        return torch.where(self.valid(label).as_subclass(Tensor), wrong, torch.nan)[0]

    def render(self, label: Integer[Tensor, "1 h w"], _image: Picture | None = None, /) -> Picture:
        """A colour for each index, the same in every picture and for any number of classes."""
        index = label[0].detach().cpu().numpy().astype(np.int64)
        return np.where((index < len(self.classes))[..., None], _palette(len(self.classes))[index % self.channels], 0)

    def read(self, path: File) -> Integer[Tensor, "1 h w"]:
        """Reads an 8- or 16-bit grey PNG of class indices, or a palette PNG's indices; 255 / 65535 = invalid.

        Raises:
            InputError: the file is damaged, has colours instead of indices, or an index that is no class.
        """
        values = read_png(path)
        if values.shape[-1] != 1:
            raise InputError(f"{path}: {values.shape[-1]} channels; save class indices as a grey or palette PNG")
        index = values[..., 0]
        if index.dtype == np.uint8 and self.dtype == torch.uint8:
            label = index  # 255 is invalid in both
        else:
            invalid = index == np.iinfo(index.dtype).max
            if self.dtype == torch.uint8:
                invalid |= index == _INVALID_8_BIT
            label = np.where(invalid, self.invalid_index, index.astype(np.int32))
        self._check_indices(label, path)
        return tv_tensors.Mask(torch.from_numpy(np.array(label)).to(self.dtype)[None])

    def write(self, label: Integer[Tensor, "1 h w"], path: Path) -> Path:
        """Writes a grey PNG, 8 bits for up to 255 classes and 16 for more."""
        path = with_extension(path, self.extensions)
        index = label[0].detach().cpu().numpy()
        write_png(index.astype(np.uint8 if self.dtype == torch.uint8 else np.uint16)[..., None], path)
        return path

    def invalid(self, height: int, width: int) -> Integer[Tensor, "1 h w"]:
        """`invalid_index` everywhere."""
        return tv_tensors.Mask(torch.full((1, height, width), self.invalid_index, dtype=self.dtype))

    def valid(self, label: Integer[Tensor, "*b 1 h w"]) -> Bool[Tensor, "*b 1 h w"]:
        """Those of any class."""
        return label != self.invalid_index

    def _check_indices(self, label: Integer[np.ndarray, "h w"], path: File) -> None:
        wrong = (label >= len(self.classes)) & (label != self.invalid_index)
        if wrong.any():
            raise InputError(
                f"{path}: class index {label[wrong].max()}, but task '{self.name}' has {len(self.classes)} classes "
                f"(0 … {len(self.classes) - 1}, {self.invalid_index} = invalid); "
                "mend the file or the classes in dataset.yaml"
            )


def _check_classes(name: str, classes: Any) -> None:
    example = "for example [none, edge]"
    if isinstance(classes, str) or not isinstance(classes, Sequence):
        raise InputError(f"task '{name}': classes is {classes!r}; give a list of names, {example}")
    for each in classes:
        if not isinstance(each, str) or not each:
            raise InputError(
                f"task '{name}': class {each!r} is not a name; give texts, in quotes where YAML needs them"
            )
    if len(classes) < 2:
        raise InputError(f"task '{name}': classes is {list(classes)}; give at least two, {example}")
    if len(classes) > _INVALID_16_BIT:
        raise InputError(f"task '{name}': {len(classes)} classes; files can hold {_INVALID_16_BIT}")
    twice = sorted({each for each in classes if list(classes).count(each) > 1})
    if twice:
        raise InputError(f"task '{name}': class '{twice[0]}' is listed twice; every class needs a name of its own")


@cache
def _palette(count: int) -> UInt8[np.ndarray, "count 3"]:
    """Hues a golden angle apart, so that neighbours differ however many there are; three levels of brightness."""
    colours = [
        colorsys.hsv_to_rgb(i * 0.618034 % 1, (0.55, 0.85)[i % 2], (0.95, 0.7, 0.5)[i % 3]) for i in range(count)
    ]
    return (np.array(colours) * 255).astype(np.uint8)
