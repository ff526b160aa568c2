"""Did the adversary do its work? The paper's sign of success is a discriminator accuracy "very frequently below 55 %".

It is read from every step's accuracy, and guarded by a probe: a discriminator that never could tell the domains apart
says nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

CONFUSED_BELOW = 0.55
TELLS_FROM = 0.65
"""Accuracy from which a probe counts as telling the domains apart."""
_SMOOTHING_STEPS = 20
_FEWEST_STEPS = 2 * _SMOOTHING_STEPS
_LAST_SHARE = 0.5


def confused_share(accuracies: Sequence[float]) -> float:
    """In how many of the last half of the steps the accuracy, a running mean over 20 steps, was below 55 %."""
    values = smoothed(accuracies)
    last = values[int(len(values) * (1 - _LAST_SHARE)) :]
    return float(np.mean(last < CONFUSED_BELOW)) if len(last) else float("nan")


def smoothed(values: Sequence[float]) -> np.ndarray:
    """Mean of every step and the 19 before it, as far as there are any."""
    sums = np.cumsum([0.0, *values])
    end = np.arange(1, len(sums))
    start = np.maximum(end - _SMOOTHING_STEPS, 0)
    return (sums[end] - sums[start]) / (end - start)


def indicator(accuracies: Mapping[str, Sequence[float]], probes: Mapping[str, float]) -> dict[str, Any]:
    """What a phase with an adversary reports.

    Args:
        accuracies: by level, the discriminator's accuracy at every step.
        probes: by level, the accuracy of a fresh discriminator, trained on features or outputs of the finished network.

    Returns:
        {"levels": {level: {"accuracy", "confused_share", "probe"}}, "verdict": a sentence for each level}.
    """
    levels = {
        level: {
            "accuracy": float(smoothed(values)[-1]),
            "confused_share": confused_share(values),
            "probe": probes[level],
        }
        for level, values in accuracies.items()
        if len(values)
    }
    steps = max((len(values) for values in accuracies.values()), default=0)
    if steps < _FEWEST_STEPS:
        return {"levels": levels, "verdict": f"{steps} steps are too few to judge the adversary by"}
    return {"levels": levels, "verdict": "; ".join(f"{level}: {verdict(**values)}" for level, values in levels.items())}


def verdict(accuracy: float, confused_share: float, probe: float) -> str:
    """What one level's numbers say, in words."""
    seen = f"below {CONFUSED_BELOW:.0%} in {confused_share:.0%} of the last steps"
    if confused_share < 0.5:
        return f"the discriminator wins: {seen}, {accuracy:.0%} at the end"
    if probe >= TELLS_FROM:
        return f"too weak to tell anything: {seen}, but a fresh one trained afterwards tells the domains in {probe:.0%}"
    return f"confused: {seen}, and a fresh one trained afterwards reaches {probe:.0%}"
