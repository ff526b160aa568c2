"""Augmentation of whole batches on the device, with its own numbers for every image.

Each draw comes from a generator that the caller seeds by step, so augmentation needs no state of its own.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as nnf
from jaxtyping import Float
from torch import Generator, Tensor
from torchvision.transforms.v2 import functional as transform

from headfreeze.settings import Augmentation

LabelKey = tuple[str, str]
"""(domain, task)."""

SMALLEST_ZOOM_WINDOW = 0.85
"""Sides of the smallest window that is blown up to the full image, as a share of the image's sides."""


_LEAST_SPREAD = 0.02
"""Standard deviation of a channel below which it is not stretched any further: only its noise would show."""


@dataclass
class DeviceBatch:
    """Images of both domains in one tensor, the source's first, and the labels of each domain's images.

    Attributes:
        image: (b, 3, h, w), uint8 or float in 0 … 1.
        labels: {(domain, task): (that domain's images, k, h, w)}.
        n_source: how many of the images are the source's.
    """

    image: Tensor
    labels: dict[LabelKey, Tensor]
    n_source: int

    def rows(self, domain: str) -> slice:
        """Where the images of a domain lie in `image`."""
        return slice(0, self.n_source) if domain == "source" else slice(self.n_source, None)


def augmented(
    batch: DeviceBatch, mode: Augmentation, generator: Generator | None = None, style: float = 0.0
) -> DeviceBatch:
    """The batch with float images in 0 … 1, channels last, augmented as `mode` says.

    Args:
        batch: images uint8.
        mode: what to draw at random.
        generator: of the random numbers, on the batch's device; needed unless the mode is none.
        style: share of the source images that take on the colours of a target image of the batch; photometric only.
    """
    if mode == "none":
        image, labels = batch.image.float().div_(255), batch.labels
    else:
        assert generator is not None, "augmentation needs a generator"
        batch = _flip(batch, generator)
        image, labels = _zoom(batch.image.float().div_(255), batch, generator)
        if mode == "photometric":
            if style and 0 < batch.n_source < len(image):
                image = restyled(image, batch.n_source, style, generator)
            image = photometric(image, generator)
    return DeviceBatch(image.contiguous(memory_format=torch.channels_last), labels, batch.n_source)


def _flip(batch: DeviceBatch, generator: Generator) -> DeviceBatch:
    """Mirrors half of the images; what that does to a label is its type's own kernel."""
    chosen = _uniform(generator, batch.image, 0, 1) < 0.5
    labels = {}
    for (domain, task), label in batch.labels.items():
        mirrored = transform.horizontal_flip(label)
        plain = torch.where(chosen[batch.rows(domain)], mirrored.as_subclass(Tensor), label.as_subclass(Tensor))
        labels[domain, task] = plain.as_subclass(type(label))
    image = torch.where(chosen, transform.horizontal_flip(batch.image), batch.image)
    return DeviceBatch(image, labels, batch.n_source)


def _zoom(
    image: Float[Tensor, "b 3 h w"], batch: DeviceBatch, generator: Generator
) -> tuple[Tensor, dict[LabelKey, Tensor]]:
    """Blows a random window up to the full size: images bilinearly, labels by the nearest pixel, so none is blended."""
    scale = _uniform(generator, image, SMALLEST_ZOOM_WINDOW, 1).flatten()
    shift_x, shift_y = (_uniform(generator, image, -1, 1).flatten() * (1 - scale) for _ in range(2))
    zero = torch.zeros_like(scale)
    theta = torch.stack([scale, zero, shift_x, zero, scale, shift_y], dim=1).view(-1, 2, 3)  # b × (2 × 3) matrices
    grid = nnf.affine_grid(theta, list(image.shape), align_corners=False)
    labels = {}
    for (domain, task), label in batch.labels.items():
        moved = nnf.grid_sample(
            label.as_subclass(Tensor).float(), grid[batch.rows(domain)], "nearest", "border", align_corners=False
        )
        labels[domain, task] = moved.to(label.dtype).as_subclass(type(label))
    return nnf.grid_sample(image, grid, "bilinear", "border", align_corners=False), labels


