"""Losses on validation images, of what is supervised and nothing else."""

from collections.abc import Callable

import torch
from torch import nn

from headfreeze.data.augment import PLAIN, augmented
from headfreeze.data.batch import DeviceBatch, LabelKey
from headfreeze.data.loader import DomainBatch
from headfreeze.training.losses import loss_terms
from headfreeze.training.plan import PhaseData

_MOST_IMAGES = 256


@torch.no_grad()
def validation_losses(
    network: nn.Module,
    data: PhaseData,
    batch_size: int,
    on_device: Callable[[dict[str, DomainBatch]], DeviceBatch],
) -> dict[LabelKey, float]:
    """Mean loss of every (domain, task) on centre windows of the first 256 validation images, without augmentation.

    Leaves the network in eval mode.
    """
    network.eval()
    sums: dict[LabelKey, float] = {}
    for domain, images in data.val.items():
        count = min(len(images), _MOST_IMAGES)
        for start in range(0, count, batch_size):
            indices = range(start, min(start + batch_size, count))
            batch = augmented(on_device({domain: images.windows(indices, None)}), PLAIN)
            outputs = network(batch.image, batch.n_source)
            for key, term in loss_terms(outputs, batch, data.tasks).items():
                sums[key] = sums.get(key, 0.0) + float(term) * len(indices) / count
    return sums
