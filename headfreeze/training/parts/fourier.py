"""Source images in the style of target images: Fourier domain adaptation (Yang & Soatto, CVPR 2020, arXiv 2004.05498).

The lowest frequencies of a source image get the amplitudes of a target image and keep their own phases. Shapes, and
so the labels, stay; colours and slow shading become the target's.
"""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from headfreeze.data.batch import DeviceBatch
from headfreeze.data.draws import uniform
from headfreeze.training.parts.base import Part

_BAND = 0.05
"""Half the side of the square of exchanged frequencies, in image heights (or widths); the paper: 0.01 … 0.09."""


class Fourier(Part):
    """Each source image takes a random share, 0 … 1, of the style of one target image of the batch."""

    def prepared(self, batch: DeviceBatch, generator: Generator) -> DeviceBatch:
        """The batch with its source images restyled."""
        source, target = (batch.image[batch.rows(domain)] for domain in ("source", "target"))
        drawn = torch.randint(len(target), (len(source),), generator=generator, device=target.device)
        image = styled(source, target[drawn], uniform(generator, source, 0, 1)).clamp(0, 1)
        image = torch.cat([image, target]).contiguous(memory_format=torch.channels_last)
        return DeviceBatch(image, batch.labels, batch.n_source, batch.clean)


def styled(
    image: Float[Tensor, "b 3 h w"], style: Float[Tensor, "b 3 h w"], share: Float[Tensor, "b 1 1 1"]
) -> Float[Tensor, "b 3 h w"]:
    """Images whose lowest amplitudes are mixed with those of `style`, 0: their own, 1: the other's. May leave 0 … 1."""
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
