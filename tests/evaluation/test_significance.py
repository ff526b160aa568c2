"""The paired bootstrap against SciPy's, against all resamples there are, and by its coverage."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from headfreeze.evaluation.significance import Difference, paired_bootstrap


def pooled(method: np.ndarray, other: np.ndarray, pixels: np.ndarray) -> float:
    return float(
        np.mean(
            [np.average(a, weights=pixels) - np.average(b, weights=pixels) for a, b in zip(method, other, strict=True)]
        )
    )


def test_with_one_seed_it_is_scipys_paired_bootstrap_of_the_pooled_mean() -> None:
    rng = np.random.default_rng(0)
    method, other = rng.gamma(2, 10, (2, 1, 40))
    pixels = rng.integers(1, 1000, 40).astype(float)

    def statistic(a: np.ndarray, b: np.ndarray, w: np.ndarray, axis: int) -> np.ndarray:
        return ((a - b) * w).sum(axis) / w.sum(axis)

    expected = stats.bootstrap(
        (method[0], other[0], pixels), statistic, paired=True, method="percentile", n_resamples=20_000, rng=1
    ).confidence_interval
    found = paired_bootstrap(method, other, pixels, draws=20_000)
    spread = expected.high - expected.low
    assert found.value == pytest.approx(pooled(method, other, pixels))
    assert found.low == pytest.approx(expected.low, abs=0.03 * spread)
    assert found.high == pytest.approx(expected.high, abs=0.03 * spread)


def test_with_several_seeds_it_draws_from_all_resamples_of_images_and_seeds() -> None:
    rng = np.random.default_rng(1)
    method, other = rng.normal(0, 1, (2, 3, 4))
    pixels = np.array([5.0, 1, 3, 2])
    everything = np.sort(
        [
            ((method - other)[np.ix_(seeds, images)] * pixels[list(images)]).sum(1).mean() / pixels[list(images)].sum()
            for seeds in product(range(3), repeat=3)
            for images in product(range(4), repeat=4)
        ]
    )
    found = paired_bootstrap(method, other, pixels)
    low, high = (np.quantile(everything, [q - 0.006, q + 0.006]) for q in (0.025, 0.975))
    assert low[0] <= found.low <= low[1]
    assert high[0] <= found.high <= high[1]
    assert found.value == pytest.approx(pooled(method, other, pixels))


def test_the_interval_covers_the_truth_in_about_95_of_100_cases() -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(200):
        pixels = rng.uniform(50, 150, 80)
        difference = 0.4 + rng.standard_t(5, (1, 80))
        other = rng.gamma(3, 5, (1, 80))
        found = paired_bootstrap(other + difference, other, pixels, draws=300, seed=int(rng.integers(2**32)))
        hits += found.low <= 0.4 <= found.high
    assert 0.91 <= hits / 200 <= 0.98


def test_the_same_method_twice_differs_by_nothing() -> None:
    errors = np.random.default_rng(3).gamma(2, 10, (3, 20))
    assert paired_bootstrap(errors, errors, np.full(20, 7.0)) == Difference(0, 0, 0)
    assert not paired_bootstrap(errors, errors, np.full(20, 7.0)).certain


def test_one_image_has_no_spread_over_images() -> None:
    found = paired_bootstrap(np.array([[3.0]]), np.array([[5.0]]), np.array([9.0]))
    assert (found.value, found.low, found.high) == (-2, -2, -2)
    assert found.certain


def test_images_without_valid_pixels_are_as_if_they_were_not_there() -> None:
    rng = np.random.default_rng(4)
    method, other = rng.gamma(2, 10, (2, 2, 5))
    pixels = np.array([10.0, 20, 30, 40, 50])
    gaps = [0, 2, 4, 5]

    def with_gaps(values: np.ndarray, missing: float) -> np.ndarray:
        return np.insert(values, gaps, missing, axis=-1)

    found = paired_bootstrap(with_gaps(method, np.nan), with_gaps(other, np.nan), with_gaps(pixels, 0))
    assert found == paired_bootstrap(method, other, pixels)
    nothing = paired_bootstrap(np.full((1, 3), np.nan), np.full((1, 3), np.nan), np.zeros(3))
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()
    assert not nothing.certain


@given(
    arrays(float, (2, 2, 6), elements=st.floats(0, 180)),
    arrays(float, 6, elements=st.floats(1, 1e4)),
    st.floats(-50, 50),
)
@settings(max_examples=25, deadline=None)
def test_a_constant_added_to_one_method_moves_the_interval_by_it_and_swapping_mirrors_it(
    errors: np.ndarray, pixels: np.ndarray, constant: float
) -> None:
    method, other = errors
    found = paired_bootstrap(method, other, pixels, draws=200)
    moved = paired_bootstrap(method + constant, other, pixels, draws=200)
    mirrored = paired_bootstrap(other, method, pixels, draws=200)
    assert [moved.value, moved.low, moved.high] == pytest.approx(
        [found.value + constant, found.low + constant, found.high + constant], abs=1e-8
    )
    assert [-mirrored.value, -mirrored.high, -mirrored.low] == pytest.approx(
        [found.value, found.low, found.high], abs=1e-8
    )
    assert found.low <= found.high
