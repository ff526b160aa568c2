"""Another camera, another light: photometric augmentation of whole batches, with its own numbers for every image."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as nnf
from jaxtyping import Float
from torch import Generator, Tensor

from headfreeze.data.draws import uniform


def photometric(image: Float[Tensor, "b 3 h w"], generator: Generator) -> Float[Tensor, "b 3 h w"]:
    """Another camera, another light: images in 0 … 1 in, images in 0 … 1 out."""
    steps: tuple[Callable[[Tensor, Generator], Tensor], ...] = (_shade, _contrast, _cast, _gamma, _sharpness, _noise)
    for step in steps:
        image = step(image, generator)
    return _jpeg_some(image.clamp_(0, 1), generator)


def _shade(image: Tensor, generator: Generator) -> Tensor:
    """A brightness gradient across the image in a random direction, up to ± 50 % at the rims."""
    height, width = image.shape[-2:]
    angle = uniform(generator, image, 0, 2 * math.pi)
    strength = uniform(generator, image, 0, 0.5)
    y = torch.linspace(-1, 1, height, device=image.device).view(1, 1, -1, 1)
    x = torch.linspace(-1, 1, width, device=image.device).view(1, 1, 1, -1)
    return image * (1 + strength * (torch.cos(angle) * x + torch.sin(angle) * y))


def _contrast(image: Tensor, generator: Generator) -> Tensor:
    """Contrast × 0.6 … 1.4 about the image's mean, brightness ± 0.15."""
    mean = image.mean((1, 2, 3), keepdim=True)
    contrast = uniform(generator, image, 0.6, 1.4)
    return torch.lerp(mean + uniform(generator, image, -0.15, 0.15), image, contrast)


def _cast(image: Tensor, generator: Generator) -> Tensor:
    """White balance × 0.75 … 1.25 for each channel, saturation × 0 … 1.5."""
    grey = image.mean(1, keepdim=True)
    saturated = torch.lerp(grey, image, uniform(generator, image, 0, 1.5))
    return saturated.mul_(
        torch.empty(len(image), 3, 1, 1, device=image.device).uniform_(0.75, 1.25, generator=generator)
    )


def _gamma(image: Tensor, generator: Generator) -> Tensor:
    """Gamma 0.6 … 1.65."""
    exponent = torch.exp(uniform(generator, image, -0.5, 0.5))
    return image.clamp_(1e-4, 2).pow_(exponent)


def _sharpness(image: Tensor, generator: Generator) -> Tensor:
    """Between unsharp masking and a blur, whose radius grows with the image."""
    reach = max(1, round(min(image.shape[-2:]) / 96))
    padded = nnf.pad(image, (reach,) * 4, mode="replicate")
    rows = padded[..., : -2 * reach, :] + 2 * padded[..., reach:-reach, :] + padded[..., 2 * reach :, :]
    blurred = (rows[..., : -2 * reach] + 2 * rows[..., reach:-reach] + rows[..., 2 * reach :]) / 16  # binomial 3 × 3
    return torch.lerp(image, blurred, uniform(generator, image, -0.5, 1))


def _noise(image: Tensor, generator: Generator) -> Tensor:
    """Sensor noise with a standard deviation of up to 0.06 (uniform noise: cheaper to draw than a Gaussian)."""
    half_width = uniform(generator, image, 0, 0.06 * math.sqrt(3))
    noise = torch.empty_like(image).uniform_(-1, 1, generator=generator)
    return image.addcmul_(noise, half_width)


def _jpeg_some(image: Tensor, generator: Generator) -> Tensor:
    """JPEG's quantisation, at a quality of 20 … 90, on a random third of the images."""
    count = len(image) // 3
    if not count or min(image.shape[-2:]) < 8:
        return image
    chosen = torch.randperm(len(image), generator=generator, device=image.device)[:count]
    picked = image[chosen]
    image[chosen] = jpeg(picked, uniform(generator, picked, 20, 90))
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
