"""Images that belong together are drawn together: against copies, SciPy over groups, and how often it is wrong."""

import numpy as np
import pytest
from scipy import stats

from headfreeze.evaluation.resampling import Resampling
from headfreeze.evaluation.significance import PairTest, pair_tests


def compared(
    method: np.ndarray,
    other: np.ndarray,
    groups: list[str] | None,
    weights: np.ndarray | None = None,
    root: bool = False,
    draws: int = 10_000,
) -> PairTest:
    """Scores of two methods, seeds × images."""
    scores = {name: dict(enumerate(values)) for name, values in (("a", method), ("b", other))}
    weights = np.ones(method.shape[1]) if weights is None else weights
    return pair_tests(Resampling(scores, weights, groups=groups, root=root, draws=draws))["a", "b"]


def names(count: int, each: int = 1) -> list[str]:
    return [f"group {k}" for k in range(count) for _ in range(each)]


def numbers(test: PairTest) -> list[float]:
    return [test.value, test.low, test.high, test.p, test.p_wilcoxon]


def test_where_each_image_is_its_own_group_nothing_changes() -> None:
    rng = np.random.default_rng(0)
    method, other = rng.gamma(2, 10, (2, 3, 40))
    weights = rng.integers(1, 100, 40).astype(float)
    found, plain = compared(method, other, names(40), weights), compared(method, other, None, weights)
    assert numbers(found) == pytest.approx(numbers(plain))
    assert (found.groups, found.images, plain.groups) == (40, 40, 40)


def test_copies_of_images_make_nothing_surer_where_it_is_said_that_they_are_copies() -> None:
    rng = np.random.default_rng(1)
    other = rng.gamma(2, 10, (2, 12))
    method = other + rng.normal(0.5, 1, 12) + rng.normal(0, 0.1, (2, 12))
    once = compared(method, other, None)
    copied = [np.repeat(values, 9, axis=1) for values in (method, other)]
    found = compared(*copied, names(12, 9))
    assert numbers(found) == pytest.approx(numbers(once), rel=1e-6)
    assert (found.groups, found.images) == (12, 108)
    unsaid = compared(*copied, None)
    assert unsaid.high - unsaid.low < 0.5 * (once.high - once.low), "what groups are there to prevent"


def test_with_one_seed_it_is_scipys_bootstrap_over_groups() -> None:
    rng = np.random.default_rng(2)
    sizes = rng.integers(1, 8, 150)
    which = np.repeat(np.arange(150), sizes)
    method, other = rng.gamma(2, 10, (2, len(which))) + rng.gamma(2, 10, (2, 150))[:, which]
    weights = rng.integers(1, 50, len(which)).astype(float)
    sums = np.bincount(which, (method - other) * weights)
    totals = np.bincount(which, weights)
    expected = stats.bootstrap(
        (sums, totals), lambda s, t, axis: s.sum(axis) / t.sum(axis), paired=True, method="percentile", rng=3
    ).confidence_interval
    order = rng.permutation(len(which))  # images of a group need not lie side by side
    found = compared(method[None, order], other[None, order], [f"{k}" for k in which[order]], weights[order])
    slack = 0.04 * (expected.high - expected.low)
    assert found.value == pytest.approx(np.average(method - other, weights=weights))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=slack)


def test_the_pooled_score_is_that_of_the_images_roots_too() -> None:
    rng = np.random.default_rng(3)
    method, other = rng.gamma(2, 10, (2, 2, 20))
    weights = rng.integers(1, 50, 20).astype(float)
    found = compared(method, other, names(5, 4), weights, root=True)
    rmse = [np.sqrt(np.average(values**2, axis=1, weights=weights)).mean() for values in (method, other)]
    assert found.value == pytest.approx(rmse[0] - rmse[1])


def test_images_that_are_not_judged_leave_their_group_to_the_others() -> None:
    rng = np.random.default_rng(4)
    method, other = rng.gamma(2, 10, (2, 2, 12))
    weights = np.ones(12)
    weights[[0, 5]] = 0
    method[:, 7] = other[:, 7] = np.nan
    kept = [1, 2, 3, 4, 6, 8, 9, 10, 11]
    groups = names(4, 3)
    found = compared(method, other, groups, weights)
    assert found == compared(method[:, kept], other[:, kept], [groups[k] for k in kept])
    assert (found.groups, found.images) == (4, 9)
    nothing = compared(method, other, groups, np.zeros(12))
    assert (nothing.groups, nothing.images) == (0, 0)
    assert np.isnan(nothing.p)


def test_one_group_says_nothing_of_others() -> None:
    rng = np.random.default_rng(5)
    found = compared(*rng.gamma(2, 10, (2, 3, 30)), names(1, 30))
    assert np.isnan([found.low, found.high, found.p, found.p_wilcoxon]).all()
    assert found.value != 0
    assert not found.certain


@pytest.mark.parametrize(("seeds", "wrong"), [(1, 80), (3, 40)])
def test_equal_methods_are_rarely_told_apart_though_their_groups_differ(seeds: int, wrong: int) -> None:
    rng = np.random.default_rng(seeds)
    said = unsaid = 0
    for _ in range(200):
        of_groups = np.repeat(rng.normal(0, 1, 10), 8)
        difference = of_groups + rng.normal(0, 0.5, (seeds, 80)) + rng.normal(0, 0.1, (seeds, 1))
        said += compared(difference, np.zeros((seeds, 80)), names(10, 8), draws=500).p < 0.05
        unsaid += compared(difference, np.zeros((seeds, 80)), None, draws=500).p < 0.05
    assert said <= 20, "5 % of 200 are 10"
    assert unsaid >= wrong, "or groups would not be needed"


@pytest.mark.parametrize("sizes", [[12] * 7 + [1] * 60, [60, 48, 38, 30, 24, 19, 15, 12, 10, 8, 6, 5, 4, 3, 2]])
def test_groups_of_unequal_sizes_are_as_good_as_fewer_equal_ones(sizes: list[int]) -> None:
    rng = np.random.default_rng(len(sizes))
    which = np.repeat(np.arange(len(sizes)), sizes)
    groups, nothing = [str(k) for k in which], np.zeros((1, len(which)))
    wrong = sum(
        compared(
            rng.normal(0, 1, len(sizes))[None, which] + rng.normal(0, 0.5, (1, len(which))), nothing, groups, draws=500
        ).p
        < 0.05
        for _ in range(300)
    )
    assert 3 <= wrong <= 24, "5 % of 300 are 15"
