"""Which test images to show: by a rule, so that nobody has picked them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headfreeze.comparison.results import BASELINE, ORACLE, Results

_BY_GAIN = (
    (1.0, "helped most"),
    (0.75, "helped more than three quarters of the images"),
    (0.5, "helped as much as the median image"),
    (0.25, "helped less than three quarters of the images"),
    (0.0, "helped least, or harmed most"),
)
_BY_SCORE = ((1.0, "best"), (0.5, "median"), (0.0, "worst"))


@dataclass(frozen=True)
class Choice:
    """An image and why it is shown."""

    id: str
    reason: str


def contender(results: Results) -> str | None:
    """The recipe whose images are looked at: the best of those that adapt, else the best that there is."""
    sign = 1 if results.task.lower_is_better else -1
    adapted = [name for name in results.metrics if name not in (BASELINE, ORACLE)] or list(results.metrics)
    means = {name: sign * results.mean(name)[results.task.score] for name in adapted}
    known = {name: value for name, value in means.items() if not np.isnan(value)}
    return min(known, key=lambda name: known[name]) if known else next(iter(adapted), None)


def chosen(results: Results) -> list[Choice]:
    """Images at fixed quantiles: of what the contender gains over the baseline, and of its own score.

    An image that two rules name is shown once, with both reasons. Scores are means over the seeds; images without a
    valid pixel are passed over.
    """
    name = contender(results)
    if name is None:
        return []
    reasons: dict[str, list[str]] = {}
    own = _scores(results, name)
    if name != BASELINE and BASELINE in results.metrics:
        baseline = _scores(results, BASELINE)
        gains = {key: own[key] - baseline[key] for key in own if key in baseline}
        for key, why in _at_quantiles(gains, _BY_GAIN):
            reasons.setdefault(key, []).append(f"{name} {why}")
    for key, why in _at_quantiles(own, _BY_SCORE):
        reasons.setdefault(key, []).append(f"{why} {results.resampled} of {name}")
    return [Choice(key, "; ".join(why)) for key, why in reasons.items()]


def _scores(results: Results, recipe: str) -> dict[str, float]:
    """By image, its score averaged over seeds, higher is better."""
    sign = -1 if results.task.lower_is_better else 1
    values: dict[str, list[float]] = {}
    for rows in results.images[recipe].values():
        for row in rows:
            values.setdefault(str(row["id"]), []).append(sign * float(row[results.resampled]))
    means = {key: float(np.mean(each)) for key, each in values.items()}
    return {key: mean for key, mean in means.items() if not np.isnan(mean)}


def _at_quantiles(values: dict[str, float], rules: tuple[tuple[float, str], ...]) -> list[tuple[str, str]]:
    if not values:
        return []
    keys = list(values)
    numbers: Float[np.ndarray, " n"] = np.array([values[key] for key in keys])
    order = np.argsort(numbers, kind="stable")
    return [(keys[order[round(quantile * (len(keys) - 1))]], why) for quantile, why in rules]
