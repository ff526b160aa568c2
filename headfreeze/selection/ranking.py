"""Runs in the order of what validators say of them."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import rankdata

from headfreeze.selection.names import COMBINED, MEASURING

Values = Sequence[Mapping[str, float]]
"""By run, its finite values by validator."""


def scores(values: Values, validator: str) -> list[float]:
    """What runs are ranked by, low is good: a validator's values or the mean of ranks; NaN where it says nothing."""
    if validator != COMBINED:
        return [each.get(validator, math.nan) for each in values]
    ranks = [_ranks(values, name) for name in MEASURING]
    with np.errstate(invalid="ignore"):
        return [_mean([each[i] for each in ranks]) for i in range(len(values))]


def _ranks(values: Values, name: str) -> list[float]:
    """Of every run among those that the validator says something of, 0 … 1; NaN where these are not all runs or one.

    A rank among a few runs, such as those with an adversary, is no rank among all.
    """
    there = scores(values, name)
    if len(there) < 2 or not all(map(math.isfinite, there)):
        return [math.nan] * len(there)
    return [(rank - 1) / (len(there) - 1) for rank in rankdata(there)]


def _mean(ranks: Sequence[float]) -> float:
    known = [rank for rank in ranks if math.isfinite(rank)]
    return sum(known) / len(known) if known else math.nan
