"""Labels for the target's main task from a second network, which sees the known anchor beside the image.

Learning with privileged information (Vapnik & Vashist, Neural Networks 2009) as distillation: Lopez-Paz, Bottou,
Schölkopf, Vapnik, ICLR 2016 (arXiv 1511.03643). That the information is the anchor, and that it is what carries the
second network over to the target, is ours: anchor labels look alike in both domains, where images do not. It learns on
the source, beside the network that will be kept; a moving average of it labels the target. At the end it is forgotten.
"""

from collections.abc import Sequence
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Generator, Tensor, nn
from torch.optim import Adam

from headfreeze.data.augment import PLAIN, Augment
from headfreeze.data.batch import DeviceBatch
from headfreeze.data.geometric import seen_from_elsewhere
from headfreeze.models.informed import Informed
from headfreeze.models.network import Outputs, enlarged
from headfreeze.settings import LARGEST_ROTATION_DEG
from headfreeze.tasks.base import Task
from headfreeze.tasks.channels import as_channels, channels_of
from headfreeze.training.average import averaged
from headfreeze.training.parts.base import Part, Weights, late, relative
from headfreeze.training.processes import average_gradients
from headfreeze.training.schedule import rate_factor

_BEGIN, _FULL = 0.1, 0.3
"""Shares of the phase after which the labels begin to count, and count fully."""
_RATE, _DECAY = 2e-3, 0.97
_TURNED_MORE = 1.5
"""Its cameras are turned once more, by up to so many `rotate_deg`: labels of two domains differ by cameras alone."""
_EPS = 1e-6
"""Of Adam: gradients that are nothing but rounding (of a bias before a batch norm) move nothing."""


class Privileged(Part):
    """One more loss on the target: its main tasks, as the network sees them that knows the anchors.

    Args:
        fabric: device and precision.
        mains: the main tasks, dense.
        anchors: the anchors, labelled on both domains.
        span: where the phase begins and ends in the budget.
        augment: of the network's images; where it turns cameras, this turns them once more, and farther.
    """

    def __init__(
        self,
        fabric: Fabric,
        mains: Sequence[Task],
        anchors: Sequence[Task],
        span: tuple[float, float] = (0.0, 1.0),
        augment: Augment = PLAIN,
    ) -> None:
        self.fabric, self.mains, self.anchors, self.span, self.augment = fabric, mains, anchors, span, augment
        informed = Informed(sum(map(channels_of, anchors)), sum(task.channels for task in mains))
        self.informed = fabric.to_device(informed)
        self.average = averaged(self.informed, _DECAY).eval()
        self.optimizer: Any = fabric.setup_optimizers(Adam(self.informed.parameters(), lr=_RATE, eps=_EPS))

    def prepared(self, batch: DeviceBatch, generator: Generator) -> DeviceBatch:
        """The batch as it is; what the second network will learn from is set aside, its cameras turned once more."""
        source = batch.only("source")
        if self.augment.mode != "none" and self.augment.rotate_deg:
            turn_deg = min(_TURNED_MORE * self.augment.rotate_deg, LARGEST_ROTATION_DEG)
            source = seen_from_elsewhere(source, generator, 1.0, turn_deg, self.augment.fov_deg)
        self.source = source.part(self.fabric.global_rank, self.fabric.world_size)  # for `losses`
        return batch

    def losses(self, outputs: Outputs, batch: DeviceBatch, progress: float, weights: Weights) -> dict[str, Tensor]:
        """The second network's own loss on the source, and the network's on its labels for the target.

        λ of the main tasks is relative to the first one's.
        """
        shares = relative(weights, self.mains)
        source, rows = self.source, batch.rows("target")
        made = self._made(self.informed, source.image, source, "source")
        strength = late(self._of_phase(progress), _BEGIN, _FULL)
        labels = self.labels(batch.only("target")) if strength else {}
        learnt = taught = batch.image.new_zeros((), dtype=torch.float32)
        for task in self.mains:
            learnt = learnt + shares[task.name] * task.loss(made[task.name], source.labels["source", task.name])
            if strength:
                output = enlarged(outputs.maps[task.name][rows], labels[task.name].shape[-2:])
                taught = taught + strength * shares[task.name] * task.loss(output, labels[task.name])
        return {"loss_informed": learnt, "loss_privileged": taught}

    @torch.no_grad()
    def labels(self, target: DeviceBatch) -> dict[str, Tensor]:
        """The second network's labels (b, k, h, w) for target images, before their light was changed, by task."""
        assert target.clean is not None
        made = self._made(self.average, target.clean, target, "target")
        size = (target.image.shape[-2], target.image.shape[-1])
        return {t.name: t.wrap(t.decode(made[t.name].float()).as_subclass(Tensor), size) for t in self.mains}

    def _made(self, network: nn.Module, image: Tensor, batch: DeviceBatch, domain: str) -> dict[str, Tensor]:
        size = (image.shape[-2], image.shape[-1])
        known = [as_channels(task, batch.labels[domain, task.name], size) for task in self.anchors]
        made = enlarged(network(image, torch.cat(known, 1)), size)
        return dict(zip((t.name for t in self.mains), made.split([t.channels for t in self.mains], 1), strict=True))

    def _of_phase(self, progress: float) -> float:
        begin, end = self.span
        return (progress - begin) / (end - begin)

    def stepped(self, progress: float) -> None:
        """Moves the second network and its average."""
        average_gradients(self.fabric, self.informed.parameters())
        for group in self.optimizer.param_groups:
            group["lr"] = _RATE * rate_factor("poly", self._of_phase(progress))
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update_parameters(self.informed)
        self.average.eval()

    def state_dict(self) -> dict[str, Any]:
        """The second network, its average, and how it learns."""
        holders = {"informed": self.informed, "average": self.average, "optimizer": self.optimizer}
        return {name: holder.state_dict() for name, holder in holders.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with them."""
        self.informed.load_state_dict(state["informed"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
