"""Surface normals: the direction each visible surface faces, in the camera's frame.

A label file `0001.png`, 8 or 16 bits: a wall that faces the camera is (0, 0, 1) → RGB (128, 128, 255); a floor is
(0, 1, 0) → (128, 255, 128); black is invalid.
"""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.nn import functional
from torchmetrics import Metric
from torchvision import tv_tensors

from headfreeze.errors import InputError
from headfreeze.stored import File
from headfreeze.tasks.base import Picture, Task
from headfreeze.tasks.error_scale import ErrorScale
from headfreeze.tasks.images import read_npy, read_png, with_extension, write_npy, write_png
from headfreeze.tasks.labels import Normals, nonzero
from headfreeze.tasks.losses import masked_mean, widened
from headfreeze.tasks.normals_metric import NormalsMetric, angles_deg

_SOFTENING = 1e-8  # added to squared lengths: bounds the gradient at a zero output to 10⁴ a pixel
_UNIT_TOLERANCE = 0.1  # 8-bit rounding is off by 0.007; resampled edges by more, but those are few
_MOST_OFF_UNIT = 0.01
_SHORTEST = 0.1  # a shorter vector has no direction worth renormalising
_FRAME = "x right, y up, z toward the viewer"


class NormalsTask(Task):
    """Unit vectors: x right, y up, z toward the viewer; invalid = all zeros. The output is a vector of any length."""

    kind: ClassVar[str] = "normals"
    label_type: ClassVar[type[tv_tensors.TVTensor]] = Normals
    score: ClassVar[str] = "mean"
    lower_is_better: ClassVar[bool] = True
    error: ClassVar[ErrorScale | None] = ErrorScale("angular error", "°", end=180, bins=720, brightest=60)
    extensions: ClassVar[tuple[str, ...]] = (".png", ".npy")

    def __init__(self, name: str = "normals") -> None:
        super().__init__(name)

    @property
    def channels(self) -> int:
        """x, y, z."""
        return 3

    def options(self) -> dict[str, Any]:
        """Normals have none."""
        return self._kind_entry()

    def loss(
        self, output: Float[Tensor, "b 3 h w"], label: Float[Tensor, "b 3 h w"], _vector: Tensor | None = None, /
    ) -> Float[Tensor, ""]:
        """Mean of 1 − cos of the angle between output and label, in 0 … 2."""
        output = widened(output)
        squared = output.square().sum(1)
        cos = (output * label).sum(1) * (squared + _SOFTENING).rsqrt()
        return masked_mean(1 - cos, nonzero(label).squeeze(1))

    def soft(self, output: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """The output at unit length, softened as in the loss: near zero it is shorter."""
        output = widened(output)
        return output * (output.square().sum(1, keepdim=True) + _SOFTENING).rsqrt()

    def decode(
        self, output: Float[Tensor, "b 3 h w"], _vector: Tensor | None = None, _side: float = 0, /
    ) -> Float[Tensor, "b 3 h w"]:
        """The output at unit length, float32; a zero output stays zero."""
        return functional.normalize(widened(output), dim=1)

    def metric(self) -> Metric:
        """Angular error, see `NormalsMetric`."""
        return NormalsMetric()

    def errors(self, prediction: Float[Tensor, "3 h w"], label: Float[Tensor, "3 h w"]) -> Float[Tensor, "h w"]:
        """Degrees between the two; 90 where the prediction is missing."""
        angle, valid = angles_deg(prediction[None], label[None])
        return torch.where(valid, angle, torch.nan)[0]

    def render(self, label: Float[Tensor, "3 h w"], _image: Picture | None = None, /) -> Picture:
        """The usual colours, (n + 1) / 2."""
        return _encoded(label, 8)

    def read(self, path: File) -> Float[Tensor, "3 h w"]:
        """Reads an 8- or 16-bit PNG or a .npy of (h, w, 3) floats (zeros or NaN = invalid); gives unit vectors.

        Raises:
            InputError: the file is damaged, has another shape or type, or more than 1 % of its vectors are not unit.
        """
        normals, valid = _from_npy(path) if path.suffix.lower() == ".npy" else _from_png(path)
        return Normals(torch.from_numpy(_unit(normals, valid, path)))

    def write(self, label: Float[Tensor, "3 h w"], path: Path) -> Path:
        """Writes a 16-bit PNG (exact to 0.002°), or a .npy of float32 where the path says so."""
        path = with_extension(path, self.extensions)
        if path.suffix.lower() == ".npy":
            write_npy(_planes(label).transpose(1, 2, 0).copy(), path)
        else:
            write_png(_encoded(label, 16), path)
        return path

    def invalid(self, height: int, width: int) -> Float[Tensor, "3 h w"]:
        """All zeros."""
        return Normals(torch.zeros(3, height, width))

    def valid(self, label: Float[Tensor, "*b 3 h w"]) -> Bool[Tensor, "*b 1 h w"]:
        """Those that are not zero."""
        return nonzero(label)


def _from_png(path: File) -> tuple[Float[np.ndarray, "3 h w"], Bool[np.ndarray, "h w"]]:
    values = read_png(path)
    channels = values.shape[-1]
    if channels not in (3, 4):
        raise InputError(
            f"{path}: {channels} channel(s), normals need RGB; save (n + 1) / 2 as an 8- or 16-bit RGB PNG"
        )
    planes = values[..., :3].transpose(2, 0, 1).astype(np.float32, order="C")
    valid = _any(planes)
    if channels == 4:
        valid = valid & (values[..., 3] > 0)  # transparent
    planes *= 2 / np.iinfo(values.dtype).max
    planes -= 1
    return planes, valid


def _from_npy(path: File) -> tuple[Float[np.ndarray, "3 h w"], Bool[np.ndarray, "h w"]]:
    values = read_npy(path)
    if values.ndim != 3 or values.shape[-1] != 3:
        raise InputError(f"{path}: shape {values.shape}; normals are saved as (height, width, 3)")
    if values.dtype.kind != "f":
        raise InputError(f"{path}: {values.dtype} values; normals in .npy are floats in -1 … 1")
    with np.errstate(over="ignore"):  # float64 beyond float32 becomes infinite, which is invalid
        planes = values.transpose(2, 0, 1).astype(np.float32, order="C")
    return planes, np.isfinite(planes).all(axis=0) & _any(planes)


def _any(planes: Float[np.ndarray, "3 h w"]) -> Bool[np.ndarray, "h w"]:
    return np.asarray(planes.any(axis=0))


def _unit(
    normals: Float[np.ndarray, "3 h w"], valid: Bool[np.ndarray, "h w"], path: File
) -> Float[np.ndarray, "3 h w"]:
    """Renormalised in place, zeros where invalid; refused where too many are not unit to begin with."""
    np.copyto(normals, 0, where=~valid)
    length = np.sqrt(np.einsum("khw,khw->hw", normals, normals))
    off = int((valid & (np.abs(length - 1) > _UNIT_TOLERANCE)).sum())
    if off > _MOST_OFF_UNIT * valid.sum():
        raise InputError(
            f"{path}: {off / valid.sum():.0%} of the valid normals are not unit vectors; store (n + 1) / 2 of unit "
            f"vectors ({_FRAME}) without gamma, colour profile or resizing, and invalid pixels as black (.npy: zeros)"
        )
    short = length < _SHORTEST
    normals /= np.where(short, np.float32(1), length)
    normals[:, short] = 0
    return normals


def _planes(label: Float[Tensor, "3 h w"]) -> Float[np.ndarray, "3 h w"]:
    return label.detach().cpu().float().numpy()


def _encoded(label: Float[Tensor, "3 h w"], bits: int) -> Shaped[np.ndarray, "h w 3"]:
    """(n + 1) / 2 · (2^bits − 1), rounded; black where invalid."""
    normals = _planes(label)
    largest = 2**bits - 1
    scaled = np.rint((normals.clip(-1, 1) + 1) * (largest / 2)) * _any(normals)
    return scaled.astype(np.uint8 if bits == 8 else np.uint16).transpose(1, 2, 0)
