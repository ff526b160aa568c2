"""Another view of the same scene: mirrored, a window of it, the camera turned on the spot; labels go with the image."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as nnf
from jaxtyping import Float
from torch import Generator, Tensor
from torchvision.transforms.v2 import functional as transform

from headfreeze.data.batch import DeviceBatch, LabelKey
from headfreeze.data.draws import uniform
from headfreeze.tasks.labels import DenseLabel, wrapped
from headfreeze.tasks.points import Points, centred_z
from headfreeze.tasks.segmentation import invalid_index

_YAW_SHARE, _ROLL_SHARE = 2 / 3, 1 / 3
_NEAREST_AXIS = 0.1
"""Cosine below which a ray is taken for one beside the camera, where a pinhole sees nothing."""


def mirrored(batch: DeviceBatch, generator: Generator) -> DeviceBatch:
    """Mirrors half of the images; what that does to a label is its type's own kernel."""
    chosen = uniform(generator, batch.image, 0, 1) < 0.5
    labels = {}
    for (domain, task), label in batch.labels.items():
        mirror = transform.horizontal_flip(label)
        own = chosen[batch.rows(domain)].view(-1, *(1 for _ in label.shape[1:]))
        plain = torch.where(own, mirror.as_subclass(Tensor), label.as_subclass(Tensor))
        labels[domain, task] = wrapped(plain, label)
    image = torch.where(chosen, transform.horizontal_flip(batch.image), batch.image)
    return DeviceBatch(image, labels, batch.n_source)


def seen_from_elsewhere(
    batch: DeviceBatch,
    generator: Generator,
    zoom: float,
    rotate_deg: float,
    fov_deg: float,
    source_pitch_deg: float = 0.0,
) -> DeviceBatch:
    """Blows a random window of each image up to the full size and turns the camera on the spot.

    Images are interpolated bilinearly, beyond their border its colours go on; dense labels take the nearest pixel, so
    none is blended, and are invalid beyond the border. Normals, depth and points are those that the turned camera sees.

    Args:
        batch: float images.
        generator: of the random numbers.
        zoom: sides of the smallest window as a share of the image's.
        rotate_deg: the camera is turned by up to this angle up or down, two thirds of it to the sides, and a third of
            it about its axis; 0: not at all.
        fov_deg: the camera's angle of view across the image's longer side; its axis goes through the image's middle.
        source_pitch_deg: cameras of the source are turned up by this angle besides; negative: down.
    """
    height, width = batch.image.shape[-2:]
    scale, shift = _windows(batch.image, generator, zoom)
    rotation = None
    if rotate_deg or source_pitch_deg:
        up = batch.image.new_zeros(len(batch.image))
        up[batch.rows("source")] = math.radians(source_pitch_deg)
        rotation = _rotations(batch.image, generator, math.radians(rotate_deg), up)
    longer = math.tan(math.radians(fov_deg) / 2) / max(height, width)
    views = Views(scale, shift, rotation, (longer * width, longer * height))
    grid, depth = views.grid(height, width)
    image = nnf.grid_sample(batch.image, grid, "bilinear", "border", align_corners=False)
    labels: dict[LabelKey, Tensor] = {}
    for (domain, task), label in batch.labels.items():
        rows = batch.rows(domain)
        if isinstance(label, Points):
            labels[domain, task] = views.of(rows).points(label)
        else:
            labels[domain, task] = _sampled(
                label, grid[rows], None if rotation is None else rotation[rows], depth[rows]
            )
    return DeviceBatch(image, labels, batch.n_source)


def pitched(source: DeviceBatch, fov_deg: float, pitch_deg: float) -> DeviceBatch:
    """A batch of the source alone as cameras see it that are turned up by an angle, and nothing else: no draws."""
    return seen_from_elsewhere(source, Generator(source.image.device), 1.0, 0.0, fov_deg, pitch_deg)


