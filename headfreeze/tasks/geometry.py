"""The geometry of `Normals` and `Depth` under every geometric function of torchvision v2.

v2 hands a label type it does not know through untouched, so each function is either defined here or refuses. Importing
`headfreeze.tasks` registers all of them for `DenseLabel`, from which both types descend.
"""

import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as v2

from headfreeze.errors import InputError
from headfreeze.tasks.labels import DenseLabel, nonzero

_NEAREST = (InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT)
_MAJORITY = 0.5 + 1e-4  # of the weight; the margin makes a tie invalid wherever rounding puts it
_MIRRORED_X = (-1.0, 0.0, 0.0, 1.0)
_MIRRORED_Y = (1.0, 0.0, 0.0, -1.0)

Kernel = Callable[..., Any]
Number = int | float  # v2 passes on what its caller gave


def _kernel(function: Callable[..., Any]) -> Callable[[Kernel], Kernel]:
    """Registers `kernel(data, type, …) -> data` for `function`: it gets a plain tensor, its result is wrapped again."""

    def register(kernel: Kernel) -> Kernel:
        @wraps(kernel)
        def wrapped(label: DenseLabel, *args: Any, **kwargs: Any) -> Any:
            result = kernel(label.as_subclass(Tensor), type(label), *args, **kwargs)
            if isinstance(result, tuple):
                return tuple(tv_tensors.wrap(part, like=label) for part in result)
            return tv_tensors.wrap(result, like=label)

        v2.register_kernel(function, DenseLabel)(wrapped)
        return kernel

    return register


@_kernel(v2.horizontal_flip)
def horizontal_flip(data: Tensor, kind: type[DenseLabel]) -> Tensor:
    """Mirrors left and right: a normal's x changes its sign."""
    return kind.turned(data.flip(-1), _MIRRORED_X)


@_kernel(v2.vertical_flip)
def vertical_flip(data: Tensor, kind: type[DenseLabel]) -> Tensor:
    """Mirrors up and down: a normal's y changes its sign."""
    return kind.turned(data.flip(-2), _MIRRORED_Y)


@_kernel(v2.resize)
def resize(
    data: Tensor,
    kind: type[DenseLabel],
    size: int | Sequence[int] | None,
    interpolation: InterpolationMode | str | int = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    **_: Any,
) -> Tensor:
    """Averages over the valid source pixels only; a pixel is valid where they have more than half of the weight.

    Bilinear and always antialiased, whatever else is asked for (bicubic weights are negative in places and would not be
    an average); NEAREST and NEAREST_EXACT are kept.
    """
    if interpolation in _NEAREST or interpolation in ("nearest", "nearest-exact", 0):
        return v2.resize_image(data, size=size, interpolation=interpolation, max_size=max_size, antialias=False)
    weighted = torch.cat([data, nonzero(data).to(data.dtype)], -3)  # invalid values are zeros: they add nothing
    blended = v2.resize_image(
        weighted, size=size, interpolation=InterpolationMode.BILINEAR, max_size=max_size, antialias=True
    )
    values, weight = blended[..., :-1, :, :], blended[..., -1:, :, :]
    majority = weight > _MAJORITY
    return torch.where(majority, kind.averaged(values, torch.where(majority, weight, 1.0)), 0.0)


@_kernel(v2.crop)
def crop(data: Tensor, _kind: type[DenseLabel], top: int, left: int, height: int, width: int) -> Tensor:
    """Cuts a window; what lies outside of the label is invalid."""
    return v2.crop_image(data, top, left, height, width)


@_kernel(v2.center_crop)
def center_crop(data: Tensor, _kind: type[DenseLabel], output_size: int | Sequence[int]) -> Tensor:
    """Cuts the middle; what lies outside of the label is invalid."""
    return v2.center_crop_image(data, output_size)


@_kernel(v2.resized_crop)
def resized_crop(
    data: Tensor,
    kind: type[DenseLabel],
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: InterpolationMode | str | int = InterpolationMode.BILINEAR,
    **_: Any,
) -> Tensor:
    """Cuts a window and resizes it."""
    return resize(v2.crop_image(data, top, left, height, width), kind, size, interpolation)


@_kernel(v2.pad)
def pad(
    data: Tensor,
    _kind: type[DenseLabel],
    padding: int | Sequence[int],
    **_: Any,
) -> Tensor:
    """Adds invalid pixels, whatever the fill and the mode: nothing is known of the surface out there."""
    return v2.pad_image(data, padding=padding, fill=0, padding_mode="constant")


@_kernel(v2.rotate)
def rotate(
    data: Tensor,
    kind: type[DenseLabel],
    angle: Number,
    *,
    expand: bool = False,
    center: Sequence[Number] | None = None,
    **_: Any,
) -> Tensor:
    """Turns by `angle` degrees counter-clockwise, as seen; always to the nearest pixel, the corners are invalid."""
    moved = v2.rotate_image(data, angle, InterpolationMode.NEAREST, expand, center, fill=None)
    return kind.turned(moved, in_plane_rotation(angle))


@_kernel(v2.affine)
def affine(
    data: Tensor,
    kind: type[DenseLabel],
    angle: Number,
    translate: Sequence[Number],
    scale: Number,
    shear: Number | Sequence[Number],
    *,
    center: Sequence[Number] | None = None,
    **_: Any,
) -> Tensor:
    """Turns by `angle` degrees clockwise, as seen (v2's sign here), moves and scales; to the nearest pixel.

    Raises:
        InputError: there is a shear: no camera sees a sheared scene, so its normals and depth are not defined.
    """
    if any(shear) if isinstance(shear, Sequence) else shear:
        raise InputError(f"affine with shear {shear} is not defined for {kind.__name__}; use shear 0")
    moved = v2.affine_image(
        data, angle, list(translate), scale, [0.0, 0.0], InterpolationMode.NEAREST, fill=None, center=center
    )
    return kind.turned(moved, in_plane_rotation(-angle))


@_kernel(v2.five_crop)
def five_crop(data: Tensor, _kind: type[DenseLabel], size: int | Sequence[int]) -> tuple[Tensor, ...]:
    """The four corners and the middle."""
    return tuple(v2.five_crop_image(data, size))


@_kernel(v2.ten_crop)
def ten_crop(
    data: Tensor, kind: type[DenseLabel], size: int | Sequence[int], vertical_flip: bool = False
) -> tuple[Tensor, ...]:
    """The five crops of the label, then those of its mirror image."""
    mirrored = kind.turned(data.flip(-2 if vertical_flip else -1), _MIRRORED_Y if vertical_flip else _MIRRORED_X)
    return tuple(v2.five_crop_image(data, size)) + tuple(v2.five_crop_image(mirrored, size))


def _refuse(function: Callable[..., Any], name: str) -> None:
    @_kernel(function)
    def refuse(_data: Tensor, kind: type[DenseLabel], *_args: Any, **_options: Any) -> None:
        raise InputError(
            f"{name} is not defined for {kind.__name__}: a warped image is no view of the same scene; "
            "leave it out of the transforms of this task"
        )


def in_plane_rotation(angle_deg: Number) -> tuple[float, float, float, float]:
    """Counter-clockwise rotation, row-major, where y points up."""
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return cos, -sin, sin, cos


v2.register_kernel(v2.get_size, DenseLabel)(v2.get_size_image)
v2.register_kernel(v2.get_dimensions, DenseLabel)(v2.get_dimensions_image)
v2.register_kernel(v2.get_num_channels, DenseLabel)(v2.get_num_channels_image)
_refuse(v2.perspective, "perspective")
_refuse(v2.elastic, "elastic")
