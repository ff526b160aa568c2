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
_OFTEN = 0.5
"""Share of the steps: the paper's "very frequently"."""


def confused_share(accuracies: Sequence[float]) -> float:
    """In how many of the last half of the steps the accuracy, a running mean over 20 steps, was below 55 %."""
    values = smoothed(accuracies)
    last = values[int(len(values) * (1 - _LAST_SHARE)) :]
    return sum(value < CONFUSED_BELOW for value in last) / len(last)


def smoothed(values: Sequence[float]) -> list[float]:
    """Mean of every step and the 19 before it, as far as there are any."""
    sums = np.cumsum([0.0, *values])
    end = np.arange(1, len(sums))
    start = np.maximum(end - _SMOOTHING_STEPS, 0)
    means: list[float] = ((sums[end] - sums[start]) / (end - start)).tolist()
    return means


def indicator(accuracies: Mapping[str, Sequence[float]], probes: Mapping[str, float]) -> dict[str, Any]:
    """What a phase with an adversary reports.

    Args:
        accuracies: by level, the discriminator's accuracy at every step.
        probes: by level, the accuracy of a fresh discriminator, trained on features or outputs of the finished network;
            empty where there were too few images for one.

    Returns:
        {"levels": {level: {"accuracy", "confused_share", "probe", "confused"}}, "verdict": a sentence for each level}.
        "probe" is None where there is none; "confused" is None where nothing can be said.
    """
    steps = max((len(values) for values in accuracies.values()), default=0)
    levels = {level: _level(values, probes.get(level)) for level, values in accuracies.items() if len(values)}
    if steps < _FEWEST_STEPS:
        verdict = f"{steps} steps are too few to judge the adversary by"
    else:
        verdict = "; ".join(f"{level}: {_verdict(**values)}" for level, values in levels.items())
    return {"levels": levels, "verdict": verdict}


def _level(accuracies: Sequence[float], probe: float | None) -> dict[str, Any]:
    share, confused = confused_share(accuracies), None
    if len(accuracies) >= _FEWEST_STEPS:
        often = share >= _OFTEN
        confused = (None if probe is None else probe < TELLS_FROM) if often else False
    return {"accuracy": smoothed(accuracies)[-1], "confused_share": share, "probe": probe, "confused": confused}


def _verdict(accuracy: float, confused_share: float, probe: float | None, confused: bool | None) -> str:
    """What one level's numbers say, in words."""
    seen = f"below {CONFUSED_BELOW:.0%} in {confused_share:.0%} of the last steps"
    if confused_share < _OFTEN:
        return f"the discriminator wins: {seen}, {accuracy:.0%} at the end"
    if probe is None:
        return f"nothing can be said: {seen}, but there are too few images to train a fresh one that could prove it"
    if not confused:
        return f"too weak to tell anything: {seen}, but a fresh one trained afterwards tells the domains in {probe:.0%}"
    return f"confused: {seen}, and a fresh one trained afterwards reaches {probe:.0%}"
