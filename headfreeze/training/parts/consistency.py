"""The predicted main task must go with the known anchor: cross-task consistency (Zamir et al., arXiv 2006.04096).

A small network learns on the source what anchor belongs to the predicted main task. Then it is frozen, and on the
target the anchor that it makes of the main task is held against the anchor that is known there.
"""

from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.optim import Adam

from headfreeze.data.batch import DeviceBatch
from headfreeze.models.network import Outputs, enlarged
from headfreeze.tasks.base import Task
from headfreeze.training.parts.base import Part, Weights, late
from headfreeze.training.processes import average_gradients

_WIDTH = 32
_RATE = 1e-3
_LEARNT, _FULL = 0.4, 0.6
"""Shares of the phase at which the map is frozen, and its loss has its full weight."""


class Consistency(Part):
    """One more loss on the target, from the anchor's labels through a frozen map to the main task.

    Args:
        fabric: device and precision.
        main: the main task, dense.
        anchor: the anchor, dense and labelled on both domains.
        span: where the phase begins and ends in the budget.
    """

    def __init__(self, fabric: Fabric, main: Task, anchor: Task, span: tuple[float, float] = (0.0, 1.0)) -> None:
        self.fabric, self.main, self.anchor = fabric, main, anchor
        self.learnt, self.full = (span[0] + (span[1] - span[0]) * share for share in (_LEARNT, _FULL))
        self.map = fabric.to_device(small_map(main.channels, anchor.channels))
        self.optimizer: Any = fabric.setup_optimizers(Adam(self.map.parameters(), lr=_RATE))

    def losses(self, outputs: Outputs, batch: DeviceBatch, progress: float, weights: Weights) -> dict[str, Tensor]:
        """The map's own loss on the source while it learns, then what it says of the target × the anchor's λ."""
        learning = progress < self.learnt
        domain = "source" if learning else "target"
        seen = outputs.maps[self.main.name][batch.rows(domain)]
        if learning:
            seen = seen.detach()  # only the map is to learn
        label = batch.labels[domain, self.anchor.name]
        made = enlarged(self.map(self.main.soft(seen)), label.shape[-2:])
        loss, none = self.anchor.loss(made, label), label.new_zeros((), dtype=torch.float32)
        if learning:
            return {"loss_map": loss, "loss_consistency": none}
        return {
            "loss_map": none,
            "loss_consistency": late(progress, self.learnt, self.full) * weights[self.anchor.name] * loss,
        }

    def stepped(self, progress: float) -> None:
        """Moves the map while it learns."""
        if progress < self.learnt:
            average_gradients(self.fabric, self.map.parameters())
            self.optimizer.step()
        self.optimizer.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """The map, and how it learns."""
        return {"map": self.map.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with it."""
        self.map.load_state_dict(state["map"])
        self.optimizer.load_state_dict(state["optimizer"])


def small_map(channels: int, wanted: int) -> nn.Sequential:
    """From one task's map to another's, each pixel from what lies up to eight around it."""
    return nn.Sequential(
        nn.Conv2d(channels, _WIDTH, 3, padding=1), nn.ReLU(),
        nn.Conv2d(_WIDTH, _WIDTH, 3, padding=2, dilation=2), nn.ReLU(),
        nn.Conv2d(_WIDTH, _WIDTH, 3, padding=4, dilation=4), nn.ReLU(),
        nn.Conv2d(_WIDTH, wanted, 1),
    )  # fmt: skip
