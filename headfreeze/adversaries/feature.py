"""The feature adversary: gradients reversed at levels of the decoder, a small discriminator for every level.

Ganin & Lempitsky, ICML 2015 (arXiv 1409.7495), at every place of several levels as in DA Faster R-CNN (Chen et al.,
CVPR 2018, arXiv 1803.03243): 1×1 convolution, ReLU, 1×1 convolution; weights from N(0, 0.001); reversal weight 0.1.
"""

from collections.abc import Mapping
from typing import ClassVar

from torch import nn

from headfreeze.adversaries.base import Adversary, Judgement, Look, Views
from headfreeze.adversaries.reversal import ramp, reversed_gradient
from headfreeze.models.network import Outputs

WIDTH = 512
WEIGHT = 0.1
_INIT_STD = 0.001


class FeatureAdversary(Adversary):
    """One loss for both sides: it trains the discriminators, and reversed it trains the network below the levels.

    Args:
        channels: of every level that is looked at, by its name in `Outputs.features`.
        weight: λ_adv: the reversal's strength, to which it grows from 0 with Ganin & Lempitsky's ramp.
        width: hidden channels of the discriminators.
    """

    alternates: ClassVar[bool] = False

    def __init__(self, channels: Mapping[str, int], weight: float = WEIGHT, width: int = WIDTH) -> None:
        super().__init__({level: feature_discriminator(c, width) for level, c in channels.items()})
        self.weight, self.channels = weight, dict(channels)

    def fresh_discriminators(self, width: int) -> dict[str, nn.Module]:
        """One a level."""
        return {level: feature_discriminator(channels, width) for level, channels in self.channels.items()}

    def look(self, outputs: Outputs, size: tuple[int, int]) -> Look:
        """The features as they are."""
        del size  # places are judged, at whatever resolution
        return Look({level: outputs.features[level] for level in self.discriminators})

    def confusion(self, views: Views, n_source: int, progress: float) -> Judgement:
        """The discriminators' loss, whose gradient is reversed at the features."""
        strength = self.weight * ramp(progress)
        return self.discrimination({k: reversed_gradient(view, strength) for k, view in views.items()}, n_source)


def feature_discriminator(channels: int, width: int = WIDTH) -> nn.Sequential:
    """(b, channels, h, w) → logits (b, 1, h, w), each place for itself."""
    first, second = nn.Conv2d(channels, width, 1), nn.Conv2d(width, 1, 1)
    for layer in (first, second):
        nn.init.normal_(layer.weight, std=_INIT_STD)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
    return nn.Sequential(first, nn.ReLU(), second)
