"""Images in the style of others: Fourier domain adaptation (Yang & Soatto, CVPR 2020, arXiv 2004.05498).

The lowest frequencies of an image get the amplitudes of another and keep their own phases. Shapes, and so the labels,
stay; colours and slow shading become the other's.
"""

import torch
from jaxtyping import Float
from torch import Tensor

_BAND = 0.05
"""Half the side of the square of exchanged frequencies, in image heights (or widths); the paper: 0.01 … 0.09."""


def styled(
    image: Float[Tensor, "b 3 h w"], style: Float[Tensor, "b 3 h w"], share: float | Float[Tensor, "b 1 1 1"] = 1.0
) -> Float[Tensor, "b 3 h w"]:
    """Images whose lowest amplitudes are mixed with those of `style`, 0: their own, 1: the other's.

    They may leave the range of both.
    """
    spectrum, other = torch.fft.fft2(image.contiguous()), torch.fft.fft2(style.contiguous())
    height, width = image.shape[-2:]
    band = max(1, int(_BAND * min(height, width)))
    low = _frequencies(height, image)[:, None].le(band) & _frequencies(width, image)[None].le(band)
    amplitude = torch.lerp(spectrum.abs(), other.abs(), share)
    mixed = torch.where(low, torch.polar(amplitude, spectrum.angle()), spectrum)
    return torch.fft.ifft2(mixed).real


def _frequencies(count: int, like: Tensor) -> Tensor:
    """How many periods each coefficient has in the image, without its sign."""
    return torch.fft.fftfreq(count, 1 / count, device=like.device).abs().round()
