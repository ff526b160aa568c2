"""Labels that are points: where they are in the image, how far away, and how a view moves them.

torchvision's own `KeyPoints` has two coordinates, counts pixels from the centre of the first when it mirrors and from
its corner when it resizes, and leaves left and right as they are. Points here count from the corner throughout.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as v2

from headfreeze.errors import InputError
from headfreeze.tasks.geometry import in_plane_rotation

Size = tuple[float, float]


class Points(tv_tensors.TVTensor):
    """Points of an image, (…, K, 4) float32: x, y, z, visibility; what is not known is NaN.

    x to the right and y down, in pixels, (0, 0) is the image's upper left corner and (0.5, 0.5) the centre of its first
    pixel. z in the same scale, toward the viewer, from any origin. Visibility: 1 = seen, 0 = hidden by something; in
    predictions how sure the network is, 0 … 1.

    Attributes:
        canvas_size: (height, width) of the image, in pixels.
        mirror: the order of the points after a reflection: point i becomes what `mirror[i]` was.
    """

    canvas_size: Size
    mirror: tuple[int, ...]

    def __new__(
        cls,
        data: Any,
        *,
        canvas_size: Size,
        mirror: Sequence[int],
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> Self:
        """Wraps `data`, anything that torch.as_tensor takes, without a copy where possible."""
        points = cls._to_tensor(data, dtype=dtype, device=device).as_subclass(cls)
        points.canvas_size, points.mirror = canvas_size, tuple(mirror)
        return points

    @classmethod
    def wrap(cls, tensor: Tensor, like: "Points", **changes: Any) -> "Points":
        """`tensor` as points like others; `canvas_size=…` where that has changed."""
        size = changes.get("canvas_size", like.canvas_size)
        return cls(tensor, canvas_size=size, mirror=like.mirror)


def located(points: Float[Tensor, "*b k 4"]) -> Bool[Tensor, "*b k"]:
    """Which points have a known place in the image."""
    return points[..., :2].isfinite().all(-1)


def centred_z(points: Float[Tensor, "*b k 4"]) -> tuple[Float[Tensor, "*b k"], Bool[Tensor, "*b k"]]:
    """z from the mean over the points of the image that have one, 0 for the others; and which have.

    Where all z of an image are the same, none is known: labels in the plane are written so.
    """
    known = points[..., 2].isfinite()
    z = torch.where(known, points[..., 2], 0.0)
    high = torch.where(known, z, -torch.inf).amax(-1, keepdim=True)
    low = torch.where(known, z, torch.inf).amin(-1, keepdim=True)
    known = known & (high > low)
    z = torch.where(known, z, 0.0)
    mean = z.sum(-1, keepdim=True) / known.sum(-1, keepdim=True).clamp(min=1)
    return torch.where(known, z - mean, 0.0), known


def scaled(points: Float[Tensor, "*b k 4"], down: float, right: float) -> Float[Tensor, "*b k 4"]:
    """y times `down`, x times `right`; z by the geometric mean of both."""
    x, y, z, visibility = points.unbind(-1)
    return torch.stack([x * right, y * down, z * (down * right) ** 0.5, visibility], -1)


Kernel = Callable[..., tuple[Tensor, Size]]


def _kernel(function: Callable[..., Any]) -> Callable[[Kernel], Kernel]:
    """Registers `kernel(points, …) -> (data, canvas size)` for `function`; the result is wrapped again."""

    def register(kernel: Kernel) -> Kernel:
        @wraps(kernel)
        def wrapped(points: Points, *args: Any, **kwargs: Any) -> Points:
            data, size = kernel(points, *args, **kwargs)
            return Points.wrap(data, points, canvas_size=size)

        v2.register_kernel(function, Points)(wrapped)
        return kernel

    return register


def _mapped(points: Points, matrix: tuple[float, float, float, float], shift: Sequence[float], scale: float) -> Tensor:
    """x, y → matrix (row-major 2 × 2) · (x, y) + shift; z is scaled."""
    x, y, z, visibility = points.as_subclass(Tensor).unbind(-1)
    a, b, c, d = matrix
    return torch.stack([a * x + b * y + shift[0], c * x + d * y + shift[1], z * scale, visibility], -1)


@_kernel(v2.horizontal_flip)
def horizontal_flip(points: Points) -> tuple[Tensor, Size]:
    """Mirrors left and right; left points become right ones."""
    moved = _mapped(points, (-1.0, 0.0, 0.0, 1.0), (points.canvas_size[1], 0), 1)
    return moved[..., list(points.mirror), :], points.canvas_size


@_kernel(v2.vertical_flip)
def vertical_flip(points: Points) -> tuple[Tensor, Size]:
    """Mirrors up and down; that too makes left points right ones."""
    moved = _mapped(points, (1.0, 0.0, 0.0, -1.0), (0, points.canvas_size[0]), 1)
    return moved[..., list(points.mirror), :], points.canvas_size


@_kernel(v2.resize)
def resize(points: Points, size: Sequence[float], *_: Any, **__: Any) -> tuple[Tensor, Size]:
    """To (height, width); z by the geometric mean of both ratios.

    Raises:
        InputError: `size` is not (height, width).
    """
    if not isinstance(size, Sequence) or len(size) != 2:
        raise InputError(f"resize to {size} is not defined for Points; give (height, width)")
    down, right = (new / old for new, old in zip(size, points.canvas_size, strict=True))
    return scaled(points.as_subclass(Tensor), down, right), (size[0], size[1])


@_kernel(v2.crop)
def crop(points: Points, top: int, left: int, height: int, width: int) -> tuple[Tensor, Size]:
    """Cuts a window; points outside of it keep their coordinates, which lie outside of the canvas."""
    return _mapped(points, (1.0, 0.0, 0.0, 1.0), (-left, -top), 1), (height, width)


@_kernel(v2.center_crop)
def center_crop(points: Points, output_size: int | Sequence[int]) -> tuple[Tensor, Size]:
    """Cuts the middle, as torchvision rounds it."""
    height, width = [output_size] * 2 if isinstance(output_size, int) else output_size
    top, left = (_margin(old, new) for old, new in zip(points.canvas_size, (height, width), strict=True))
    return crop(points, top, left, height, width)


def _margin(old: float, new: int) -> int:
    """How much is cut off before the window; negative where it is larger and something is added."""
    return round((old - new) / 2) if new <= old else -int((new - old) // 2)


@_kernel(v2.resized_crop)
def resized_crop(
    points: Points, top: int, left: int, height: int, width: int, size: Sequence[int], *_: Any, **__: Any
) -> tuple[Tensor, Size]:
    """Cuts a window and resizes it."""
    data, canvas_size = crop(points, top, left, height, width)
    return resize(Points.wrap(data, points, canvas_size=canvas_size), size)


@_kernel(v2.pad)
def pad(points: Points, padding: int | Sequence[int], *_: Any, **__: Any) -> tuple[Tensor, Size]:
    """Adds a border: one width, (left and right, top and bottom), or (left, top, right, bottom)."""
    sides = [padding] if isinstance(padding, int) else list(padding)
    left, top, right, bottom = sides * (4 // len(sides))
    height, width = points.canvas_size
    return _mapped(points, (1.0, 0.0, 0.0, 1.0), (left, top), 1), (height + top + bottom, width + left + right)


@_kernel(v2.rotate)
def rotate(
    points: Points, angle: float, *_: Any, expand: bool = False, center: Sequence[float] | None = None, **__: Any
) -> tuple[Tensor, Size]:
    """Turns by `angle` degrees counter-clockwise, as seen.

    Raises:
        InputError: `expand` is set.
    """
    if expand:
        raise InputError("rotate with expand is not defined for Points; rotate without, or pad first")
    return affine(points, -angle, (0, 0), 1, (0, 0), center=center)


@_kernel(v2.affine)
def affine(
    points: Points,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    *_: Any,
    center: Sequence[float] | None = None,
    **__: Any,
) -> tuple[Tensor, Size]:
    """Turns by `angle` degrees clockwise, as seen (v2's sign here), about the centre, moves and scales.

    Raises:
        InputError: there is a shear.
    """
    if any(shear) if isinstance(shear, Sequence) else shear:
        raise InputError(f"affine with shear {shear} is not defined for Points; use shear 0")
    height, width = points.canvas_size
    x, y = center or (width / 2, height / 2)
    a, b, c, d = (
        scale * value for value in in_plane_rotation(angle)
    )  # y points down here, which turns the sense around
    shift = x - a * x - b * y + translate[0], y - c * x - d * y + translate[1]
    return _mapped(points, (a, b, c, d), shift, scale), points.canvas_size


def _refuse(function: Callable[..., Any], name: str) -> None:
    @_kernel(function)
    def refuse(_points: Points, *_args: Any, **_options: Any) -> tuple[Tensor, Size]:
        raise InputError(f"{name} is not defined for Points; leave it out of the transforms of this task")


def _size(points: Points) -> list[float]:
    return list(points.canvas_size)


v2.register_kernel(v2.get_size, Points)(_size)
_refuse(v2.five_crop, "five_crop")
_refuse(v2.ten_crop, "ten_crop")
_refuse(v2.perspective, "perspective")
_refuse(v2.elastic, "elastic")
