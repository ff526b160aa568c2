"""An adversary in training: its part of a step's loss, its own step, its state."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.optim import Adam

from headfreeze.adversaries.base import Adversary, Views
from headfreeze.data.batch import DeviceBatch
from headfreeze.models.network import Outputs
from headfreeze.training.losses import loss_terms, total_loss
from headfreeze.training.plan import PhaseData
from headfreeze.training.processes import average_gradients
from headfreeze.training.progressed import ACCURACY
from headfreeze.training.schedule import rate_factor

_BETAS = 0.9, 0.99


class Opposed(NamedTuple):
    """What an adversary does to a batch: its part of the network's loss, what it saw, how well it told that apart."""

    loss: Tensor
    views: Views
    accuracy: dict[str, Tensor]


class Opponent:
    """Trains an adversary beside the network.

    Args:
        fabric: device and precision.
        adversary: with fresh weights.
        rate: peak learning rate of its discriminators; Adam with β = 0.9, 0.99 as in AdaptSegNet's code.
        data: of the phase.
    """

    def __init__(self, fabric: Fabric, adversary: Adversary, rate: float, data: PhaseData) -> None:
        self.fabric, self.rate, self.data = fabric, rate, data
        fabric.to_device(adversary).to(memory_format=torch.channels_last)
        self.adversary = adversary
        parts = adversary.discriminators, adversary.auxiliary
        groups = [{"params": list(part.parameters())} for part in parts if len(part)]
        self.optimizer: Any = fabric.setup_optimizers(Adam(groups, lr=rate, betas=_BETAS))

    def oppose(self, outputs: Outputs, batch: DeviceBatch, progress: float, weights: Mapping[str, float]) -> Opposed:
        """What is added to the network's loss.

        Args:
            outputs: the network's, for this batch.
            batch: of both domains.
            progress: of the phase, 0 … 1.
            weights: λ of every task, for the supervised loss of auxiliary outputs.
        """
        with self.fabric.autocast():
            look = self.adversary.look(outputs, (batch.image.shape[-2], batch.image.shape[-1]))
            loss, accuracy = self.adversary.confusion(look.views, batch.n_source, progress)
        if look.auxiliary:
            auxiliary = Outputs(dict(look.auxiliary), vectors={}, features={})
            terms = loss_terms(auxiliary, batch, self.data.tasks)
            loss = loss + self.adversary.auxiliary_weight * total_loss(terms, weights)
        return Opposed(loss, look.views, accuracy)

    def learn(self, opposed: Opposed, n_source: int, share: float) -> dict[str, Tensor]:
        """Adds up gradients × share of the discriminators' own loss, where they have one.

        Gives both sides' losses (a feature adversary has one for both) and the accuracy of every level, by name.
        """
        numbers, accuracy = {"loss_adversary": opposed.loss}, opposed.accuracy
        if self.adversary.alternates:
            with self.fabric.autocast():
                judgement = self.adversary.discrimination({k: v.detach() for k, v in opposed.views.items()}, n_source)
            self.fabric.backward(judgement.loss * share)
            numbers["loss_discriminator"], accuracy = judgement
        return numbers | {f"{ACCURACY}{level}": value for level, value in accuracy.items()}

    def step(self, progress: float, network_rate: float) -> None:
        """Moves the discriminators and the auxiliary outputs, which learn at the network's rate."""
        rates = self.rate * rate_factor("poly", progress), network_rate
        for group, rate in zip(self.optimizer.param_groups, rates, strict=False):
            group["lr"] = rate
        average_gradients(self.fabric, self.adversary.parameters())
        self.optimizer.step()
        self.optimizer.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on."""
        return {"adversary": self.adversary.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from `state_dict()`."""
        self.adversary.load_state_dict(state["adversary"])
        self.optimizer.load_state_dict(state["optimizer"])
