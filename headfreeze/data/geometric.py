"""Another view of the same scene: mirrored, a window of it, the camera turned on the spot; labels go with the image."""

import math

import torch
import torch.nn.functional as nnf
from jaxtyping import Float
from torch import Generator, Tensor
from torchvision.transforms.v2 import functional as transform

from headfreeze.data.batch import DeviceBatch
from headfreeze.data.draws import uniform
from headfreeze.tasks.labels import DenseLabel
from headfreeze.tasks.segmentation import invalid_index

SMALLEST_WINDOW = 0.85
"""Sides of the smallest window that is blown up to the full image, as a share of the image's sides."""
_YAW_SHARE, _ROLL_SHARE = 2 / 3, 1 / 3
_NEAREST_AXIS = 0.1
"""Cosine below which a ray is taken for one beside the camera, where a pinhole sees nothing."""


def mirrored(batch: DeviceBatch, generator: Generator) -> DeviceBatch:
    """Mirrors half of the images; what that does to a label is its type's own kernel."""
    chosen = uniform(generator, batch.image, 0, 1) < 0.5
    labels = {}
    for (domain, task), label in batch.labels.items():
        mirror = transform.horizontal_flip(label)
        plain = torch.where(chosen[batch.rows(domain)], mirror.as_subclass(Tensor), label.as_subclass(Tensor))
        labels[domain, task] = plain.as_subclass(type(label))
    image = torch.where(chosen, transform.horizontal_flip(batch.image), batch.image)
    return DeviceBatch(image, labels, batch.n_source)


def seen_from_elsewhere(batch: DeviceBatch, generator: Generator, rotate_deg: float, fov_deg: float) -> DeviceBatch:
    """Blows a random window of each image up to the full size and turns the camera on the spot.

    Images are interpolated bilinearly, beyond their border its colours go on; labels take the nearest pixel, so none is
    blended, and are invalid beyond the border. Normals and depth are those that the turned camera sees.

    Args:
        batch: float images.
        generator: of the random numbers.
        rotate_deg: the camera is turned by up to this angle up or down, two thirds of it to the sides, and a third of
            it about its axis; 0: not at all.
        fov_deg: the camera's angle of view across the image's longer side.
    """
    height, width = batch.image.shape[-2:]
    x, y = _windows(batch.image, generator)
    if not rotate_deg:
        return _sampled(batch, torch.stack([x, y], -1), None)
    longer = math.tan(math.radians(fov_deg) / 2)
    reach_x, reach_y = longer * width / max(height, width), longer * height / max(height, width)
    rotation = _rotations(batch.image, generator, math.radians(rotate_deg))
    # A turned camera's ray through a pixel, in the frame of the camera that took the image: x right, y up, z back.
    rays = torch.stack([x * reach_x, -y * reach_y, -torch.ones_like(x)], 1)
    there = torch.einsum("bji,bjhw->bihw", rotation, rays)
    depth = -there[:, 2]  # along the old axis, of what lies at a depth of 1 along the new one
    axis = depth.clamp(min=_NEAREST_AXIS)
    grid = torch.stack([there[:, 0] / axis / reach_x, -there[:, 1] / axis / reach_y], -1)
    return _sampled(batch, grid, (rotation, depth[:, None]))


def _windows(image: Tensor, generator: Generator) -> tuple[Float[Tensor, "b h w"], Float[Tensor, "b h w"]]:
    """Where in the image, −1 … 1 across and down, the pixels of a random window lie."""
    height, width = image.shape[-2:]
    scale = uniform(generator, image, SMALLEST_WINDOW, 1)[:, 0]
    shift_x, shift_y = (uniform(generator, image, -1, 1)[:, 0] * (1 - scale) for _ in range(2))
    x, y = ((2 * torch.arange(n, device=image.device) + 1) / n - 1 for n in (width, height))
    shape = len(image), height, width
    return (x * scale + shift_x).expand(shape), (y[:, None] * scale + shift_y).expand(shape)


def _rotations(image: Tensor, generator: Generator, largest: float) -> Float[Tensor, "b 3 3"]:
    """From the frame of the camera that took an image to that of the turned one."""
    pitch, yaw, roll = (
        uniform(generator, image, -largest * share, largest * share).flatten() for share in (1, _YAW_SHARE, _ROLL_SHARE)
    )
    return _about(2, roll) @ _about(0, pitch) @ _about(1, yaw)


def _about(axis: int, angle: Float[Tensor, " b"]) -> Float[Tensor, "b 3 3"]:
    """Rotations about a coordinate axis."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = torch.eye(3, device=angle.device).repeat(len(angle), 1, 1)
    matrix[:, first, first] = matrix[:, second, second] = angle.cos()
    matrix[:, second, first] = angle.sin()
    matrix[:, first, second] = -angle.sin()
    return matrix


def _sampled(batch: DeviceBatch, grid: Float[Tensor, "b h w 2"], turned: tuple[Tensor, Tensor] | None) -> DeviceBatch:
    """The batch at the places of `grid`; `turned`: by which rotation, and the old depth of the new depth 1."""
    image = nnf.grid_sample(batch.image, grid, "bilinear", "border", align_corners=False)
    labels = {}
    for (domain, task), label in batch.labels.items():
        rows = batch.rows(domain)
        plain = label.as_subclass(Tensor).float()
        moved = nnf.grid_sample(plain, grid[rows], "nearest", "border", align_corners=False)
        if turned:
            rotation, depth = (value[rows] for value in turned)
            seen = (grid[rows].abs().amax(-1) <= 1)[:, None]
            if isinstance(label, DenseLabel):
                moved = label.rotated(moved, rotation, depth) * seen
            else:
                moved = moved.masked_fill(~seen, invalid_index(label.dtype))
        labels[domain, task] = moved.to(label.dtype).as_subclass(type(label))
    return DeviceBatch(image, labels, batch.n_source)
