"""λ of the tasks, found anew at every step: by learnt uncertainties, or by the size of the tasks' gradients.

Without either, λ is what brings the losses to one magnitude, measured once (`headfreeze.training.weighing`), or what
the user sets. Both begin there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.optim import Adam

from headfreeze.data.batch import DeviceBatch, LabelKey
from headfreeze.models.network import Outputs
from headfreeze.training.losses import task_losses
from headfreeze.training.parts.base import Part, Weights
from headfreeze.training.processes import average_gradients, mean

_RATE = 1e-2
_MEMORY = 0.9


class Uncertainty(Part):
    """A task's loss L counts exp(-s) λ L + s, and s is learnt: Kendall, Gal, Cipolla, CVPR 2018 (arXiv 1705.07115).

    Args:
        fabric: device and precision.
        tasks: names of the tasks.
    """

    def __init__(self, fabric: Fabric, tasks: Sequence[str]) -> None:
        self.fabric = fabric
        self.s = {task: nn.Parameter(fabric.to_device(torch.zeros(()))) for task in tasks}
        self.optimizer: Any = fabric.setup_optimizers(Adam(self.s.values(), lr=_RATE))

    def weighted(self, terms: Mapping[LabelKey, Tensor], outputs: Outputs, weights: Weights) -> Weights:
        """exp(-s) λ."""
        del terms, outputs
        return {task: weight * torch.exp(-self.s[task]) for task, weight in weights.items()}

    def losses(self, outputs: Outputs, batch: DeviceBatch, progress: float, weights: Weights) -> dict[str, Tensor]:
        """The sum of s over the tasks that this batch has labels of."""
        del outputs, progress, weights
        tasks = {task for _, task in batch.labels}
        return {"loss_uncertainty": torch.stack([s for task, s in self.s.items() if task in tasks]).sum()}

    def stepped(self, progress: float) -> None:
        """Moves s."""
        del progress
        average_gradients(self.fabric, self.s.values())
        self.optimizer.step()
        self.optimizer.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """s, and how it learns."""
        return {"s": {task: s.detach() for task, s in self.s.items()}, "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with it."""
        for task, value in state["s"].items():
            self.s[task].data.copy_(value)
        self.optimizer.load_state_dict(state["optimizer"])


class GradientNorms(Part):
    """Every task pulls as hard as the main task at the last features that they share, in the mean of recent steps.

    GradNorm (Chen et al., ICML 2018, arXiv 1711.02257) with α = 0, in closed form and by features in place of weights,
    whose gradients cost the output layers alone.

    Args:
        fabric: device and precision.
        main: name of the main task, whose λ stays.
    """

    def __init__(self, fabric: Fabric, main: str) -> None:
        self.fabric, self.main = fabric, main
        self.norms: dict[str, Tensor] = {}

    def weighted(self, terms: Mapping[LabelKey, Tensor], outputs: Outputs, weights: Weights) -> Weights:
        """λ of the main task × the ratio of its gradient's norm to each task's; as it was where there is none."""
        shared = list(outputs.features.values())[-1]
        for task, loss in task_losses(terms).items():
            (gradient,) = torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)
            if gradient is not None:
                # of the whole batch, to a factor that all tasks share: each process has its images' part
                norm = mean(self.fabric, gradient.float().square().sum()).sqrt()
                self.norms[task] = torch.lerp(norm, self.norms[task], _MEMORY) if task in self.norms else norm
        if self.main not in self.norms:
            return weights
        own = self.norms[self.main]
        ratios = {task: own / norm.clamp_min(1e-12) for task, norm in self.norms.items()}
        return {task: weights[self.main] * ratios[task] if task in ratios else weights[task] for task in weights}

    def state_dict(self) -> dict[str, Any]:
        """The mean norms."""
        return dict(self.norms)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with them."""
        self.norms = {task: self.fabric.to_device(norm) for task, norm in state.items()}
