"""Batch statistics of the target in the finished network: AdaBN (Li et al., arXiv 1603.04779)."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from headfreeze.data.batch import DeviceBatch
from headfreeze.models.norm import DomainNorm
from headfreeze.training.parts.base import Part


class AdaptedNorm(Part):
    """At the end of the phase every norm layer that is not frozen gets the mean statistics of target batches."""

    @torch.no_grad()
    def finished(self, network: nn.Module, batches: Callable[[], Iterator[DeviceBatch]]) -> None:
        """Takes them; weights stay. What was frozen keeps its own: it reads what it has always read."""
        network.train()
        other = [m.source for m in network.modules() if isinstance(m, DomainNorm)]  # no target image goes through them
        norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d) and m.training and m not in other]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all batches
        for batch in batches():
            target = batch.only("target")
            network(target.image.contiguous(memory_format=torch.channels_last), 0)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
