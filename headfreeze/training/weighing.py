"""λ of every task in a phase: given, or measured so that losses have equal magnitudes."""

import copy
import math
from collections.abc import Iterable, Mapping

import torch
from torch import nn

from headfreeze.data.batch import LabelKey
from headfreeze.settings import Training as TrainingSettings
from headfreeze.training.losses import loss_name, loss_terms
from headfreeze.training.plan import PhaseData, PhasePlan
from headfreeze.training.processes import dividing
from headfreeze.training.supply import Supply

_OPENING = 0.1
"""Share of a phase after which λ is measured for good."""


class Weighing:
    """How a phase comes to its λ.

    Attributes:
        given: what the user sets, or the phase before has measured; None: it is measured twice, to open with and for
            good.
        opening: steps by whose losses it is measured for good; 0 where it is given.
    """

    def __init__(self, plan: PhasePlan, data: PhaseData, settings: TrainingSettings) -> None:
        self._data = data
        self.given = plan.weights
        if settings.anchor_weight:
            self.given = {name: 1.0 if name in data.mains else settings.anchor_weight for name in data.tasks}
        self.opening = 0 if self.given else math.ceil(plan.steps * _OPENING)

    @torch.no_grad()
    def untrained(self, network: nn.Module, supply: Supply) -> dict[str, float]:
        """λ to open with, from the losses of the network as it is: they say little of what training makes of them."""
        network = copy.deepcopy(network).train()  # a copy: batch statistics move
        sums: dict[LabelKey, float] = {}
        for batch in supply.opening():
            with dividing(supply.fabric):
                terms = loss_terms(network(batch.image, batch.n_source), batch, self._data.tasks)
            for key, term in terms.items():
                sums[key] = sums.get(key, 0.0) + float(term)
        return balancing_weights(sums, self._data.tasks, self._data.main)

    def trained(self, sums: Mapping[str, float]) -> dict[str, float]:
        """λ for good, from the numbers of the opening's steps, summed: losses as training left them."""
        keys = [(domain, name) for domain, images in self._data.train.items() for name in images.tasks]
        losses = {key: sums[loss_name(key)] for key in keys if loss_name(key) in sums}
        return balancing_weights(losses, self._data.tasks, self._data.main)


def balancing_weights(losses: Mapping[LabelKey, float], tasks: Iterable[str], main: str) -> dict[str, float]:
    """λ of every task: 1 for the main task, for another what brings its loss to the magnitude of the main task's.

    With several main tasks their first one is meant.

    Args:
        losses: of every term its mean or its sum, over the same steps.
        tasks: all tasks; one without a loss gets 1.
        main: the main task; where it has no loss, all get 1.
    """
    means = {task: [loss for (_, name), loss in losses.items() if name == task] for task in tasks}
    magnitude = {task: sum(values) / len(values) for task, values in means.items() if values}
    if main not in magnitude:
        return dict.fromkeys(means, 1.0)
    return {task: magnitude[main] / magnitude[task] if magnitude.get(task) else 1.0 for task in means}
