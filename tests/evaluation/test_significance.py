"""Tests of pairs against SciPy, against every resample there is, closed forms, and by how often they are wrong."""

import time
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from headfreeze.evaluation.resampling import Resampling
from headfreeze.evaluation.significance import PairTest, holm, pair_tests, ratio_interval


def compared(
    method: np.ndarray, other: np.ndarray, weights: np.ndarray | None = None, draws: int = 10_000, **options: bool
) -> PairTest:
    """Scores of two methods, seeds × images."""
    scores = {name: dict(enumerate(values)) for name, values in (("a", method), ("b", other))}
    weights = np.ones(method.shape[1]) if weights is None else weights
    return pair_tests(Resampling(scores, weights, draws=draws, **options))["a", "b"]


def false_positives(repetitions: int, seeds: int, images: int, of_seeds: float, of_images: float, both: float) -> int:
    """How often two equal methods are told apart; deviations in units of what they contribute to a pooled mean."""
    rng = np.random.default_rng([seeds, images])
    count = 0
    for _ in range(repetitions):
        difference = (
            rng.normal(0, of_seeds, (seeds, 1))
            + of_images * np.sqrt(images) * (rng.gamma(1, 1, images) - 1)
            + both * np.sqrt(images) * rng.standard_t(5, (seeds, images))
        )
        count += compared(difference, np.zeros((seeds, images)), draws=500).p < 0.05
    return count


def test_with_one_seed_it_is_scipys_paired_bootstrap_of_the_pooled_mean() -> None:
    rng = np.random.default_rng(0)
    method, other = rng.gamma(2, 10, (2, 1, 400))
    weights = rng.integers(1, 1000, 400).astype(float)

    def statistic(a: np.ndarray, b: np.ndarray, w: np.ndarray, axis: int) -> np.ndarray:
        return ((a - b) * w).sum(axis) / w.sum(axis)

    expected = stats.bootstrap(
        (method[0], other[0], weights), statistic, paired=True, method="percentile", n_resamples=10_000, rng=1
    ).confidence_interval
    found = compared(method, other, weights)
    slack = 0.03 * (expected.high - expected.low)
    assert found.value == pytest.approx(np.average(method[0] - other[0], weights=weights))
    for low, high in ((found.low, found.high), (found.bootstrap_low, found.bootstrap_high)):
        assert low == pytest.approx(expected.low, abs=slack)
        assert high == pytest.approx(expected.high, abs=slack)


def test_the_plain_bootstrap_draws_from_all_resamples_of_images_and_seeds() -> None:
    rng = np.random.default_rng(1)
    method, other = rng.normal(0, 1, (2, 3, 4))
    weights = np.array([5.0, 1, 3, 2])
    everything = np.sort(
        [
            ((method - other)[np.ix_(seeds, images)] * weights[list(images)]).sum(1).mean()
            / weights[list(images)].sum()
            for seeds in product(range(3), repeat=3)
            for images in product(range(4), repeat=4)
        ]
    )
    found = compared(method, other, weights)
    low, high = (np.quantile(everything, [q - 0.006, q + 0.006]) for q in (0.025, 0.975))
    assert low[0] <= found.bootstrap_low <= low[1]
    assert high[0] <= found.bootstrap_high <= high[1]


def test_where_only_seeds_differ_it_is_students_t_test_over_seeds() -> None:
    for seeds in (2, 3, 5):
        by_seed = np.random.default_rng(seeds).normal(1, 1, seeds)
        found = compared(np.repeat(by_seed[:, None], 7, 1), np.zeros((seeds, 7)), draws=200_000)
        expected = stats.ttest_1samp(by_seed, 0)
        assert found.p == pytest.approx(expected.pvalue, abs=0.01)
        low, high = expected.confidence_interval()
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.03 * (high - low))


def test_where_few_images_alone_differ_it_is_about_students_t_test_over_images() -> None:
    differences = np.random.default_rng(3).normal(0.5, 1, 10)
    found = compared(differences[None], np.zeros((1, 10)), draws=100_000)
    assert found.p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.02)
    assert found.bootstrap_high - found.bootstrap_low < 0.9 * (found.high - found.low), "the plain one is too sure"


