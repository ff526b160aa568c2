"""What every method of the paper *is*, as data. Nothing else in the code knows a method by name.

Li, Luo, Tulyakov, Dai, Hoiem: Task-Assisted Domain Adaptation with Anchor Tasks, WACV 2021, arXiv 1908.06079.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from headfreeze.errors import InputError, unknown

Domain = Literal["source", "target"]
Role = Literal["main", "anchor"]
Branch = Literal["anchor", "main", "transfer"]
DOMAINS: tuple[Domain, ...] = ("source", "target")
Supervision = frozenset[tuple[Domain, Role]]
"""(Domain, task) pairs: whose labels a phase trains on, for example; the paper's check marks."""

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
TRAINED_ON, LOOKED_AT = "✓", "(✓)"
"""What stands in them."""


@dataclass(frozen=True)
class Part:
    """Something that a recipe can have beside its phases, written behind its name: mtl-both+teacher.

    Attributes:
        name: behind the +.
        about: what it does, for people.
        every_phase: whether all phases have it, or the last alone.
        reads_target: whether its steps look at images of the target, labelled or not, …
        forwards_target: … and train the network on them.
        needs: labels without which it has nothing to do.
        measures: labels that it looks at before the first step, also where the phase does not train on them: they
            become no loss, and the network does not see their images.
        instead_of: a part that it takes the place of, so that both make no sense, and why.
        images_alone: whether it changes images and nothing else, so that any network can be trained on them.
    """

    name: str
    about: str
    every_phase: bool = False
    reads_target: bool = False
    forwards_target: bool = False
    needs: Supervision = frozenset()
    measures: Supervision = frozenset()
    instead_of: tuple[str, str] | None = None
    images_alone: bool = False

    @property
    def uses_anchor(self) -> bool:
        """Whether there is nothing of it without an anchor."""
        return any(role == "anchor" for _, role in self.needs | self.measures)


PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        Part(
            "teacher",
            "late in training a moving average of the network labels the target's main task",
            reads_target=True,
            forwards_target=True,
        ),
        Part(
            "checked",
            "the teacher, whose labels count only where its anchor is the known one",
            reads_target=True,
            forwards_target=True,
            needs=TARGET_ANCHOR,
            instead_of=("teacher", "'checked' is a teacher already; leave 'teacher' out"),
        ),
        Part("reading", "the main output also reads the predicted anchor", every_phase=True, needs=SOURCE_ANCHOR),
        Part(
            "consistency",
            "a map from main to anchor, learnt on the source, holds the target's main task to its anchor",
            needs=SOURCE_ANCHOR | TARGET_ANCHOR,
        ),
        Part(
            "privileged",
            "a second network, which also sees the known anchor, labels the target's main task",
            forwards_target=True,
            reads_target=True,
            needs=SOURCE_ANCHOR | TARGET_ANCHOR,
        ),
        Part(
            "aligned",
            "source cameras are pitched as the target's are, which the anchor's labels tell",
            every_phase=True,
            measures=SOURCE_ANCHOR | TARGET_ANCHOR,
        ),
        Part(
            "fourier",
            "source images in the colours of target images",
            every_phase=True,
            reads_target=True,
            images_alone=True,
        ),
        Part("uncertainty", "λ of every task is learnt with its uncertainty", every_phase=True, needs=SOURCE_ANCHOR),
        Part(
            "gradnorm",
            "λ makes the tasks' gradients equally large",
            every_phase=True,
            needs=SOURCE_ANCHOR,
            instead_of=("uncertainty", "'uncertainty' and 'gradnorm' both choose λ; leave one out"),
        ),
        Part("adabn", "batch statistics are taken anew on the target at the end", reads_target=True),
    )
}
"""What came after the paper. Each says in its own file where it comes from, see `headfreeze.training.parts`."""


@dataclass(frozen=True)
class Phase:
    """One stretch of training: which labels it sees, whether the head is frozen, whether an adversary takes part.

    Attributes:
        parts: names in `PARTS`.
        branch: what is trained, the rest being frozen, where anchor and main task have a network each, see
            `headfreeze.models.transfer`; None: they share one.
    """

    supervision: Supervision
    freeze_head: bool = False
    adversary: bool = False
    parts: frozenset[str] = frozenset()
    branch: Branch | None = None

    @property
    def measured(self) -> Supervision:
        """Labels that its parts look at before the first step."""
        return frozenset().union(*(PARTS[name].measures for name in self.parts))

    def uses(self, domain: Domain) -> bool:
        """Whether its steps look at images of this domain."""
        read = domain == "target" and any(PARTS[name].reads_target for name in self.parts)
        return read or self.forwards(domain)

    def forwards(self, domain: Domain) -> bool:
        """Whether they are forwarded in training: batch norm would leak a domain that is not needed."""
        asked = domain == "target" and any(PARTS[name].forwards_target for name in self.parts)
        return asked or self.adversary or any(d == domain for d, _ in self.supervision)


@dataclass(frozen=True)
class Recipe:
    """A named list of phases. They share one budget of steps.

    `share`: of the first phase, the others have equal parts of the rest; None: as the settings say.
    """

    name: str
    phases: tuple[Phase, ...]
    about: str
    share: float | None = None

    @property
    def supervision(self) -> Supervision:
        """The labels that any of its phases trains on."""
        return frozenset().union(*(phase.supervision for phase in self.phases))

    @property
    def seen(self) -> Supervision:
        """That, and what its parts measure."""
        return self.supervision.union(*(phase.measured for phase in self.phases))

    @property
    def parts(self) -> frozenset[str]:
        """What any of its phases has."""
        return frozenset().union(*(phase.parts for phase in self.phases))

    @property
    def branched(self) -> bool:
        """Whether the anchor and the main task have a network each."""
        return any(phase.branch for phase in self.phases)

    def budget(self, steps: int, share: float) -> list[int]:
        """Steps of each phase, see `split_budget`; `share`: as the settings say."""
        return split_budget(steps, len(self.phases), self.share or share)


