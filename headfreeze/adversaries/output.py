"""The output adversary: a discriminator looks at what is predicted, as AdaptSegNet's.

Tsai et al., CVPR 2018 (arXiv 1802.10349) and its code: five 4×4 convolutions of stride 2, channels 64-128-256-512-1,
LeakyReLU 0.2, no batch norm; it looks at predictions enlarged to the image's size; the network wants target
predictions to be taken for the source's. λ_adv is 0.001, and 0.0002 for a second, auxiliary output below, whose
supervised loss counts 0.1.

Several tasks' outputs side by side make it a joint adversary. CTRL-UDA (Saha et al., CVPR 2021) and DADA (Vu et al.,
ICCV 2019, arXiv 1904.01886) show their discriminators functions of several outputs; here they get them as they are.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from headfreeze.adversaries.base import SOURCE, Adversary, Judgement, Look, Views
from headfreeze.models.network import Outputs, enlarged, map_layer
from headfreeze.settings import AdversaryLoss
from headfreeze.tasks.base import Task

WIDTH = 64
WEIGHT = 0.001
LSGAN_WEIGHT = 0.01
SMALLEST_SIZE = 32
"""Pixels of an image's shorter side, so that five halvings leave a place to judge."""
OUTPUTS = "outputs"
_AUXILIARY_SHARE = 0.2
_SLOPE = 0.2


class OutputAdversary(Adversary):
    """Discriminators that look at decoded outputs; they and the network are trained in turn.

    Args:
        tasks: whose outputs are looked at, together if there are several.
        weight: λ_adv of the network's outputs; an auxiliary level has a fifth of it.
        width: channels of the discriminators' first convolution.
        loss: bce or lsgan.
        below: a level of `Outputs.features`, and its channels, that gets auxiliary outputs and a discriminator of its
            own; None: the network's outputs alone are looked at.
    """

    alternates: ClassVar[bool] = True
    auxiliary_weight: ClassVar[float] = 0.1

    def __init__(
        self,
        tasks: Mapping[str, Task],
        weight: float = WEIGHT,
        width: int = WIDTH,
        loss: AdversaryLoss = "bce",
        below: tuple[str, int] | None = None,
    ) -> None:
        channels = sum(task.channels for task in tasks.values())
        levels = [OUTPUTS] + ([below[0]] if below else [])
        super().__init__({level: output_discriminator(channels, width) for level in levels}, loss)
        self.channels = channels
        self.tasks, self.below = dict(tasks), below[0] if below else None
        self.weights = {level: weight if level == OUTPUTS else weight * _AUXILIARY_SHARE for level in levels}
        if below:
            self.auxiliary.update({name: map_layer(below[1], task.channels, 1) for name, task in tasks.items()})

    def fresh_discriminators(self, width: int) -> dict[str, nn.Module]:
        """One for the network's outputs, and one for the auxiliary ones where there are any."""
        return {level: output_discriminator(self.channels, width) for level in self.discriminators}

    def look(self, outputs: Outputs, size: tuple[int, int]) -> Look:
        """The tasks' outputs, and the auxiliary ones, in the form of `Task.soft` at the image's size."""
        views = {OUTPUTS: self._view(outputs.maps, size)}
        if not self.below:
            return Look(views)
        auxiliary = {name: layer(outputs.features[self.below]) for name, layer in self.auxiliary.items()}
        return Look(views | {self.below: self._view(auxiliary, size)}, auxiliary)

    def confusion(self, views: Views, n_source: int, progress: float) -> Judgement:
        """How far the discriminators are from taking the target's outputs for the source's."""
        del progress  # the weight is constant, as in the paper
        terms = []
        with _constant(self.discriminators):
            for level, view in views.items():
                logits = self.discriminators[level](view[n_source:])
                terms.append(self.weights[level] * self.distance(logits, SOURCE))
        return Judgement(torch.stack(terms).sum(), {})

    def _view(self, maps: Mapping[str, Tensor], size: tuple[int, int]) -> Tensor:
        return torch.cat([task.soft(enlarged(maps[name], size)) for name, task in self.tasks.items()], dim=1)


def output_discriminator(channels: int, width: int = WIDTH) -> nn.Sequential:
    """(b, channels, h, w) → logits (b, 1, ⌊h / 32⌋, ⌊w / 32⌋)."""
    widths = (channels, width, 2 * width, 4 * width, 8 * width)
    layers: list[nn.Module] = []
    for inner, outer in pairwise(widths):
        layers += [nn.Conv2d(inner, outer, 4, stride=2, padding=1), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, stride=2, padding=1))


@contextmanager
def _constant(module: nn.Module) -> Iterator[None]:
    """Within, what the module computes has no gradient to its parameters."""
    parameters = list(module.parameters())
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
