"""Points as heatmaps: a Gaussian around each, and the way back to a place between pixels."""

import math

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional

_REACH = 2.5
"""Standard deviations around a peak that take part in its place."""


def gaussians(points: Float[Tensor, "b k 2"], height: int, width: int, sigma: float) -> Float[Tensor, "b k h w"]:
    """exp(−r² / 2σ²) at the pixels' centres, r from the point; all in pixels of the map."""
    down, right = (torch.arange(n, device=points.device, dtype=points.dtype) + 0.5 for n in (height, width))
    across = torch.exp(-(right - points[..., 0:1]).square() / (2 * sigma**2))  # b k w
    along = torch.exp(-(down - points[..., 1:2]).square() / (2 * sigma**2))  # b k h
    return along[..., :, None] * across[..., None, :]  # as many exponentials as rows and columns, not as pixels


def peaks(heat: Float[Tensor, "b k h w"], sigma: float) -> tuple[Float[Tensor, "b k 2"], Float[Tensor, "b k"]]:
    """The place of the highest peak, in pixels of the map, and its height.

    The place is the mean over the pixels around the highest one, weighted by what is above zero there; near a border
    over fewer, as many on either side.
    """
    height, width = heat.shape[-2:]
    reach = max(1, math.ceil(_REACH * sigma))
    top, index = heat.flatten(2).max(-1)
    row, column = index // width, index % width
    steps = torch.arange(-reach, reach + 1, device=heat.device)
    padded = functional.pad(heat.clamp(min=0), (reach, reach, reach, reach)).flatten(2)
    rows, columns = row[..., None] + steps + reach, column[..., None] + steps + reach
    places = rows[..., :, None] * (width + 2 * reach) + columns[..., None, :]  # b k window window
    window = padded.gather(-1, places.flatten(2)).view(places.shape)
    window = window * _even(row, height, steps)[..., :, None] * _even(column, width, steps)[..., None, :]
    mass = window.sum((-2, -1)).clamp(min=1e-12)
    x = column + 0.5 + (window.sum(-2) * steps).sum(-1) / mass
    y = row + 0.5 + (window.sum(-1) * steps).sum(-1) / mass
    return torch.stack([x, y], -1), top


def _even(middle: Integer[Tensor, "b k"], size: int, steps: Integer[Tensor, " window"]) -> Float[Tensor, "b k window"]:
    """1 for the steps from a pixel that stay inside in both directions, else 0."""
    room = torch.minimum(middle, size - 1 - middle)[..., None]
    return (steps.abs() <= room).float()
