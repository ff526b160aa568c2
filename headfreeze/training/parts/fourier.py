"""Source images in the style of target images, so that their colours and slow shading tell the domains no longer apart.

See `headfreeze.data.styled`.
"""

import torch
from torch import Generator

from headfreeze.data.batch import DeviceBatch
from headfreeze.data.draws import uniform
from headfreeze.data.styled import styled
from headfreeze.training.parts.base import Part


class Fourier(Part):
    """Each source image takes a random share, 0 … 1, of the style of one target image of the batch."""

    def prepared(self, batch: DeviceBatch, generator: Generator) -> DeviceBatch:
        """The batch with its source images restyled."""
        source, target = (batch.image[batch.rows(domain)] for domain in ("source", "target"))
        drawn = torch.randint(len(target), (len(source),), generator=generator, device=target.device)
        image = styled(source, target[drawn], uniform(generator, source, 0, 1)).clamp(0, 1)
        image = torch.cat([image, target]).contiguous(memory_format=torch.channels_last)
        return DeviceBatch(image, batch.labels, batch.n_source, batch.clean)
