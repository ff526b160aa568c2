"""From names in a phase to its parts."""

from collections.abc import Callable, Mapping, Sequence

from lightning.fabric import Fabric
from torch import nn

from headfreeze.data.augment import Augment
from headfreeze.errors import InputError
from headfreeze.recipes import Phase, Recipe
from headfreeze.settings import Settings
from headfreeze.tasks.base import Task
from headfreeze.training.parts.adabn import AdaptedNorm
from headfreeze.training.parts.aligned import Aligned
from headfreeze.training.parts.balance import GradientNorms, Uncertainty
from headfreeze.training.parts.base import Part
from headfreeze.training.parts.consistency import Consistency
from headfreeze.training.parts.fourier import Fourier
from headfreeze.training.parts.privileged import Privileged
from headfreeze.training.parts.teacher import Teacher
from headfreeze.training.parts.transfer import FeatureDistance
from headfreeze.training.plan import PhasePlan


def build_parts(
    phase: Phase,
    plan: PhasePlan,
    fabric: Fabric,
    network: nn.Module,
    roles: Mapping[str, Sequence[Task]],
    augment: Augment,
) -> list[Part]:
    """What takes part in a phase. `reading` is not among them: it is in the network.

    Args:
        phase: names them.
        plan: of the phase.
        fabric: device and precision.
        network: that is trained.
        roles: the main tasks and the anchors.
        augment: of the network's images.
    """
    mains, anchors = roles["main"], roles["anchor"]
    makers: dict[str, Callable[[], Part]] = {
        "adabn": AdaptedNorm,
        "aligned": lambda: Aligned(anchors),
        "consistency": lambda: Consistency(fabric, mains[0], anchors, plan.span),
        "fourier": Fourier,
        "gradnorm": lambda: GradientNorms(fabric, mains[0].name),
        "privileged": lambda: Privileged(fabric, mains, anchors, plan.span, augment),
        "teacher": lambda: Teacher(network, mains),
        "checked": lambda: Teacher(network, mains, anchors),
        "uncertainty": lambda: Uncertainty(fabric, [task.name for task in (*mains, *anchors)]),
    }
    parts = [make() for name, make in makers.items() if name in phase.parts]
    return [*parts, FeatureDistance()] if phase.branch == "transfer" else parts


def check_parts(settings: Settings, recipes: Sequence[Recipe], roles: Mapping[str, Sequence[Task]]) -> None:
    """The parts of these recipes can do with these tasks and this network.

    Raises:
        InputError: one cannot; the message says why.
    """
    mains, architecture = [task.name for task in roles["main"]], settings.architecture
    tasks = [task for of in roles.values() for task in of]
    points = [task.name for task in tasks if not task.dense]
    unjudged = [task.name for task in tasks if task.error is None or not task.dense]
    wrong = [name for name in unjudged if name in mains]
    for recipe in recipes:
        fault = ""
        if "teacher" in recipe.parts and wrong:
            fault = f"the part 'teacher' needs a main task with an error for each pixel, and '{wrong[0]}' has none"
        if "checked" in recipe.parts and unjudged:
            fault = f"the part 'checked' needs tasks with an error for each pixel, and '{unjudged[0]}' has none"
        if "consistency" in recipe.parts and points:
            fault = f"the part 'consistency' needs labels for each pixel, and '{points[0]}' has points"
        if "aligned" in recipe.parts and (scattered := [task.name for task in roles["anchor"] if not task.dense]):
            fault = f"the part 'aligned' needs anchors with labels for each pixel, and '{scattered[0]}' has points"
        if "aligned" in recipe.parts and settings.pair.augment == "none":
            fault = "the part 'aligned' turns cameras, and augment is none"
        if "privileged" in recipe.parts and (unmapped := [name for name in points if name in mains]):
            fault = f"the part 'privileged' needs main tasks with labels for each pixel, and '{unmapped[0]}' has points"
        if "consistency" in recipe.parts and len(mains) > 1:
            fault = f"the part 'consistency' needs a single main task, and main is {','.join(mains)}"
        if "reading" in recipe.parts and architecture.own:
            fault = f"the part 'reading' is built into our networks, and '{architecture.backbone}' is your own"
        if "gradnorm" in recipe.parts and architecture.own:
            fault = f"the part 'gradnorm' needs features that '{architecture.backbone}' may not give"
        if "adabn" in recipe.parts and architecture.norm == "frozen":
            fault = "the part 'adabn' takes new batch statistics, and norm is frozen"
        if fault:
            raise InputError(f"recipe '{recipe.name}': {fault}; leave the part out")
