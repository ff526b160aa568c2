"""The predicted main task must go with the known anchors: cross-task consistency (Zamir et al., arXiv 2006.04096).

A small network learns on the source what anchors belong to the predicted main task. Then it is frozen, and on the
target the anchors that it makes of the main task are held against those that are known there.
"""

from collections.abc import Sequence
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
    """One more loss on the target, from the anchors' labels through a frozen map to the main task.

    Args:
        fabric: device and precision.
        main: the main task, dense.
        anchors: dense and labelled on both domains.
        span: where the phase begins and ends in the budget.
    """

    def __init__(
        self, fabric: Fabric, main: Task, anchors: Sequence[Task], span: tuple[float, float] = (0.0, 1.0)
    ) -> None:
        self.fabric, self.main, self.anchors = fabric, main, anchors
        self.learnt, self.full = (span[0] + (span[1] - span[0]) * share for share in (_LEARNT, _FULL))
        self.map = fabric.to_device(small_map(main.channels, sum(anchor.channels for anchor in anchors)))
        self.optimizer: Any = fabric.setup_optimizers(Adam(self.map.parameters(), lr=_RATE))

    def losses(self, outputs: Outputs, batch: DeviceBatch, progress: float, weights: Weights) -> dict[str, Tensor]:
        """The map's own loss on the source while it learns, then what it says of the target × each anchor's λ."""
        learning = progress < self.learnt
        domain = "source" if learning else "target"
        seen = outputs.maps[self.main.name][batch.rows(domain)]
        if learning:
            seen = seen.detach()  # only the map is to learn
        losses, none = self._held(seen, batch, domain), seen.new_zeros((), dtype=torch.float32)
        if learning:
            return {"loss_map": torch.stack(list(losses.values())).sum(), "loss_consistency": none}
        strength = late(progress, self.learnt, self.full)
        weighted = [strength * weights[name] * loss for name, loss in losses.items()]
        return {"loss_map": none, "loss_consistency": torch.stack(weighted).sum()}

    def _held(self, seen: Tensor, batch: DeviceBatch, domain: str) -> dict[str, Tensor]:
        """Each anchor's loss of what the map makes of the main task's output."""
        made = self.map(self.main.soft(seen)).split([anchor.channels for anchor in self.anchors], dim=1)
        labels = [batch.labels[domain, anchor.name] for anchor in self.anchors]
        return {
            anchor.name: anchor.loss(enlarged(output, label.shape[-2:]), label)
            for anchor, output, label in zip(self.anchors, made, labels, strict=True)
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
