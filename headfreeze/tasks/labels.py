"""Label types that torchvision's v2 transforms know: surface normals and depth. Segmentation is a plain `Mask`."""

from typing import Any, Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchvision import tv_tensors


def wrapped(value: Tensor, like: Tensor) -> Tensor:
    """`value` as a label of the type and the attributes of another one.

    `tv_tensors.wrap` asks a type of one's own how to keep its attributes only since torchvision 0.27.
    """
    keeping = getattr(type(like), "wrap", None)
    return keeping(value, like) if keeping else tv_tensors.wrap(value, like=like)


class DenseLabel(tv_tensors.TVTensor):
    """A measured quantity for every pixel, (…, k, h, w) float32, in which all-zero pixels are invalid.

    Its geometry (`headfreeze.tasks.geometry`) is registered for every geometric function of torchvision v2.
    """

    def __new__(cls, data: Any, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Self:
        """Wraps `data`, anything that torch.as_tensor takes, without a copy where possible."""
        return cls._to_tensor(data, dtype=dtype, device=device).as_subclass(cls)

    @staticmethod
    def turned(label: Float[Tensor, "*b k h w"], matrix: tuple[float, float, float, float], /) -> Tensor:
        """The values after the image plane has been mapped by `matrix` (row-major 2 × 2; x right, y up)."""
        raise NotImplementedError

    @staticmethod
    def rotated(
        label: Float[Tensor, "b k h w"], rotation: Float[Tensor, "b 3 3"], depth: Float[Tensor, "b 1 h w"], /
    ) -> Tensor:
        """The values that a camera turned on the spot sees; the pixels have moved already.

        Args:
            label: values in the frame of the camera as it was.
            rotation: from that frame to the turned camera's.
            depth: depth, for the camera as it was, of what each pixel's ray meets at a depth of 1 for the turned one.
        """
        raise NotImplementedError

    @staticmethod
    def averaged(weighted: Float[Tensor, "*b k h w"], weight: Float[Tensor, "*b 1 h w"]) -> Tensor:
        """The value of each pixel from the weighted sum over its valid sources and the sum of their weights (> 0)."""
        raise NotImplementedError


class Normals(DenseLabel):
    """Surface normals, (…, 3, h, w): camera frame, x right, y up, z toward the viewer, unit length; invalid = zeros."""

    @staticmethod
    def turned(label: Float[Tensor, "*b 3 h w"], matrix: tuple[float, float, float, float], /) -> Tensor:
        """Maps the in-plane components; z stays."""
        a, b, c, d = matrix
        x, y, z = label.unbind(-3)
        return torch.stack([a * x + b * y, c * x + d * y, z], -3)

    @staticmethod
    def rotated(
        label: Float[Tensor, "b 3 h w"], rotation: Float[Tensor, "b 3 3"], _depth: Float[Tensor, "b 1 h w"], /
    ) -> Tensor:
        """Directions turn with the frame."""
        return torch.einsum("bij,bjhw->bihw", rotation, label)

    @staticmethod
    def averaged(weighted: Float[Tensor, "*b 3 h w"], weight: Float[Tensor, "*b 1 h w"]) -> Tensor:
        """The mean direction; zero (invalid) where the sources cancel each other out."""
        length = weighted.square().sum(-3, keepdim=True).sqrt()
        return torch.where(length > 1e-3 * weight, weighted / length.clamp(min=1e-12), 0.0)


class Depth(DenseLabel):
    """Depth along the viewing axis, (…, 1, h, w), in metres; invalid = 0.

    A resize or zoom moves pixels and leaves their metres as they are: the camera's focal length changes, not its place.
    """

    @staticmethod
    def turned(label: Float[Tensor, "*b 1 h w"], _matrix: tuple[float, float, float, float], /) -> Tensor:
        """Unchanged: depth does not depend on the directions in the image plane."""
        return label

    @staticmethod
    def rotated(
        label: Float[Tensor, "b 1 h w"], _rotation: Float[Tensor, "b 3 3"], depth: Float[Tensor, "b 1 h w"], /
    ) -> Tensor:
        """The same points along another axis; invalid where the old camera cannot have seen them."""
        return torch.where(depth > 0, label / depth, 0.0)

    @staticmethod
    def averaged(weighted: Float[Tensor, "*b 1 h w"], weight: Float[Tensor, "*b 1 h w"]) -> Tensor:
        """The weighted mean."""
        return weighted / weight


class Values(DenseLabel):
    """Values that depend on no camera, (…, k, h, w): colours, albedo, temperature; invalid = zeros in all channels."""

    @staticmethod
    def turned(label: Float[Tensor, "*b k h w"], _matrix: tuple[float, float, float, float], /) -> Tensor:
        """Unchanged."""
        return label

    @staticmethod
    def rotated(
        label: Float[Tensor, "b k h w"], _rotation: Float[Tensor, "b 3 3"], depth: Float[Tensor, "b 1 h w"], /
    ) -> Tensor:
        """Unchanged; invalid where the old camera cannot have seen them."""
        return torch.where(depth > 0, label, 0.0)

    @staticmethod
    def averaged(weighted: Float[Tensor, "*b k h w"], weight: Float[Tensor, "*b 1 h w"]) -> Tensor:
        """The weighted mean."""
        return weighted / weight


def nonzero(label: Float[Tensor, "*b k h w"]) -> Bool[Tensor, "*b 1 h w"]:
    """Which pixels are valid: those with any value other than zero."""
    return label.abs().amax(-3, keepdim=True) > 0  # four times as fast as (label != 0).any()
