"""How numbers are written in a report."""

import math

from headfreeze.tasks.base import Task

_TITLES = {
    "below_11_25": "< 11.25°",
    "below_22_5": "< 22.5°",
    "below_30": "< 30°",
    "rmse": "RMSE",
    "mean": "mean",
    "median": "median",
    "miou": "mIoU",
    "pixel_accuracy": "pixel accuracy",
    "abs_rel": "abs. rel.",
    "nme": "NME",
}
_HIGHER_IS_BETTER = ("below_", "delta_", "iou_", "miou", "pixel_accuracy", "auc_")
_THREE_PLACES = (*_HIGHER_IS_BETTER, "failure_rate", "abs_rel", "rmse_")
_FOUR_PLACES = ("nme",)
_DEGREES = ("rmse", "mean", "median")


def title(metric: str) -> str:
    """A metric's name for people."""
    return _TITLES.get(metric, metric.replace("_", " "))


def lower_is_better(metric: str) -> bool:
    """In which direction a metric is good."""
    return not metric.startswith(_HIGHER_IS_BETTER)


def number(metric: str, value: float, signed: bool = False) -> str:
    """A value with as many places as are worth reading; a dash where there is none."""
    if math.isnan(value):
        return "–"
    places = 4 if metric.startswith(_FOUR_PLACES) else 3 if metric.startswith(_THREE_PLACES) else 2
    text = f"{value:+.{places}f}" if signed else f"{value:.{places}f}"
    return text.replace("-", "−")


def unit(task: Task, metric: str) -> str:
    """What stands behind a value of a metric."""
    return "°" if task.kind == "normals" and metric in _DEGREES else ""


def percent(share: float) -> str:
    """A share as a whole percentage; a dash where there is none."""
    return "–" if math.isnan(share) else f"{share:.0%}".replace("-", "−")


def probability(p: float) -> str:
    """A p-value as papers print it."""
    if math.isnan(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def duration(seconds: float) -> str:
    """Time that is left or was taken, in one unit or two."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 48 else f"{hours / 24:.0f} days"


def listed(names: list[str], joint: str = "and") -> str:
    """'a', 'a and b', 'a, b and c'."""
    return f" {joint} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