def test_seeds_of_other_methods_tell_how_much_seeds_vary() -> None:
    """All pairs' variance where the pair's own is smaller, with its degrees of freedom; else the pair's own."""
    rng = np.random.default_rng(4)
    runs = rng.normal(0, 1, (5, 3))  # methods × seeds
    scores = {str(m): {s: np.full(6, runs[m, s]) for s in range(3)} for m in range(5)}
    tests = pair_tests(Resampling(scores, np.ones(6), draws=200_000))
    own = {(a, b): (runs[a] - runs[b]).var(ddof=1) for a, b in combinations(range(5), 2)}
    pooled = np.mean(list(own.values()))
    assert pooled == pytest.approx(2 * (runs - runs.mean(0) - runs.mean(1, keepdims=True) + runs.mean()).var() * 15 / 8)
    assert min(own.values()) < pooled < max(own.values())
    for (a, b), variance in own.items():
        t = (runs[a] - runs[b]).mean() / np.sqrt(max(variance, pooled) / 3)
        assert tests[str(a), str(b)].p == pytest.approx(2 * stats.t.sf(abs(t), 4 * 2), abs=0.01)


def test_root_mean_squares_are_pooled_as_squares() -> None:
    rng = np.random.default_rng(5)
    method, other = rng.gamma(4, 5, (2, 1, 300))
    weights = rng.integers(1, 9, 300).astype(float)

    def statistic(a: np.ndarray, b: np.ndarray, w: np.ndarray, axis: int) -> np.ndarray:
        return np.sqrt((a**2 * w).sum(axis) / w.sum(axis)) - np.sqrt((b**2 * w).sum(axis) / w.sum(axis))

    expected = stats.bootstrap(
        (method[0], other[0], weights), statistic, paired=True, method="percentile", n_resamples=10_000, rng=1
    ).confidence_interval
    found = compared(method, other, weights, root=True)
    assert found.value == pytest.approx(statistic(method[0], other[0], weights, 0))
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.03 * (expected.high - expected.low))
    twice = compared(np.repeat(method, 2, 0), np.repeat(other, 2, 0), weights, root=True)
    assert (twice.low, twice.high) == pytest.approx((found.low, found.high), abs=0.01), "a second, equal seed"


def test_wilcoxons_test_is_scipys_on_scores_averaged_over_seeds() -> None:
    method, other = np.random.default_rng(6).gamma(2, 10, (2, 3, 60))
    expected = stats.wilcoxon(method.mean(0), other.mean(0)).pvalue
    assert compared(method, other).p_wilcoxon == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_holm_is_the_closed_test_of_bonferronis(p: list[float]) -> None:
    """A hypothesis is rejected where every set of hypotheses with it in it is."""
    others = range(len(p))
    expected = [
        max(
            min(1.0, len(chosen) * min(p[k] for k in chosen))
            for size in range(1, len(p) + 1)
            for chosen in combinations(others, size)
            if i in chosen
        )
        for i in others
    ]
    assert holm(p) == pytest.approx(expected)


def test_holm_does_not_count_what_could_not_be_tested() -> None:
    corrected = holm([0.01, np.nan, 0.04])
    assert (corrected[0], corrected[2]) == pytest.approx((0.02, 0.04))
    assert np.isnan(corrected[1])
    assert holm([]) == []


@pytest.mark.parametrize("together", [False, True], ids=["images and seeds", "images"])
def test_shuffled_labels_are_told_apart_in_about_5_of_100_cases(together: bool) -> None:
    """Two methods that differ much, until their labels are shuffled for each image (and seed)."""
    rng = np.random.default_rng(7)
    images = 60
    own = rng.gamma(2, 10, images)
    repetitions, count = 400, 0
    for _ in range(repetitions):
        method, other = own + rng.normal(0, 3, (2, 3, images)) + np.array([2.0, 0]).reshape(2, 1, 1)
        swapped = rng.random((1 if together else 3, images)) < 0.5
        count += compared(np.where(swapped, other, method), np.where(swapped, method, other), draws=500).p < 0.05
    low, high = stats.binom.ppf([0.001, 0.999], repetitions, 0.05)
    assert low <= count <= high


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
@pytest.mark.parametrize("together", [False, True], ids=["images and seeds", "images"])
def test_shuffled_labels_of_three_methods_are_rarely_told_apart(seeds: int, together: bool) -> None:
    rng = np.random.default_rng([8, seeds, together])
    images, repetitions = 100, 800
    own = rng.gamma(2, 10, images)
    single = family = 0
    for _ in range(repetitions):
        runs = own + rng.normal(0, 3, (3, seeds, images)) + np.array([2.0, 1, 0]).reshape(3, 1, 1)
        order = rng.random((3, 1 if together else seeds, images)).argsort(0)
        runs = np.take_along_axis(runs, np.broadcast_to(order, runs.shape), 0)
        scores = {str(m): dict(enumerate(run)) for m, run in enumerate(runs)}
        tests = pair_tests(Resampling(scores, np.ones(images), draws=1000))
        single += tests["0", "1"].p < 0.05
        family += any(test.certain for test in tests.values())
    low, high = stats.binom.ppf([0.0005, 0.9995], repetitions, 0.05)
    assert 0.5 * low <= single <= high, "the greater of two variances makes it a little careful"
    assert family <= high


