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
FEWEST_IMAGES = 64
"""With fewer, what a probe finds is chance: without any difference, 16 images gave 38 … 69 %."""
_WIDTH = 64
_STEPS = 100
_RATE = 1e-3
_SEED = 0


def probed(adversary: Adversary, network: nn.Module, batches: Sequence[DeviceBatch]) -> dict[str, float]:
    """By level, the accuracy of discriminators made like the adversary's, 64 wide or more, and trained afresh.

    So one that was too small to see a difference is found out. They are trained for 100 steps on the first half of the
    batches, as the network in eval mode sees them, and tested on the other half.

    Args:
        adversary: stays as it is.
        network: the finished one; it is left in eval mode.
        batches: with as many images from either domain.

    Returns:
        {level: accuracy}; empty where they are fewer than 64 of each domain.
    """
    if sum(batch.n_source for batch in batches) < FEWEST_IMAGES:
        return {}
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
    first = next(adversary.discriminators.parameters())
    with torch.random.fork_rng([first.device] if first.is_cuda else []):
        torch.manual_seed(_SEED)
        probe.discriminators = nn.ModuleDict(adversary.fresh_discriminators(max(_WIDTH, len(first))))
        for module in probe.discriminators.modules():
            if isinstance(module, nn.Conv2d):
                module.reset_parameters()
    return probe.to(first.device)


@torch.no_grad()
def _views(probe: Adversary, network: nn.Module, batch: DeviceBatch) -> Views:
    outputs = network(batch.image, batch.n_source)
    return probe.look(outputs, (batch.image.shape[-2], batch.image.shape[-1])).views
