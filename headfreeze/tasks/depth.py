"""Depth: how far each visible surface is from the camera, along its viewing axis, in metres.

A label file `0001.png` has 16 bits a pixel, in millimetres: 2500 is 2.5 m, 0 is invalid.
"""

import math
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchmetrics import Metric
from torchvision import tv_tensors

from headfreeze.divided import whole_max
from headfreeze.errors import InputError, unknown
from headfreeze.stored import File
from headfreeze.tasks.base import Picture, Task
from headfreeze.tasks.depth_metric import DepthMetric, relative_errors
from headfreeze.tasks.error_scale import ErrorScale
from headfreeze.tasks.images import read_npy, read_png, with_extension, write_npy, write_png
from headfreeze.tasks.labels import Depth
from headfreeze.tasks.losses import masked_mean, widened

LOSSES = ("log_l1", "berhu")

NEAR_M = 0.001
FAR_M = 1000.0  # predictions end here; farther labels (sky, a renderer's "infinity") are invalid
_SENTINEL = 1e5  # renderers mark the sky with values from here on; no depth in millimetres gets there indoors
_MM_MAX = 65535


class DepthTask(Task):
    """Metres; invalid = 0. The output is the logarithm of the depth.

    Args:
        name: of the task, and of the folder of its labels.
        loss: log_l1, the mean of |log d − log d*|; or berhu, the reversed Huber loss on metres with the threshold at a
            fifth of the batch's largest error (Laina et al. 2016, arXiv 1606.00373, eq. 1).
    """

    kind: ClassVar[str] = "depth"
    label_type: ClassVar[type[tv_tensors.TVTensor]] = Depth
    score: ClassVar[str] = "abs_rel"
    lower_is_better: ClassVar[bool] = True
    error: ClassVar[ErrorScale | None] = ErrorScale("relative error", "", end=2, bins=400, brightest=0.5)
    extensions: ClassVar[tuple[str, ...]] = (".png", ".npy")

    def __init__(self, name: str = "depth", loss: str = "log_l1") -> None:
        super().__init__(name)
        if loss not in LOSSES:
            raise InputError(f"task '{name}': {unknown('loss', str(loss), LOSSES)}")
        self.loss_name = loss

    @property
    def channels(self) -> int:
        """The logarithm of the depth in metres."""
        return 1

    def options(self) -> dict[str, Any]:
        """The loss, where it is not the default."""
        return self._kind_entry() | ({} if self.loss_name == "log_l1" else {"loss": self.loss_name})

    def loss(
        self, output: Float[Tensor, "b 1 h w"], label: Float[Tensor, "b 1 h w"], _vector: Tensor | None = None, /
    ) -> Float[Tensor, ""]:
        """The loss named at construction."""
        valid = label > 0
        if self.loss_name == "log_l1":
            return _log_l1(widened(output), label, valid)
        return _berhu(widened(output), label, valid)

    def decode(
        self, output: Float[Tensor, "b 1 h w"], _vector: Tensor | None = None, _side: float = 0, /
    ) -> Float[Tensor, "b 1 h w"]:
        """exp(output), kept within 1 mm … 1 km."""
        return _clamped(widened(output)).exp()

    def soft(self, output: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 h w"]:
        """The logarithm of the depth, as far as `decode` goes."""
        return _clamped(widened(output))

    def metric(self) -> Metric:
        """Relative and squared errors, see `DepthMetric`."""
        return DepthMetric()

    def errors(self, prediction: Float[Tensor, "1 h w"], label: Float[Tensor, "1 h w"]) -> Float[Tensor, "h w"]:
        """|d − d*| / d*; 1 where the prediction is missing."""
        return relative_errors(prediction, label)[0]

    def render(self, label: Float[Tensor, "1 h w"], _image: Picture | None = None, /) -> Picture:
        """Inverse depth in the colour map "turbo", near = red, from the 2nd to the 98th percentile of the picture."""
        depth = label[0].detach().cpu().float().numpy()
        valid = depth > 0
        if not valid.any():
            return np.zeros((*depth.shape, 3), np.uint8)
        inverse = 1 / np.where(valid, depth, 1)
        low, high = np.percentile(inverse[valid], (2, 98))
        share = (inverse - low) / max(high - low, 1e-12) if high > low else np.full_like(inverse, 0.5)
        colours = cv2.applyColorMap((share.clip(0, 1) * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
        return colours[..., ::-1] * valid[..., None]

    def read(self, path: File) -> Float[Tensor, "1 h w"]:
        """Reads a 16-bit PNG in millimetres or a .npy of floats in metres (NaN, infinite, ≤ 0, > 1 km = invalid).

        Raises:
            InputError: the file is damaged, has another shape or type, or its values look like millimetres in a .npy.
        """
        depth = _from_npy(path) if path.suffix.lower() == ".npy" else _from_png(path)
        return Depth(torch.from_numpy(depth)[None])

    def write(self, label: Float[Tensor, "1 h w"], path: Path) -> Path:
        """Writes a 16-bit PNG (1 mm … 65.535 m, clipped), or a .npy of float32 where the path says so."""
        path = with_extension(path, self.extensions)
        depth = label[0].detach().cpu().float().numpy()
        if path.suffix.lower() == ".npy":
            write_npy(depth, path)
        else:
            millimetres = np.where(depth > 0, np.rint(depth.clip(0, FAR_M) * 1000).clip(1, _MM_MAX), 0)
            write_png(millimetres.astype(np.uint16)[..., None], path)
        return path

    def extension(self, label: Float[Tensor, "1 h w"]) -> str:
        """A PNG's, or .npy where something is farther away than a PNG can say."""
        return ".npy" if bool((label > _MM_MAX / 1000).any()) else ".png"

    def invalid(self, height: int, width: int) -> Float[Tensor, "1 h w"]:
        """All zeros."""
        return Depth(torch.zeros(1, height, width))

    def valid(self, label: Float[Tensor, "*b 1 h w"]) -> Bool[Tensor, "*b 1 h w"]:
        """Those beyond 0."""
        return label > 0


def _clamped(log_depth: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 h w"]:
    return log_depth.clamp(math.log(NEAR_M), math.log(FAR_M))


def _log_l1(
    output: Float[Tensor, "b 1 h w"], label: Float[Tensor, "b 1 h w"], valid: Bool[Tensor, "b 1 h w"]
) -> Float[Tensor, ""]:
    return masked_mean((output - torch.where(valid, label, 1.0).log()).abs(), valid)


def _berhu(
    output: Float[Tensor, "b 1 h w"], label: Float[Tensor, "b 1 h w"], valid: Bool[Tensor, "b 1 h w"]
) -> Float[Tensor, ""]:
    """|e| up to c, (e² + c²) / 2c beyond; c is a constant of the batch, without a gradient of its own."""
    clamped = _clamped(output)
    error = (clamped.exp() - label).abs()
    c = (0.2 * whole_max((error * valid).amax())).clamp(min=1e-6)
    berhu = torch.where(error <= c, error, (error.square() + c.square()) / (2 * c))
    # Where the clamp cuts the gradient off, the distance to its range leads the output back.
    return masked_mean(berhu + (output - clamped).abs(), valid)


def _from_png(path: File) -> Float[np.ndarray, "h w"]:
    values = read_png(path)
    if values.shape[-1] != 1 or values.dtype != np.uint16:
        bits, channels = 8 * values.dtype.itemsize, values.shape[-1]
        raise InputError(
            f"{path}: {bits} bits and {channels} channel(s); depth is a 16-bit grey PNG in millimetres, "
            "or a .npy of floats in metres"
        )
    return values[..., 0].astype(np.float32) / np.float32(1000)


def _from_npy(path: File) -> Float[np.ndarray, "h w"]:
    values = read_npy(path)
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 2:
        raise InputError(f"{path}: shape {values.shape}; depth is saved as (height, width)")
    if values.dtype.kind != "f":
        raise InputError(f"{path}: {values.dtype} values; depth in .npy is floats in metres (a PNG holds millimetres)")
    measured = values[(values > 0) & (values < _SENTINEL)]  # neither NaN nor infinite
    if measured.size and (median := float(np.median(measured))) > FAR_M:
        raise InputError(f"{path}: the median depth is {median:.0f} m; .npy holds metres: divide millimetres by 1000")
    return np.where((values > 0) & (values <= FAR_M), values, 0).astype(np.float32)
