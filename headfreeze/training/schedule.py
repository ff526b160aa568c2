"""Learning rate and optimizer. The rate is a function of the step alone, so it has no state to lose."""

import math
from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from headfreeze.settings import Schedule
from headfreeze.settings import Training as TrainingSettings

_WARM_UP = 0.2
_START = 0.04


def rate_factor(schedule: Schedule, progress: float) -> float:
    """Learning rate as a share of its peak, at a progress of 0 … 1 in a phase.

    onecycle: linear from 4 % up over the first fifth, then a cosine down to 0. poly: (1 − progress)^0.9 (AdaptSegNet).
    """
    if schedule == "poly":
        return float((1 - progress) ** 0.9)
    if schedule == "constant":
        return 1.0
    if progress < _WARM_UP:
        return _START + (1 - _START) * progress / _WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (progress - _WARM_UP) / (1 - _WARM_UP)))


def make_optimizer(
    parameters: Iterable[nn.Parameter], settings: TrainingSettings, rate: float, fused: bool
) -> Optimizer:
    """AdamW or SGD; weights decay, norms and biases do not."""
    parameters = list(parameters)
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.optimizer == "sgd":
        return SGD(groups, lr=rate, momentum=0.9, fused=fused)
    return AdamW(groups, lr=rate, fused=fused)
