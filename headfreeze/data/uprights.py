"""How strongly upright lines in labels converge: they do where a camera looks up or down, however high it stands.

Door frames, corners and the sides of furniture are borders of classes, or lines and edges themselves. Seen by a camera
that is level they are parallel; turned up by an angle φ it sees one that is x beside the image's middle, as a tangent,
lean by x · tan φ toward it, of which the stairs of pixels hide some. So leans are compared, and turned into no angles.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from headfreeze.data.batch import DeviceBatch
from headfreeze.tasks.base import Task
from headfreeze.tasks.channels import as_channels
from headfreeze.tasks.segmentation import SegmentationTask

_STEEP = 0.4
"""Borders that lean by more than that, as a tangent, are not taken for upright ones."""
_BLUR = (0.054, 0.244, 0.404, 0.244, 0.054)
"""A Gaussian of a pixel: a border's direction is that of the stairs of its pixels."""
_CLEAR = 7
"""Side in pixels of the square around a pixel that must be valid for the gradient in it to count."""


@dataclass(frozen=True)
class Convergence:
    """Lean of uprights by distance from the middle column over many images; infinitely wrong where there are none.

    Attributes:
        lean: a tangent by a tangent, from all images together.
        error: its standard error, as if images were drawn at random.
    """

    lean: float
    error: float


def convergence(batches: Sequence[DeviceBatch], anchors: Sequence[Task], domain: str, fov_deg: float) -> Convergence:
    """What the borders in a domain's labels tell.

    Args:
        batches: with labels of the anchors in that domain.
        anchors: dense; those of classes are looked at: depth and normals change within a surface, too.
        domain: source or target.
        fov_deg: the cameras' angle of view across the images' longer side.
    """
    classes = [task for task in anchors if isinstance(task, SegmentationTask)]
    if not classes:
        return Convergence(0.0, math.inf)
    sums = []
    for batch in batches:
        size = (batch.image.shape[-2], batch.image.shape[-1])
        maps = [as_channels(task, batch.labels[domain, task.name], size) for task in classes]
        sums.append(torch.stack([_sums(each, fov_deg).cpu() for each in maps]).sum(0))
    products, squares = torch.cat(sums, 1).double()
    if not squares.sum() > 0:
        return Convergence(0.0, math.inf)
    lean = products.sum() / squares.sum()
    error = (products - lean * squares).square().sum().sqrt() / squares.sum()
    return Convergence(float(lean), float(error))


def _sums(maps: Float[Tensor, "b c h w"], fov_deg: float) -> Float[Tensor, "2 b"]:
    """Of each image the sums over its upright borders whose ratio is their lean by least squares."""
    *_, height, width = maps.shape
    values, valid = maps[:, :-1], maps[:, -1:]
    across, down = _gradient(values)
    clear = functional.avg_pool2d(valid, _CLEAR, 1, _CLEAR // 2) > 0.999  # zeros beyond the image are not valid
    upright = clear & (down.abs() < _STEEP * across.abs())
    reach = math.tan(math.radians(fov_deg / 2)) / max(height, width)
    x = (2 * torch.arange(width, device=maps.device) + 1 - width) * reach
    along = torch.where(upright, x * across, 0)
    return torch.stack([-(along * down).sum((1, 2, 3)), along.square().sum((1, 2, 3))])


def _gradient(values: Float[Tensor, "b c h w"]) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c h w"]]:
    """Across and down, of the blurred maps; zero at the border."""
    count, half = values.shape[1], len(_BLUR) // 2
    blur = values.new_tensor(_BLUR).expand(count, 1, 1, -1)
    padded = functional.pad(values, (half, half, half, half), mode="replicate")
    smooth = functional.conv2d(functional.conv2d(padded, blur, groups=count), blur.mT, groups=count)
    across, down = torch.zeros_like(smooth), torch.zeros_like(smooth)
    across[..., 1:-1] = (smooth[..., 2:] - smooth[..., :-2]) / 2
    down[..., 1:-1, :] = (smooth[..., 2:, :] - smooth[..., :-2, :]) / 2
    return across, down