def restyled(
    image: Float[Tensor, "b 3 h w"], n_source: int, share: float, generator: Generator
) -> Float[Tensor, "b 3 h w"]:
    """Gives a share of the source images the colours of target images, each to a degree of its own.

    Colours are the mean and the standard deviation of every channel (Reinhard et al., Color Transfer between Images,
    2001, in RGB); a degree of 1 gives the source image exactly the target image's. Target images stay as they are.
    """
    source, target = image[:n_source], image[n_source:]
    chosen = _uniform(generator, source, 0, 1) < share
    degree = _uniform(generator, source, 0, 1) * chosen
    partner = torch.arange(n_source, device=image.device) % len(target)
    (mean, std), (mean_there, std_there) = _colours(source), (c[partner] for c in _colours(target))
    scale = torch.lerp(torch.ones_like(std), std_there / std.clamp(min=_LEAST_SPREAD), degree)
    moved = (source - mean) * scale + torch.lerp(mean, mean_there, degree)
    return torch.cat([moved, target])


def _colours(image: Tensor) -> tuple[Tensor, Tensor]:
    return image.mean((2, 3), keepdim=True), image.std((2, 3), keepdim=True)


def photometric(image: Float[Tensor, "b 3 h w"], generator: Generator) -> Float[Tensor, "b 3 h w"]:
    """Another camera, another light: images in 0 … 1 in, images in 0 … 1 out."""
    steps: tuple[Callable[[Tensor, Generator], Tensor], ...] = (_shade, _contrast, _cast, _gamma, _sharpness, _noise)
    for step in steps:
        image = step(image, generator)
    return _jpeg_some(image.clamp_(0, 1), generator)


def _shade(image: Tensor, generator: Generator) -> Tensor:
    """A brightness gradient across the image in a random direction, up to ± 50 % at the rims."""
    height, width = image.shape[-2:]
    angle = _uniform(generator, image, 0, 2 * math.pi)
    strength = _uniform(generator, image, 0, 0.5)
    y = torch.linspace(-1, 1, height, device=image.device).view(1, 1, -1, 1)
    x = torch.linspace(-1, 1, width, device=image.device).view(1, 1, 1, -1)
    return image * (1 + strength * (torch.cos(angle) * x + torch.sin(angle) * y))


def _contrast(image: Tensor, generator: Generator) -> Tensor:
    """Contrast × 0.6 … 1.4 about the image's mean, brightness ± 0.15."""
    mean = image.mean((1, 2, 3), keepdim=True)
    contrast = _uniform(generator, image, 0.6, 1.4)
    return torch.lerp(mean + _uniform(generator, image, -0.15, 0.15), image, contrast)


def _cast(image: Tensor, generator: Generator) -> Tensor:
    """White balance × 0.75 … 1.25 for each channel, saturation × 0 … 1.5."""
    grey = image.mean(1, keepdim=True)
    saturated = torch.lerp(grey, image, _uniform(generator, image, 0, 1.5))
    return saturated.mul_(
        torch.empty(len(image), 3, 1, 1, device=image.device).uniform_(0.75, 1.25, generator=generator)
    )


def _gamma(image: Tensor, generator: Generator) -> Tensor:
    """Gamma 0.6 … 1.65."""
    exponent = torch.exp(_uniform(generator, image, -0.5, 0.5))
    return image.clamp_(1e-4, 2).pow_(exponent)