@dataclass(frozen=True)
class Views:
    """Other views of some images, one each. Places in an image are −1 … 1 across (to the right) and down.

    Attributes:
        scale: the window's sides as a share of the image's, (b,).
        shift: the window's middle, (b, 2), across and down.
        rotation: from the frame of the camera that took the image to the turned one's, (b, 3, 3); None: not turned.
        reach: tangents of half the angles of view, across and down.
    """

    scale: Float[Tensor, " b"]
    shift: Float[Tensor, "b 2"]
    rotation: Float[Tensor, "b 3 3"] | None
    reach: tuple[float, float]

    def of(self, rows: slice) -> "Views":
        """The views of some of the images."""
        rotation = None if self.rotation is None else self.rotation[rows]
        return Views(self.scale[rows], self.shift[rows], rotation, self.reach)

    def grid(self, height: int, width: int) -> tuple[Float[Tensor, "b h w 2"], Float[Tensor, "b 1 h w"]]:
        """Where in the image the pixels of a view of this size lie.

        Beside it the depth, along the old camera's axis, of what each pixel's ray meets at a depth of 1 along the
        turned one's.
        """
        x, y = ((2 * torch.arange(n, device=self.scale.device) + 1) / n - 1 for n in (width, height))
        shape = len(self.scale), height, width
        x, y = x.expand(shape), y[:, None].expand(shape)
        scale, (across, down) = self.scale[:, None, None], self.shift[..., None, None].unbind(1)
        place = torch.stack([x * scale + across, y * scale + down], -1)
        if self.rotation is None:
            return place, torch.ones_like(x)[:, None]
        there = torch.einsum("bji,bhwj->bhwi", self.rotation, self._rays(place))
        return self._places(there), -there[..., 2][:, None]

    def points(self, label: Points) -> Points:
        """Where the views show points of the images.

        With the angle of view the depths of points relative to each other are known in units of their distance, so
        that they can be turned with the camera: see `Points`, z is in pixels at the points' mean distance.
        """
        height, width = label.canvas_size
        sides = torch.tensor([width, height], device=label.device)
        focal = width / 2 / self.reach[0]  # pixels
        plain = label.as_subclass(Tensor)
        place, z = 2 * plain[..., :2] / sides - 1, plain[..., 2]
        if self.rotation is not None:
            centred, deep = centred_z(plain)
            distance = (1 - centred / focal).clamp(min=_NEAREST_AXIS)  # of the points' mean distance
            there = torch.einsum("bij,bkj->bki", self.rotation, self._rays(place))
            place = self._places(there)
            distance = torch.where(deep, -there[..., 2] * distance, math.nan)
            z = (1 - distance / distance.nanmean(-1, keepdim=True)) * focal
        scale = self.scale[:, None]
        place = (place - self.shift[:, None]) / scale[..., None]
        moved = torch.cat([(place + 1) / 2 * sides, (z / scale)[..., None], plain[..., 3:]], -1)
        return Points.wrap(moved, label)

    def _rays(self, place: Float[Tensor, "b *n 2"]) -> Float[Tensor, "b *n 3"]:
        """Through places of the image to a depth of 1: x right, y up, z toward the viewer."""
        x, y = place.unbind(-1)
        return torch.stack([x * self.reach[0], -y * self.reach[1], -torch.ones_like(x)], -1)

    def _places(self, rays: Float[Tensor, "b *n 3"]) -> Float[Tensor, "b *n 2"]:
        x, y, z = rays.unbind(-1)
        axis = (-z).clamp(min=_NEAREST_AXIS)
        return torch.stack([x / axis / self.reach[0], -y / axis / self.reach[1]], -1)


def _windows(image: Tensor, generator: Generator, zoom: float) -> tuple[Float[Tensor, " b"], Float[Tensor, "b 2"]]:
    """Sides of random windows as shares of the image's, and where their middles lie, −1 … 1 across and down."""
    scale = uniform(generator, image, zoom, 1).flatten()
    across, down = (uniform(generator, image, -1, 1).flatten() * (1 - scale) for _ in range(2))
    return scale, torch.stack([across, down], -1)


def _rotations(
    image: Tensor, generator: Generator, largest: float, up: Float[Tensor, " b"] | float = 0.0
) -> Float[Tensor, "b 3 3"]:
    """From the frame of the camera that took an image to that of the turned one: at random, and up by an angle."""
    pitch, yaw, roll = (
        uniform(generator, image, -largest * share, largest * share).flatten() for share in (1, _YAW_SHARE, _ROLL_SHARE)
    )
    return _about(2, roll) @ _about(0, pitch - up) @ _about(1, yaw)


def _about(axis: int, angle: Float[Tensor, " b"]) -> Float[Tensor, "b 3 3"]:
    """Rotations about a coordinate axis."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = torch.eye(3, device=angle.device).repeat(len(angle), 1, 1)
    matrix[:, first, first] = matrix[:, second, second] = angle.cos()
    matrix[:, second, first] = angle.sin()
    matrix[:, first, second] = -angle.sin()
    return matrix


def _sampled(
    label: Tensor,
    grid: Float[Tensor, "b h w 2"],
    rotation: Float[Tensor, "b 3 3"] | None,
    depth: Float[Tensor, "b 1 h w"],
) -> Tensor:
    """A dense label at the places of `grid`, turned by `rotation` with the old depth of the new depth 1."""
    plain = label.as_subclass(Tensor).float()
    moved = nnf.grid_sample(plain, grid, "nearest", "border", align_corners=False)
    if rotation is not None:
        seen = (grid.abs().amax(-1) <= 1)[:, None]
        if isinstance(label, DenseLabel):
            moved = label.rotated(moved, rotation, depth) * seen
        else:
            moved = moved.masked_fill(~seen, invalid_index(label.dtype))
    return wrapped(moved.to(label.dtype), label)
