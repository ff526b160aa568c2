"""From names in a phase to its parts."""

from collections.abc import Callable, Mapping, Sequence

from lightning.fabric import Fabric
from torch import nn

from headfreeze.errors import InputError
from headfreeze.recipes import Phase, Recipe
from headfreeze.settings import Settings
from headfreeze.tasks.base import Task
from headfreeze.training.parts.adabn import AdaptedNorm
from headfreeze.training.parts.balance import GradientNorms, Uncertainty
from headfreeze.training.parts.base import Part
from headfreeze.training.parts.consistency import Consistency
from headfreeze.training.parts.fourier import Fourier
from headfreeze.training.parts.teacher import Teacher
from headfreeze.training.parts.transfer import FeatureDistance
from headfreeze.training.plan import PhasePlan


def build_parts(
    phase: Phase, plan: PhasePlan, fabric: Fabric, network: nn.Module, roles: Mapping[str, Task]
) -> list[Part]:
    """What takes part in a phase. `reading` is not among them: it is in the network.

    Args:
        phase: names them.
        plan: of the phase.
        fabric: device and precision.
        network: that is trained.
        roles: main and anchor.
    """
    main, anchor = roles["main"], roles["anchor"]
    makers: dict[str, Callable[[], Part]] = {
        "adabn": AdaptedNorm,
        "consistency": lambda: Consistency(fabric, main, anchor, plan.span),
        "fourier": Fourier,
        "gradnorm": lambda: GradientNorms(fabric, main.name),
        "teacher": lambda: Teacher(network, main),
        "checked": lambda: Teacher(network, main, anchor),
        "uncertainty": lambda: Uncertainty(fabric, [task.name for task in roles.values()]),
    }
    parts = [make() for name, make in makers.items() if name in phase.parts]
    return [*parts, FeatureDistance()] if phase.branch == "transfer" else parts


def check_parts(settings: Settings, recipes: Sequence[Recipe], roles: Mapping[str, Task]) -> None:
    """The parts of these recipes can do with these tasks and this network.

    Raises:
        InputError: one cannot; the message says why.
    """
    main, architecture = roles["main"], settings.architecture
    points = [task.name for task in roles.values() if not task.dense]
    unjudged = [task.name for task in roles.values() if task.error is None or not task.dense]
    for recipe in recipes:
        fault = ""
        if "teacher" in recipe.parts and main.name in unjudged:
            fault = f"the part 'teacher' needs a main task with an error for each pixel, and '{main.name}' has none"
        if "checked" in recipe.parts and unjudged:
            fault = f"the part 'checked' needs tasks with an error for each pixel, and '{unjudged[0]}' has none"
        if "consistency" in recipe.parts and points:
            fault = f"the part 'consistency' needs labels for each pixel, and '{points[0]}' has points"
        if "reading" in recipe.parts and architecture.own:
            fault = f"the part 'reading' is built into our networks, and '{architecture.backbone}' is your own"
        if "gradnorm" in recipe.parts and architecture.own:
            fault = f"the part 'gradnorm' needs features that '{architecture.backbone}' may not give"
        if "adabn" in recipe.parts and architecture.norm == "frozen":
            fault = "the part 'adabn' takes new batch statistics, and norm is frozen"
        if fault:
            raise InputError(f"recipe '{recipe.name}': {fault}; leave the part out")
