"""How numbers are written in tables and sentences: to a fixed precision for each metric, so that columns line up."""

import math
from collections.abc import Iterable

TITLES = {"below_11_25": "< 11.25°", "below_22_5": "< 22.5°", "below_30": "< 30°"}
_SHARES = ("below_", "delta_", "iou_", "miou", "pixel_accuracy", "auc_", "failure_rate", "abs_rel", "rmse_")
_SMALL = ("nme",)
_SMALLEST_P = 0.001
NONE = "–"


def title(metric: str) -> str:
    """A metric as the head of a column."""
    return TITLES.get(metric, metric)


def digits(metric: str) -> int:
    """Decimal places of a metric."""
    return 4 if metric.startswith(_SMALL) else 3 if metric.startswith(_SHARES) else 2


def precision(metrics: Iterable[str]) -> str:
    """To what each metric is written."""
    found: dict[int, list[str]] = {}
    for metric in metrics:
        found.setdefault(digits(metric), []).append(title(metric))
    return ", ".join(f"{10**-places:.{places}f} ({', '.join(names)})" for places, names in found.items())


def number(metric: str, value: float) -> str:
    """A value of a metric; a dash for one that does not exist, such as the overlap of a class that is nowhere."""
    if not math.isfinite(value):
        return NONE
    return f"{value:.{digits(metric)}f}".replace("-", "−")


def signed(metric: str, value: float) -> str:
    """A difference, with its sign."""
    text = number(metric, value)
    return text if text == NONE or text.startswith("−") else "+" + text


def p_value(p: float) -> str:
    """To a thousandth."""
    if math.isnan(p):
        return NONE
    return f"< {_SMALLEST_P}" if p < _SMALLEST_P else f"{p:.3f}"


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{round(100 * share)}".replace("-", "−") + " %" if math.isfinite(share) else NONE


def percents(low: float, high: float) -> str:
    """An interval of shares."""
    return f"{percent(low).removesuffix(' %')} … {percent(high)}"
