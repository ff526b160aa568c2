"""What training asks of a part, and when. A part does what it has to at some of these moments and nothing at others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from headfreeze.data.augment import Augment
from headfreeze.data.batch import DeviceBatch, LabelKey
from headfreeze.models.network import Outputs
from headfreeze.tasks.base import Task

Weights = Mapping[str, float | Tensor]
"""λ of every task."""


class Part:
    """Takes part in one phase. `progress` is that of the whole budget, 0 … 1."""

    def augmenting(self, augment: Augment, batches: Callable[[], Iterator[DeviceBatch]]) -> Augment:
        """What is drawn at random in this phase; asked once, before its first step.

        Args:
            augment: as the settings have it.
            batches: gives some training batches with the labels that it measures, not augmented; the same in every
                phase, and for every process.
        """
        del batches
        return augment

    def prepared(self, batch: DeviceBatch, generator: Generator) -> DeviceBatch:
        """The augmented batch of both domains, as the network shall see it.

        Args:
            batch: of all processes together.
            generator: of the step's random numbers.
        """
        del generator
        return batch

    def weighted(self, terms: Mapping[LabelKey, Tensor], outputs: Outputs, weights: Weights) -> Weights:
        """λ of every task for this step.

        Args:
            terms: the losses of this step, of every label.
            outputs: the network's, which they were computed from.
            weights: λ as it is without this part.
        """
        del terms, outputs
        return weights

    def losses(self, outputs: Outputs, batch: DeviceBatch, progress: float, weights: Weights) -> dict[str, Tensor]:
        """What is added to the loss, by name; the same names at every step.

        Args:
            outputs: the network's, for this batch.
            batch: of this process.
            progress: of the budget.
            weights: λ of every task at this step.
        """
        del outputs, batch, progress, weights
        return {}

    def stepped(self, progress: float) -> None:
        """The network has moved."""

    def finished(self, network: nn.Module, batches: Callable[[], Iterator[DeviceBatch]]) -> None:
        """The phase is over; what is frozen is frozen still.

        Args:
            network: the result, which may be changed.
            batches: gives some training batches, not augmented.
        """

    def found(self) -> dict[str, Any]:
        """What the phase's result says of it."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from `state_dict()`."""


def relative(weights: Weights, mains: Sequence[Task]) -> dict[str, Tensor]:
    """λ of the main tasks as shares of the first one's; λ may be learnt, but not from what these weigh."""
    return {task.name: torch.as_tensor(weights[task.name] / weights[mains[0].name]).detach() for task in mains}


def late(progress: float, begin: float = 0.4, end: float = 0.6) -> float:
    """0 until `begin` of the budget, 1 from `end` on, a straight line in between."""
    return min(max((progress - begin) / (end - begin), 0.0), 1.0)