_BASELINE = Phase(SOURCE_MAIN)
_MTL_SOURCE = Phase(SOURCE_MAIN | SOURCE_ANCHOR)
_MTL_TARGET = Phase(SOURCE_MAIN | TARGET_ANCHOR)
_MTL_BOTH = Phase(SOURCE_MAIN | SOURCE_ANCHOR | TARGET_ANCHOR)
_MTL_BOTH_FROZEN = Phase(_MTL_BOTH.supervision, freeze_head=True)
_TRANSFER = (
    Phase(SOURCE_ANCHOR | TARGET_ANCHOR, branch="anchor"),
    Phase(SOURCE_MAIN, branch="main"),
    Phase(SOURCE_MAIN, branch="transfer"),  # the labels measure what comes out; the loss compares features
)


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
        Recipe("transfer", _TRANSFER, "two networks; anchor features to main features (AT/DT)", share=1 / 3),
        Recipe("oracle", (Phase(_MTL_BOTH.supervision | TARGET_MAIN),), "every label there is: the upper bound"),
    )
}

COMPARED = ("baseline", "mtl-both", "mtl-finetune", "headfreeze", "oracle")
"""What a comparison trains unless told otherwise: both ends, and what the paper's claim rests on."""


def table() -> str:
    """The recipes with the labels each phase sees and what it freezes, for people."""
    lines = [f"{'recipe':<17}{'phase':<7}{''.join(f'{name:<6}' for name in MARKS)}{'head':<8}{'adversary':<11}trains"]
    for recipe in RECIPES.values():
        for number, phase in enumerate(recipe.phases, 1):
            name, about = (recipe.name, recipe.about) if number == 1 else ("", "")
            seen = "".join(f"{'✓' if pair <= phase.supervision else '':<6}" for pair in MARKS.values())
            does = f"{'frozen' if phase.freeze_head else '':<8}{'✓' if phase.adversary else '':<11}"
            does += f"{phase.branch or '':<10}"
            lines.append(f"{name:<17}{number:<7}{seen}{does}{about}".rstrip())
    lines += ["", *(f"+{part.name:<16}{part.about}{', in every phase' * part.every_phase}" for part in PARTS.values())]
    lines += ["", "y_Sm, y_Sa: main and anchor labels of the source; y_Tm, y_Ta: of the target."]
    return "\n".join([*lines, "A part is there in the last phase, unless it says otherwise."])


def find_recipe(name: str) -> Recipe:
    """The recipe of that name: one of `RECIPES`, with any of `PARTS` behind it (mtl-both+teacher+reading).

    Raises:
        InputError: there is none, a part is named twice, or it needs labels that the recipe does not see.
    """
    base, *parts = name.split("+")
    if base not in RECIPES:
        raise InputError(unknown("recipe", base, RECIPES))
    for number, part in enumerate(parts):
        if part not in PARTS:
            raise InputError(f"recipe '{name}': {unknown('part', part, PARTS)}")
        if part in parts[:number]:
            raise InputError(f"recipe '{name}': the part '{part}' is named twice; name it once")
        other, why = PARTS[part].instead_of or ("", "")
        if other in parts:
            raise InputError(f"recipe '{name}': {why}")
        if RECIPES[base].branched and not PARTS[part].images_alone:
            fit = ", ".join(p.name for p in PARTS.values() if p.images_alone)
            raise InputError(
                f"recipe '{name}': the part '{part}' changes how one network learns both tasks, and {base} has one for"
                f" each; leave it out, or take one of {fit}"
            )
        if not PARTS[part].needs <= RECIPES[base].phases[-1].supervision:
            marks = ", ".join(mark for mark, pair in MARKS.items() if pair <= PARTS[part].needs)
            fit = ", ".join(r for r in RECIPES if PARTS[part].needs <= RECIPES[r].phases[-1].supervision)
            raise InputError(f"recipe '{name}': the part '{part}' needs the labels {marks}; add it to one of {fit}")
    return _with_parts(RECIPES[base], name, parts) if parts else RECIPES[base]


def known_recipe(name: str) -> Recipe | None:
    """The recipe of that name; None where there is none."""
    try:
        return find_recipe(name)
    except InputError:
        return None


def marks_of(name: str) -> list[str]:
    """The check marks of the recipe of that name, see `MARKS`; none where only Python knows it."""
    recipe = known_recipe(name)
    if recipe is None:
        return [""] * len(MARKS)
    return [
        TRAINED_ON if pair <= recipe.supervision else LOOKED_AT if pair <= recipe.seen else ""
        for pair in MARKS.values()
    ]


def _with_parts(recipe: Recipe, name: str, parts: Sequence[str]) -> Recipe:
    everywhere = frozenset(part for part in parts if PARTS[part].every_phase)
    phases = [replace(phase, parts=everywhere) for phase in recipe.phases[:-1]]
    last = replace(recipe.phases[-1], parts=frozenset(parts))
    about, _, _ = recipe.about.partition(":")  # what follows is true of the recipe without parts
    about = "; ".join([about, *(PARTS[part].about for part in parts)])
    return replace(recipe, name=name, phases=(*phases, last), about=about)


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
