"""The probe: can a fresh discriminator tell the domains apart by what a finished network computes?"""

import copy
from collections.abc import Sequence

import torch
from torch import nn
from torch.optim import Adam

from headfreeze.adversaries.base import Adversary, Views
from headfreeze.data.batch import DeviceBatch

IMAGES = 128
"""Of each domain: enough to see whether the domains can be told apart, few enough to take seconds."""
_STEPS = 100
_RATE = 1e-3
_SEED = 0


def probed(adversary: Adversary, network: nn.Module, batches: Sequence[DeviceBatch]) -> dict[str, float]:
    """By level, the accuracy of discriminators made like the adversary's and trained afresh.

    They are trained for 100 steps on the first half of the batches, as the network in eval mode sees them, and tested
    on the other half.

    Args:
        adversary: stays as it is.
        network: the finished one; it is left in eval mode.
        batches: two or more, of both domains.
    """
    network.eval()
    probe = _fresh(adversary)
    optimizer = Adam(probe.discriminators.parameters(), lr=_RATE)
    seen = [_views(probe, network, batch) for batch in batches]
    half = len(batches) // 2
    for step in range(_STEPS):
        number = step % half
        probe.discrimination(seen[number], batches[number].n_source).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        found = [probe.discrimination(seen[n], batches[n].n_source).accuracy for n in range(half, len(batches))]
    means = {level: torch.stack([accuracy[level].double() for accuracy in found]).mean() for level in found[0]}
    return {level: round(mean.item(), 4) for level, mean in means.items()}  # 0.65 is 0.65, not what float32 makes of it


def _fresh(adversary: Adversary) -> Adversary:
    """A copy whose discriminators know nothing; auxiliary outputs stay as they are."""
    probe = copy.deepcopy(adversary)
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        for module in probe.discriminators.modules():
            if isinstance(module, nn.Conv2d):
                module.reset_parameters()
    return probe


@torch.no_grad()
def _views(probe: Adversary, network: nn.Module, batch: DeviceBatch) -> Views:
    outputs = network(batch.image, batch.n_source)
    return probe.look(outputs, (batch.image.shape[-2], batch.image.shape[-1])).views