@pytest.mark.parametrize(("seeds", "of_seeds", "of_images", "both"), [(2, 1, 0, 0.2), (3, 1, 0.3, 0.3), (3, 0, 0.2, 1)])
def test_seeds_that_differ_are_no_difference_of_methods(
    seeds: int, of_seeds: float, of_images: float, both: float
) -> None:
    repetitions = 300
    count = false_positives(repetitions, seeds, 40, of_seeds, of_images, both)
    assert count <= stats.binom.ppf(0.999, repetitions, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize(
    "parts", [(1, 0, 0.2), (1, 0.3, 0.3), (1, 1, 1), (0.3, 1, 1), (0, 1, 0), (0, 0, 1), (2, 0.5, 0.5)]
)
def test_no_mixture_of_seeds_and_images_is_told_apart_too_often(seeds: int, parts: tuple[float, ...]) -> None:
    repetitions = 800
    count = false_positives(repetitions, seeds, 150, *parts)
    assert count <= stats.binom.ppf(0.9995, repetitions, 0.06)  # 150 skewed images are worth 0.5 … 1 %


def test_a_clear_difference_is_found_and_sooner_among_five_methods_than_between_two() -> None:
    rng = np.random.default_rng(9)
    between_two = among_five = 0
    for _ in range(50):
        own = rng.gamma(2, 10, 200)
        runs = own + rng.normal(0, 3, (5, 3, 200)) + rng.normal(0, 0.1, (5, 3, 1))
        runs[0] += 1
        between_two += compared(runs[0], runs[1], draws=500).p < 0.05
        scores = {str(m): dict(enumerate(run)) for m, run in enumerate(runs)}
        among_five += pair_tests(Resampling(scores, np.ones(200), draws=500))["0", "1"].p < 0.05
    assert between_two + 5 <= among_five
    assert among_five >= 40


def test_the_same_method_twice_differs_by_nothing() -> None:
    errors = np.random.default_rng(3).gamma(2, 10, (3, 20))
    found = compared(errors, errors, np.full(20, 7.0))
    assert found == PairTest(0, 0, 0, 1, 1, 1, 0, 0, 3, 20, 20)
    assert not found.certain


def test_one_image_says_nothing_of_others_and_two_say_little() -> None:
    found = compared(np.array([[3.0], [4.0]]), np.array([[5.0], [5.5]]))
    assert (found.value, found.seeds, found.images) == (-1.75, 2, 1)
    assert np.isnan([found.low, found.high, found.p, found.p_holm, found.p_wilcoxon]).all()
    assert not found.certain
    two = compared(np.array([[3.0, 3.2]]), np.array([[5.0, 5.1]]))
    assert two.low < -1.95 < two.high
    assert two.high - two.low > 0.5, "with one degree of freedom"


def test_images_without_valid_pixels_are_as_if_they_were_not_there() -> None:
    rng = np.random.default_rng(4)
    method, other = rng.gamma(2, 10, (2, 2, 5))
    weights = np.array([10.0, 20, 30, 40, 50])
    gaps = [0, 2, 4, 5]

    def with_gaps(values: np.ndarray, missing: float) -> np.ndarray:
        return np.insert(values, gaps, missing, axis=-1)

    found = compared(with_gaps(method, np.nan), with_gaps(other, np.nan), with_gaps(weights, 0))
    assert found == compared(method, other, weights)
    unscored = compared(with_gaps(method, np.nan), with_gaps(other, np.nan), with_gaps(weights, 1))
    assert unscored == found
    nothing = compared(np.full((1, 3), np.nan), np.full((1, 3), np.nan), np.zeros(3))
    assert np.isnan([nothing.value, nothing.low, nothing.high, nothing.p]).all()
    assert nothing.images == 0


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_run_whose_scores_are_no_numbers_is_tested_with_none_and_spoils_no_other_pair(broken: float) -> None:
    rng = np.random.default_rng(5)
    scores = {name: {s: rng.gamma(2, 10, 30) for s in range(2)} for name in "abc"}
    expected = pair_tests(Resampling({name: scores[name] for name in "ab"}, np.ones(30)))["a", "b"]
    scores["c"][1][3] = broken
    tests = pair_tests(Resampling(scores, np.ones(30)))
    for pair in (("a", "c"), ("b", "c")):
        assert np.isnan([tests[pair].value, tests[pair].p, tests[pair].p_holm]).all()
    assert tests["a", "b"] == expected


def test_a_pair_is_tested_on_the_seeds_that_both_have() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.gamma(2, 10, (2, 4, 25))
    scores = {"a": {s: a[s] for s in (2, 0, 3)}, "b": {s: b[s] for s in (0, 1, 2)}, "c": {9: a[0]}}
    tests = pair_tests(Resampling(scores, np.ones(25)))
    assert tests["a", "b"].value == pytest.approx((a[[0, 2]] - b[[0, 2]]).mean())
    assert tests["a", "b"].seeds == 2
    assert tests["a", "c"].seeds == 0
    assert np.isnan(tests["a", "c"].p)
    assert tests["a", "b"].p_holm == tests["a", "b"].p, "the others were not tested"


def test_p_is_never_zero_and_below_005_where_the_interval_leaves_out_zero() -> None:
    rng = np.random.default_rng(7)
    sides = set()
    for shift in (0.0, 0.3, 0.4, 0.5, 9.0):
        found = compared(rng.normal(shift, 1, (2, 30)), np.zeros((2, 30)), draws=999)
        assert found.p >= 2 / 1000
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)
        sides.add(found.p < 0.05)
    assert sides == {True, False}


