"""How cameras are pitched, by the normals of what they see: built surfaces are level or upright, nearly all of them.

Seen by a camera that is turned up by φ, a normal's angle in the plane of up and toward the viewer is −φ for floors,
180° − φ for ceilings and 90° − φ for every wall, whichever way it faces. So each is φ, but for quarter turns: what the
image shows, from how high and how widely does not matter. Right angles tell a camera's pose since Coughlan & Yuille,
Manhattan World (ICCV 1999); here the walls' directions are not asked, so that they may meet at any angle.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Complex64, Float
from torch import Tensor
from torch.nn import functional

from headfreeze.data.batch import DeviceBatch
from headfreeze.tasks.base import Task
from headfreeze.tasks.depth import DepthTask
from headfreeze.tasks.normals import NormalsTask

_RADIUS = 2
"""Of the square of pixels that planes are fitted to."""
_BENT = 0.02
"""Root mean square of what a plane leaves of inverse depth, as a share of it, from which on there is no plane."""
_SQUARE = 0.3
"""An image tells nothing whose normals agree less on the quarter turns: 1 where all are level or upright, else 0."""
_FEWEST = 8
"""Images, each another one."""
_AGREED, _BY_CHANCE = 0.3, 5.0
"""Pitches tell nothing that agree less on a mean (1: wholly), nor where that may be chance: where n R² of n images that
agree by R is less, as it is of all but one in 150 sets of pitches drawn at random (Rayleigh's test)."""
_SAME = 0.9999
"""Length of the mean of unit vectors from which on they are one."""


@dataclass(frozen=True)
class Orientation:
    """The mean pitch of many cameras in degrees, up is positive, within ± 45; infinitely wrong where nothing tells.

    Attributes:
        pitch_deg: the circular mean over the images.
        error_deg: its standard error, as if images were drawn at random.
        of_surfaces: whether images show surfaces of several directions. A map of one direction in all of its pixels
            states a pitch, and may state a wrong one every time.
    """

    pitch_deg: float
    error_deg: float
    of_surfaces: bool = True


def orientation(batches: Sequence[DeviceBatch], task: Task, domain: str, fov_deg: float) -> Orientation:
    """What the labels of a domain tell; of tasks that are neither normals nor depth nothing.

    Args:
        batches: with labels of the task in that domain.
        task: dense.
        domain: source or target.
        fov_deg: the cameras' angle of view across the images' longer side.
    """
    if not isinstance(task, NormalsTask | DepthTask):
        return Orientation(0.0, math.inf)
    images = [_normals(task, batch.labels[domain, task.name], fov_deg) for batch in batches]
    told = torch.cat([_quarter_turns(normals).cpu() for normals in images])
    single = torch.cat([_of_one_direction(normals).cpu() for normals in images])
    tells = told.abs() > _SQUARE
    told, of_surfaces = told[tells], bool((~single[tells]).float().mean() > 1 / 2)
    told = torch.view_as_complex(torch.view_as_real(told).unique(dim=0))  # few images come again and again
    count, directions = len(told), told / told.abs()
    agreed = abs(complex(directions.mean())) if count >= _FEWEST else 0.0
    if agreed < _AGREED or count * agreed**2 < _BY_CHANCE:
        return Orientation(0.0, math.inf)
    dispersion = (1 - abs(complex(directions.square().mean()))) / (2 * agreed**2)  # Fisher, 1993, of circular data
    error = math.sqrt(max(dispersion, 0.0) / (count - 1))
    return Orientation(float(directions.mean().angle().rad2deg()) / 4, math.degrees(error) / 4, of_surfaces)


def _quarter_turns(normals: Float[Tensor, "b 3 h w"]) -> Complex64[Tensor, " b"]:
    """Of each image: four times the pitch is the angle, how well its normals agree on it the magnitude, 0 … 1."""
    _, up, toward = normals.unbind(1)
    weight = up.square() + toward.square()  # a wall that faces sideways says nothing
    angle = torch.atan2(toward, up)
    turns = (weight * torch.exp(-4j * angle)).flatten(1).sum(1)
    return turns / weight.flatten(1).sum(1).clamp(min=1e-6)


def _of_one_direction(normals: Float[Tensor, "b 3 h w"]) -> Bool[Tensor, " b"]:
    """Which images have the same normal wherever they have one."""
    pixels = normals.any(1).flatten(1).sum(1)
    return normals.flatten(2).sum(2).norm(dim=1) > _SAME * pixels


def _normals(task: Task, label: Tensor, fov_deg: float) -> Float[Tensor, "b 3 h w"]:
    """A label of normals or depth as normals, zeros where it tells none."""
    values = label.as_subclass(Tensor).float()
    if isinstance(task, NormalsTask):
        return values
    return _of_depth(values, task.valid(label).as_subclass(Tensor), fov_deg)


def _of_depth(
    depth: Float[Tensor, "b 1 h w"], valid: Bool[Tensor, "b 1 h w"], fov_deg: float
) -> Float[Tensor, "b 3 h w"]:
    """Normals of planes through the 5 × 5 pixels around each; zeros where these lie in no plane, or are not all valid.

    As `normals_from_depth` fits them: 1 / depth is linear within a plane. But that leaves out neighbours whose depth is
    another by 5 %, which those of floors seen from low are in small images: it was 40° off in a corridor at 32 px.
    """
    height, width = depth.shape[-2:]
    step = 2 * math.tan(math.radians(fov_deg / 2)) / max(height, width)
    right = (torch.arange(width, device=depth.device) - (width - 1) / 2) * step
    up = ((height - 1) / 2 - torch.arange(height, device=depth.device))[:, None] * step
    inverse = torch.where(valid, 1 / depth.clamp(min=1e-6), torch.nan)
    along = torch.arange(-_RADIUS, _RADIUS + 1, device=depth.device, dtype=torch.float32)
    side, spread = len(along), float(along.square().mean())
    mean = torch.full((side, side), 1 / side**2, device=depth.device)
    across = along * mean / spread
    fitted = functional.conv2d(inverse, torch.stack([across, -across.mT, mean])[:, None], padding=_RADIUS)
    squares = functional.conv2d(inverse.square(), mean[None, None], padding=_RADIUS)
    slope_right, slope_up, value = fitted.split(1, 1)
    off = squares - value.square() - spread * (slope_right.square() + slope_up.square())
    slope_right, slope_up = slope_right / step, slope_up / step
    normals = -torch.cat([slope_right, slope_up, slope_right * right + slope_up * up - value], 1)
    inside = torch.zeros_like(valid)
    inside[..., _RADIUS : height - _RADIUS, _RADIUS : width - _RADIUS] = True
    plane = inside & (off < (_BENT * value).square()) & normals.isfinite().all(1, keepdim=True)
    return torch.where(plane, functional.normalize(normals, dim=1), 0)