def _sharpness(image: Tensor, generator: Generator) -> Tensor:
    """Between unsharp masking and a blur, whose radius grows with the image."""
    reach = max(1, round(min(image.shape[-2:]) / 96))
    padded = nnf.pad(image, (reach,) * 4, mode="replicate")
    rows = padded[..., : -2 * reach, :] + 2 * padded[..., reach:-reach, :] + padded[..., 2 * reach :, :]
    blurred = (rows[..., : -2 * reach] + 2 * rows[..., reach:-reach] + rows[..., 2 * reach :]) / 16  # binomial 3 × 3
    return torch.lerp(image, blurred, _uniform(generator, image, -0.5, 1))


def _noise(image: Tensor, generator: Generator) -> Tensor:
    """Sensor noise with a standard deviation of up to 0.06 (uniform noise: cheaper to draw than a Gaussian)."""
    half_width = _uniform(generator, image, 0, 0.06 * math.sqrt(3))
    noise = torch.empty_like(image).uniform_(-1, 1, generator=generator)
    return image.addcmul_(noise, half_width)


def _jpeg_some(image: Tensor, generator: Generator) -> Tensor:
    """JPEG's quantisation, at a quality of 20 … 90, on a random third of the images."""
    count = len(image) // 3
    if not count or min(image.shape[-2:]) < 8:
        return image
    chosen = torch.randperm(len(image), generator=generator, device=image.device)[:count]
    picked = image[chosen]
    image[chosen] = jpeg(picked, _uniform(generator, picked, 20, 90))
    return image


def jpeg(image: Float[Tensor, "b 3 h w"], quality: Float[Tensor, "b 1 1 1"]) -> Float[Tensor, "b 3 h w"]:
    """What JPEG does to an image in 0 … 1: 8 × 8 cosine transform of luma and chroma, rounded to multiples of the
    standard's tables (ITU-T T.81, Annex K) scaled by the quality (1 … 100, libjpeg's rule). Chroma is not subsampled;
    rows and columns beyond a multiple of 8 stay as they are.
    """
    height, width = (n // 8 * 8 for n in image.shape[-2:])
    colours, tables, basis = (t.to(image) for t in (_YCBCR, _TABLES, _DCT))
    ycc = torch.einsum("oc,bchw->bohw", colours, image[..., :height, :width] * 255 - 128)
    blocks = ycc.unfold(2, 8, 8).unfold(3, 8, 8)  # b 3 h w -> b 3 h/8 w/8 8 8
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    step = (tables.view(1, 3, 1, 1, 8, 8) * scale[..., None, None] + 0.5).floor().clamp_min(1)
    coefficients = basis @ blocks @ basis.T
    restored = basis.T @ (torch.round(coefficients / step) * step) @ basis
    ycc = restored.permute(0, 1, 2, 4, 3, 5).reshape(ycc.shape)  # b 3 h/8 w/8 8 8 -> b 3 h w
    out = image.clone()
    out[..., :height, :width] = (torch.einsum("oc,bchw->bohw", torch.linalg.inv(colours), ycc) + 128) / 255
    return out.clamp_(0, 1)


def _uniform(generator: Generator, like: Tensor, low: float, high: float) -> Float[Tensor, "b 1 1 1"]:
    """One number an image."""
    values = torch.empty(len(like), 1, 1, 1, device=like.device)
    return values.uniform_(low, high, generator=generator)


_YCBCR = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_LUMA = [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
]
_CHROMA = [
    [17, 18, 24, 47, 99, 99, 99, 99],
    [18, 21, 26, 66, 99, 99, 99, 99],
    [24, 26, 56, 99, 99, 99, 99, 99],
    [47, 66, 99, 99, 99, 99, 99, 99],
    *([[99] * 8] * 4),
]
_TABLES = torch.tensor([_LUMA, _CHROMA, _CHROMA], dtype=torch.float32)
_FREQUENCY = torch.arange(8.0)
_DCT = torch.cos(math.pi / 8 * _FREQUENCY[:, None] * (_FREQUENCY + 0.5)) / 2
_DCT[0] /= math.sqrt(2)