@given(
    arrays(float, (2, 2, 6), elements=st.floats(0, 180)),
    arrays(float, 6, elements=st.floats(1, 1e4)),
    st.floats(-50, 50),
)
@settings(max_examples=25, deadline=None)
def test_a_constant_added_to_one_method_moves_the_interval_by_it_and_swapping_mirrors_it(
    errors: np.ndarray, weights: np.ndarray, constant: float
) -> None:
    method, other = errors
    found = compared(method, other, weights, draws=200)
    moved = compared(method + constant, other, weights, draws=200)
    mirrored = compared(other, method, weights, draws=200).swapped()
    ends = [found.value, found.low, found.high]
    assert [moved.value, moved.low, moved.high] == pytest.approx([end + constant for end in ends], abs=1e-4)
    assert mirrored.value == pytest.approx(found.value, abs=1e-8)
    assert (mirrored.bootstrap_low, mirrored.bootstrap_high) == pytest.approx(
        (found.bootstrap_low, found.bootstrap_high), abs=1e-8
    )
    assert found.low <= found.high


def test_many_images_are_drawn_in_groups_and_say_the_same() -> None:
    rng = np.random.default_rng(11)
    method, other = rng.gamma(2, 10, (2, 2, 9000)) + rng.gamma(2, 10, 9000)
    weights = rng.uniform(1, 9, 9000)
    start = time.process_time()
    found = compared(method, other, weights)
    assert time.process_time() - start < 3
    one = compared(method[:1], other[:1], weights)
    differences = weights / weights.mean() * (method[0] - other[0] - one.value)
    half = 1.96 * differences.std() / np.sqrt(9000)
    assert (one.low, one.high) == pytest.approx((one.value - half, one.value + half), abs=0.1 * half)
    assert found.value == pytest.approx(np.average((method - other).mean(0), weights=weights))


def test_the_ratio_of_two_normals_has_fiellers_interval() -> None:
    rng = np.random.default_rng(8)
    x, y = rng.multivariate_normal([1, 4], [[0.09, 0.06], [0.06, 0.25]], 400_000).T
    low, high = ratio_interval(x, y)
    z = stats.norm.ppf(0.975)
    ends = np.roots([16 - z**2 * 0.25, -2 * (4 - z**2 * 0.06), 1 - z**2 * 0.09])  # (x − θy)² = z² var(x − θy)
    assert (low, high) == pytest.approx((ends.min(), ends.max()), abs=0.002)


@pytest.mark.parametrize("denominator", [0.0, 0.5, 1.9])
def test_a_ratio_to_what_may_be_zero_has_no_interval(denominator: float) -> None:
    rng = np.random.default_rng(9)
    assert np.isnan(ratio_interval(rng.normal(1, 1, 10_000), rng.normal(denominator, 1, 10_000))).all()


def test_the_ratio_to_a_negative_denominator_is_the_ratio_of_the_negatives() -> None:
    rng = np.random.default_rng(10)
    x, y = rng.normal(1, 0.3, 9_999), rng.normal(-4, 0.5, 9_999)
    assert ratio_interval(x, y) == pytest.approx(ratio_interval(-x, -y))
    assert ratio_interval(np.ones(100), np.zeros(100)) == pytest.approx((np.nan, np.nan), nan_ok=True)
