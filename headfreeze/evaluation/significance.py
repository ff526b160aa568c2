"""How sure differences between methods are: every pair tested over images and seeds, corrected for their number."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from jaxtyping import Float

from headfreeze.evaluation.resampling import Resampling

LEVEL = 0.05
"""p-values below are significant; intervals hold 1 − LEVEL of the draws."""


@dataclass(frozen=True)
class PairTest:
    """The pooled score of one method minus another's, and how sure that is; NaN where nothing can be said.

    Attributes:
        value: the difference on all images, averaged over the seeds that both have.
        low: lower end of the 95 % interval, over images and seeds; with one seed, over images alone.
        high: its upper end.
        p: two-sided: below 0.05 where the interval leaves out zero.
        p_holm: p after Holm's correction over all pairs.
        p_wilcoxon: Wilcoxon's signed-rank test over images (groups), scores averaged over seeds: a second opinion that
            does not see how seeds differ.
        bootstrap_low: 2.5 % quantile of the plain hierarchical bootstrap, too narrow for few seeds.
        bootstrap_high: its 97.5 % quantile.
        seeds: how many both have.
        images: how many have something to score.
        groups: how many groups of images were drawn; each image is its own where nothing is said of groups.
    """

    value: float
    low: float
    high: float
    p: float
    p_holm: float
    p_wilcoxon: float
    bootstrap_low: float
    bootstrap_high: float
    seeds: int
    images: int
    groups: int

    @property
    def certain(self) -> bool:
        """Whether the difference is significant after Holm's correction."""
        return self.p_holm < LEVEL

    def swapped(self) -> "PairTest":
        """The other method minus this one."""
        return replace(
            self,
            value=-self.value,
            low=-self.high,
            high=-self.low,
            bootstrap_low=-self.bootstrap_high,
            bootstrap_high=-self.bootstrap_low,
        )


def pair_tests(resampling: Resampling) -> dict[tuple[str, str], PairTest]:
    """Every pair of methods, in their order."""
    pairs = list(combinations(resampling.seeds, 2))
    tests = [_tested(resampling, *pair) for pair in pairs]
    corrected = holm([test.p for test in tests])
    return {pair: replace(t, p_holm=p) for pair, t, p in zip(pairs, tests, corrected, strict=True)}


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm, Scand. J. Stat. 6, 1979); NaN stays NaN and does not count."""
    values = np.asarray(p, float)
    order = np.argsort(values)[: np.isfinite(values).sum()]  # NaN come last
    stepped = np.maximum.accumulate(values[order] * np.arange(len(order), 0, -1))
    corrected = np.full(len(values), np.nan)
    corrected[order] = np.minimum(stepped, 1)
    return corrected.tolist()


def ratio_interval(
    numerator: Float[np.ndarray, " draws"], denominator: Float[np.ndarray, " draws"]
) -> tuple[float, float]:
    """The 95 % interval of a ratio; NaN where the denominator may be zero, and the ratio anything.

    A draw whose denominator is zero or of the other sign than most counts at both ends, as in Fieller's interval.
    """
    sign = np.sign(np.median(denominator))
    usable = denominator * sign > 0
    if np.mean(~usable) >= LEVEL / 2:
        return np.nan, np.nan
    ratio = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=usable)
    low = float(np.quantile(np.where(usable, ratio, -np.inf), LEVEL / 2, method="lower"))
    high = float(np.quantile(np.where(usable, ratio, np.inf), 1 - LEVEL / 2, method="higher"))
    return (low, high) if np.isfinite([low, high]).all() else (np.nan, np.nan)


def _tested(resampling: Resampling, method: str, other: str) -> PairTest:
    """The pair's test, not corrected yet."""
    seeds = resampling.common(method, other)
    found = resampling.difference(method, other, seeds)
    if found is None or resampling.units < 2:  # one image says nothing of others
        return _untested(resampling, found.value if found else np.nan, np.nan, np.nan, len(seeds))
    ours, theirs = (resampling.by_image(name, seeds) for name in (method, other))
    if np.array_equal(ours, theirs):  # the same runs; their draws differ by rounding errors
        return _untested(resampling, 0.0, 0.0, 1.0, len(seeds))
    low, high = _interval(found.draws)
    bootstrap_low, bootstrap_high = _interval(found.bootstrap)
    p = _two_sided(found.draws)
    return PairTest(
        value=found.value,
        low=low,
        high=high,
        p=p,
        p_holm=p,
        p_wilcoxon=_wilcoxon(ours.mean(0) - theirs.mean(0)),
        bootstrap_low=bootstrap_low,
        bootstrap_high=bootstrap_high,
        seeds=len(seeds),
        images=resampling.images,
        groups=resampling.units,
    )


def _untested(resampling: Resampling, value: float, end: float, p: float, seeds: int) -> PairTest:
    return PairTest(value, end, end, p, p, p, end, end, seeds, resampling.images, resampling.units)


def _interval(draws: Float[np.ndarray, " draws"]) -> tuple[float, float]:
    low, high = np.quantile(draws, np.array([LEVEL / 2, 1 - LEVEL / 2]))
    return float(low), float(high)


def _two_sided(draws: Float[np.ndarray, " draws"]) -> float:
    """Twice the share of draws beyond zero, the difference at hand counted among them: never 0."""
    beyond = min(np.count_nonzero(draws <= 0), np.count_nonzero(draws >= 0))
    return min(1.0, 2 * (int(beyond) + 1) / (len(draws) + 1))


def _wilcoxon(differences: Float[np.ndarray, " images"]) -> float:
    from scipy import stats  # half a second that `--help` does not need

    return float(stats.wilcoxon(differences).pvalue) if differences.any() else 1.0
