"""What every method of the paper *is*, as data. Nothing else in the code knows a method by name.

Li, Luo, Tulyakov, Dai, Hoiem: Task-Assisted Domain Adaptation with Anchor Tasks, WACV 2021, arXiv 1908.06079.
"""

from dataclasses import dataclass, replace
from typing import Literal

from headfreeze.errors import InputError, unknown

Domain = Literal["source", "target"]
Role = Literal["main", "anchor"]
DOMAINS: tuple[Domain, ...] = ("source", "target")
Supervision = frozenset[tuple[Domain, Role]]
"""The (domain, task) pairs whose labels a phase trains on: the paper's check marks."""

SOURCE_MAIN: Supervision = frozenset({("source", "main")})
SOURCE_ANCHOR: Supervision = frozenset({("source", "anchor")})
TARGET_ANCHOR: Supervision = frozenset({("target", "anchor")})
TARGET_MAIN: Supervision = frozenset({("target", "main")})
MARKS: dict[str, Supervision] = {
    "y_Sm": SOURCE_MAIN,
    "y_Sa": SOURCE_ANCHOR,
    "y_Tm": TARGET_MAIN,
    "y_Ta": TARGET_ANCHOR,
}
"""The columns of check marks in the paper's tables."""


@dataclass(frozen=True)
class Phase:
    """One stretch of training: which labels it sees, whether the head is frozen, whether an adversary takes part."""

    supervision: Supervision
    freeze_head: bool = False
    adversary: bool = False

    def uses(self, domain: Domain) -> bool:
        """Whether images of this domain are forwarded at all: batch norm would leak one that is not needed."""
        return self.adversary or any(d == domain for d, _ in self.supervision)


@dataclass(frozen=True)
class Recipe:
    """A named list of phases. They share one budget of steps."""

    name: str
    phases: tuple[Phase, ...]
    about: str

    @property
    def supervision(self) -> Supervision:
        """What any of its phases sees."""
        return frozenset().union(*(phase.supervision for phase in self.phases))


_BASELINE = Phase(SOURCE_MAIN)
_MTL_SOURCE = Phase(SOURCE_MAIN | SOURCE_ANCHOR)
_MTL_TARGET = Phase(SOURCE_MAIN | TARGET_ANCHOR)
_MTL_BOTH = Phase(SOURCE_MAIN | SOURCE_ANCHOR | TARGET_ANCHOR)
_MTL_BOTH_FROZEN = Phase(_MTL_BOTH.supervision, freeze_head=True)


def _with_adversary(phase: Phase) -> Phase:
    return replace(phase, adversary=True)


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe("baseline", (_BASELINE,), "main task on the source alone: what one gets without adapting"),
        Recipe("mtl-source", (_MTL_SOURCE,), "both tasks on the source (eq. 4)"),
        Recipe("mtl-target", (_MTL_TARGET,), "main on the source, anchor on the target (eq. 5)"),
        Recipe("mtl-both", (_MTL_BOTH,), "main on the source, anchor on both (eq. 6)"),
        Recipe("mtl-finetune", (_MTL_SOURCE, _MTL_BOTH), "mtl-source, then mtl-both: headfreeze without the freeze"),
        Recipe("headfreeze", (_MTL_SOURCE, _MTL_BOTH_FROZEN), "mtl-source, then mtl-both with the head frozen"),
        Recipe("baseline-da", (_with_adversary(_BASELINE),), "baseline with an adversary"),
        Recipe("mtl-source-da", (_with_adversary(_MTL_SOURCE),), "mtl-source with an adversary"),
        Recipe("mtl-target-da", (_with_adversary(_MTL_TARGET),), "mtl-target with an adversary"),
        Recipe("mtl-both-da", (_with_adversary(_MTL_BOTH),), "mtl-both with an adversary"),
        Recipe("mtl-finetune-da", (_MTL_SOURCE, _with_adversary(_MTL_BOTH)), "an adversary in the second phase"),
        Recipe("headfreeze-da", (_MTL_SOURCE, _with_adversary(_MTL_BOTH_FROZEN)), "an adversary in the second phase"),
        Recipe("oracle", (Phase(_MTL_BOTH.supervision | TARGET_MAIN),), "every label there is: the upper bound"),
    )
}

COMPARED = ("baseline", "mtl-both", "mtl-finetune", "headfreeze", "oracle")
"""What a comparison trains unless told otherwise: both ends, and what the paper's claim rests on."""


def table() -> str:
    """The recipes with the labels each phase sees and what it freezes, for people."""
    lines = [f"{'recipe':<17}{'phase':<7}{''.join(f'{name:<6}' for name in MARKS)}{'head':<8}adversary"]
    for recipe in RECIPES.values():
        for number, phase in enumerate(recipe.phases, 1):
            name, about = (recipe.name, recipe.about) if number == 1 else ("", "")
            seen = "".join(f"{'✓' if pair <= phase.supervision else '':<6}" for pair in MARKS.values())
            does = f"{'frozen' if phase.freeze_head else '':<8}{'✓' if phase.adversary else '':<11}"
            lines.append(f"{name:<17}{number:<7}{seen}{does}{about}".rstrip())
    return "\n".join([*lines, "", "y_Sm, y_Sa: main and anchor labels of the source; y_Tm, y_Ta: of the target."])


def find_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    if name not in RECIPES:
        raise InputError(unknown("recipe", name, RECIPES))
    return RECIPES[name]


def split_budget(steps: int, phases: int, share: float) -> list[int]:
    """Steps of each phase: all of them for one phase; `share` for the first of several, the rest in equal parts.

    Raises:
        InputError: the budget is too small for every phase to have a step.
    """
    if steps < phases:
        raise InputError(f"steps is {steps}; a recipe of {phases} phases needs at least {phases}")
    others = phases - 1
    if not others:
        return [steps]
    first = min(max(round(steps * share), 1), steps - others)
    return [first, *((steps - first + k) // others for k in range(others))]
