"""What every adversary is: discriminators, what they look at, and a loss for each side.

An adversary knows the network's outputs, and nothing of recipes, data or optimizers.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as nnf
from jaxtyping import Float
from torch import Tensor, nn

from headfreeze.models.network import Outputs
from headfreeze.settings import AdversaryLoss

SOURCE, TARGET = 0.0, 1.0
"""What a discriminator should say of each domain, as in AdaptSegNet's code."""

Views = Mapping[str, Tensor]
"""What discriminators look at, by level: (b, c, h, w), the source's images first."""


@dataclass(frozen=True)
class Look:
    """An adversary's look at a batch.

    Attributes:
        views: what its discriminators see, with gradients to the network.
        auxiliary: maps, by task, of outputs that it has added to the network; they want supervision of their own.
    """

    views: Views
    auxiliary: dict[str, Tensor] = field(default_factory=dict)


class Judgement(NamedTuple):
    """A loss, and how well the discriminators told the domains apart while it was computed.

    Attributes:
        loss: scalar with gradients.
        accuracy: by level, the share of places whose domain was told rightly, each domain counted as half. Without
            gradients; empty where one domain alone was judged.
    """

    loss: Tensor
    accuracy: dict[str, Tensor]


class Adversary(nn.Module, ABC):
    """Discriminators with both sides' losses.

    Args:
        discriminators: one a level, each from a view to logits (b, 1, h, w) that are higher for the target.
        loss: bce, binary cross-entropy; lsgan, squared distance to 0 or 1 (Mao et al., ICCV 2017, arXiv 1611.04076).

    Attributes:
        auxiliary: layers added to the network, by task; they learn at its rate.
    """

    alternates: ClassVar[bool]
    """Whether discriminators have a step of their own; else they learn from the network's loss."""
    auxiliary_weight: ClassVar[float] = 0.0
    """Weight of the auxiliary outputs' supervised loss."""

    def __init__(self, discriminators: Mapping[str, nn.Module], loss: AdversaryLoss = "bce") -> None:
        super().__init__()
        self.discriminators = nn.ModuleDict(discriminators)
        self.auxiliary = nn.ModuleDict()
        self.loss = loss

    @abstractmethod
    def look(self, outputs: Outputs, size: tuple[int, int]) -> Look:
        """What the discriminators look at.

        Args:
            outputs: the network's, for a batch of both domains.
            size: height and width of the images.
        """

    @abstractmethod
    def confusion(self, views: Views, n_source: int, progress: float) -> Judgement:
        """The network's loss, weighted.

        Args:
            views: with gradients to the network.
            n_source: how many of their rows are the source's.
            progress: of the phase, 0 … 1.
        """

    @abstractmethod
    def fresh_discriminators(self, width: int) -> dict[str, nn.Module]:
        """Discriminators like its own with new weights, of another width."""

    def discrimination(self, views: Views, n_source: int) -> Judgement:
        """The discriminators' loss, a mean over both domains, summed over levels."""
        losses, accuracy = [], {}
        for level, view in views.items():
            logits = self.discriminators[level](view)
            source, target = logits[:n_source], logits[n_source:]
            losses.append((self.distance(source, SOURCE) + self.distance(target, TARGET)) / 2)
            accuracy[level] = self._told_apart(source.detach(), target.detach())
        return Judgement(torch.stack(losses).sum(), accuracy)

    def distance(self, logits: Float[Tensor, "b 1 h w"], domain: float) -> Float[Tensor, ""]:
        """Mean over places of how far the logits are from saying `domain`; in float32."""
        logits = logits.float()
        wanted = torch.full_like(logits, domain)
        if self.loss == "bce":
            return nnf.binary_cross_entropy_with_logits(logits, wanted)
        return nnf.mse_loss(logits, wanted)

    def _told_apart(self, source: Tensor, target: Tensor) -> Float[Tensor, ""]:
        border = 0.0 if self.loss == "bce" else 0.5
        return ((source <= border).float().mean() + (target > border).float().mean()) / 2
