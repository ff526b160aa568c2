"""What a search varies and by what it judges, as values. Light to import: no torch here."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from headfreeze.recipes import Recipe
from headfreeze.settings import Settings

OBJECTIVES = (
    "source_loss", "stylised_error", "anchor_error", "flip_consistency", "photometric_consistency", "domain_accuracy",
    "neighbourhood_density", "effective_rank",
)  # fmt: skip
"""Names of `headfreeze.evaluation.validators.VALIDATORS`."""
OBJECTIVE = "source_loss"
"""The one that did best in docs/search.md."""
TRIALS = 20


@dataclass(frozen=True)
class Range:
    """Where a setting is looked for, from `low` to `high`; `log`: evenly in its logarithm."""

    low: float
    high: float
    log: bool = False


def _rates(settings: Settings) -> Range:
    usual_rate = replace(settings.training, lr=0.0).learning_rate(settings.architecture)
    return Range(usual_rate / 8, usual_rate * 4, log=True)


def _adversary_weights(settings: Settings) -> Range:
    from headfreeze.adversaries.build import default_weight  # imports torch

    weight = default_weight(settings.adversarial)
    return Range(weight / 10, weight * 10, log=True)


RANGES: dict[str, Callable[[Settings], Range]] = {
    "lr": _rates,
    "anchor_weight": lambda _: Range(0.03, 3.0, log=True),
    "phase_share": lambda _: Range(0.2, 0.8),
    "adversary_weight": _adversary_weights,
    "weight_decay": lambda _: Range(0.001, 0.1, log=True),
    "zoom": lambda _: Range(0.5, 1.0),
    "rotate_deg": lambda _: Range(0.0, 20.0),
}
"""The settings that can be varied, and how far: lr and adversary_weight about what they are by default."""


def usual(recipe: Recipe) -> list[str]:
    """The settings to vary where none are named: those that the recipe has of lr and of what is its own."""
    present = {
        "lr": True,
        "anchor_weight": any(len({role for _, role in phase.supervision}) > 1 for phase in recipe.phases),
        "phase_share": len(recipe.phases) > 1 and recipe.share is None,
        "adversary_weight": any(phase.adversary for phase in recipe.phases),
    }
    return [name for name, there in present.items() if there]
