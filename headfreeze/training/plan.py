"""What a phase sees and what it does, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import nn

from headfreeze.data.augment import Augment
from headfreeze.data.loader import DomainImages
from headfreeze.models.freeze import Freeze
from headfreeze.recipes import DOMAINS, Branch, Domain
from headfreeze.tasks.base import Task


@dataclass(frozen=True)
class PhaseData:
    """What a phase sees: the supervised labels of the domains that it uses, at training resolution.

    Attributes:
        mains: names of the main tasks.
        measured: of the training split, with the labels that parts look at before the first step; only these domains.
    """

    train: Mapping[str, DomainImages]
    val: Mapping[str, DomainImages]
    tasks: Mapping[str, Task]
    mains: tuple[str, ...]
    augment: Augment
    workers: int
    measured: Mapping[str, DomainImages] = field(default_factory=dict)

    @property
    def main(self) -> str:
        """The first main task: λ of the others is measured against it."""
        return self.mains[0]


@dataclass(frozen=True)
class PhasePlan:
    """What a phase does.

    Attributes:
        steps: the most optimisation steps it takes.
        freeze_after: the last stage that trains; None trains all.
        branch: the one stage that trains, of a network with a branch for each task; None: it has none.
        snapshots: after which steps before the last one the network is kept as it is then.
        seed: of batches and augmentation.
        measuring_seed: of what is measured before the first step: one for all phases, which so find the same.
        weights: λ of every task, inherited from the phase before; None to measure them.
        until_plateau: end where the source's validation loss no longer falls.
        span: where the phase begins and ends in the budget and its learning rate's schedule, 0 … 1.
        forwarded: whose images the network is trained on; the parts may look at others.
    """

    steps: int
    freeze_after: str | None
    seed: int
    measuring_seed: int
    rate: float
    weights: dict[str, float] | None = None
    until_plateau: bool = False
    span: tuple[float, float] = (0.0, 1.0)
    forwarded: tuple[Domain, ...] = DOMAINS
    branch: Branch | None = None
    snapshots: tuple[int, ...] = ()

    def freeze(self, network: nn.Module) -> Freeze | None:
        """Freezes what the phase does not train; None where it trains everything."""
        if self.branch:
            return Freeze(network, only=self.branch)
        return Freeze(network, after=self.freeze_after) if self.freeze_after else None
