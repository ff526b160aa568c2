"""From names in a phase to its parts."""

from collections.abc import Callable, Mapping, Sequence

from lightning.fabric import Fabric
from torch import nn

from headfreeze.data.augment import Augment
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


def part_problems(settings: Settings, recipes: Sequence[Recipe], roles: Mapping[str, Sequence[Task]]) -> list[str]:
    """Why parts of these recipes cannot do with these tasks and this network, a line each."""
    mains, anchors, architecture = roles["main"], roles["anchor"], settings.architecture
    names = ",".join(task.name for task in mains)
    unjudged, unjudged_main = _first(_unjudged, [*mains, *anchors]), _first(_unjudged, mains)
    points, main_points, anchor_points = (_first(_of_points, tasks) for tasks in ([*mains, *anchors], mains, anchors))
    table: tuple[tuple[str, object, str], ...] = (  # part, whether it cannot do, why
        ("teacher", unjudged_main, f"needs a main task with an error for each pixel, and '{unjudged_main}' has none"),
        ("checked", unjudged, f"needs tasks with an error for each pixel, and '{unjudged}' has none"),
        ("consistency", points, f"needs labels for each pixel, and '{points}' has points"),
        ("consistency", len(mains) > 1, f"needs a single main task, and main is {names}"),
        ("aligned", anchor_points, f"needs anchors with labels for each pixel, and '{anchor_points}' has points"),
        ("aligned", settings.pair.augment == "none", "turns cameras, and augment is none"),
        ("privileged", main_points, f"needs main tasks with labels for each pixel, and '{main_points}' has points"),
        ("reading", architecture.own, f"is built into our networks, and '{architecture.backbone}' is your own"),
        ("gradnorm", architecture.own, f"needs features that '{architecture.backbone}' may not give"),
        ("adabn", architecture.norm == "frozen", "takes new batch statistics, and norm is frozen"),
    )
    return [
        f"recipe '{recipe.name}': the part '{part}' {why}; leave the part out"
        for recipe in recipes
        for part, wrong, why in table
        if wrong and part in recipe.parts
    ]


def _first(wrong: Callable[[Task], bool], tasks: Sequence[Task]) -> str:
    """The name of the first such task; empty where there is none."""
    return next((task.name for task in tasks if wrong(task)), "")


def _unjudged(task: Task) -> bool:
    return task.error is None or not task.dense


def _of_points(task: Task) -> bool:
    return not task.dense
