"""From settings to an adversary for a network and its tasks."""

from collections.abc import Mapping, Sequence

from headfreeze.adversaries import feature, output
from headfreeze.adversaries.base import Adversary
from headfreeze.models.own import AnyNetwork
from headfreeze.settings import Adversarial
from headfreeze.tasks.base import Task

TINY_FEATURE_WIDTH = 64
TINY_OUTPUT_WIDTH = 16


def build_adversary(
    settings: Adversarial, network: AnyNetwork, tasks: Mapping[str, Task], mains: Sequence[str], tiny: bool = False
) -> Adversary:
    """The adversary that the settings describe, with fresh weights.

    Args:
        settings: which adversary, and its sizes.
        network: what it will look at.
        tasks: those that the phase trains.
        mains: the names of the main tasks.
        tiny: take small discriminators where the settings leave their width open.
    """
    width, weight = settings.discriminator_width, settings.adversary_weight
    if weight is None:
        weight = default_weight(settings)
    if settings.adversary == "feature":
        channels = {level: network.channels[level] for level in settings.levels}
        return feature.FeatureAdversary(channels, weight, width or (TINY_FEATURE_WIDTH if tiny else feature.WIDTH))
    below = settings.levels[1] if len(settings.levels) > 1 else None
    return output.OutputAdversary(
        tasks if settings.adversary == "joint" else {main: tasks[main] for main in mains},
        weight,
        width or (TINY_OUTPUT_WIDTH if tiny else output.WIDTH),
        settings.adversary_loss,
        (below, network.channels[below]) if below else None,
    )


def default_weight(settings: Adversarial) -> float:
    """λ_adv of the literature for this kind of adversary and loss."""
    if settings.adversary == "feature":
        return feature.WEIGHT
    return output.WEIGHT if settings.adversary_loss == "bce" else output.LSGAN_WEIGHT
