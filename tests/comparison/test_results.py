"""The numbers of a comparison, from made-up scores."""

import csv
import math
import time

import numpy as np
import pytest

from headfreeze.comparison.pooled import stand_in
from headfreeze.comparison.results import Results
from headfreeze.errors import InputError
from headfreeze.evaluation.resampling import Resampling
from headfreeze.evaluation.significance import pair_tests
from headfreeze.tasks import make_task
from tests.comparison.made_up import NAMES, angles_results, normals_results, segmentation_results

ENDS = {"baseline": [30.0, 28.0], "headfreeze": [26.0, 27.0], "oracle": [20.0, 22.0]}


def test_the_gap_closed_is_the_share_of_the_way_from_baseline_to_oracle() -> None:
    results = normals_results(ENDS)
    assert results.gap_closed("headfreeze") == pytest.approx((29 - 26.5) / (29 - 21))
    assert results.gap_closed("headfreeze", seed=0) == pytest.approx(0.4)
    assert results.gap_closed("headfreeze", seed=1) == pytest.approx(1 / 6)
    assert results.gap_closed("baseline") == 0
    assert results.gap_closed("oracle") == 1


@pytest.mark.parametrize("means", [{"baseline": [30.0]}, {"oracle": [20.0]}, {"baseline": [20.0], "oracle": [20.0]}])
def test_without_both_ends_or_a_gap_between_them_there_is_no_gap_closed(means: dict[str, list[float]]) -> None:
    results = normals_results({"headfreeze": [25.0], **means})
    assert math.isnan(results.gap_closed("headfreeze"))
    rows = list(csv.DictReader(results.csv().splitlines()))
    assert {row["gap_closed"] for row in rows} == {""}
    assert np.isnan(results.gap_interval("headfreeze")).all()


def test_the_rows_are_those_of_the_design() -> None:
    results = normals_results(ENDS)
    rows = list(csv.DictReader(results.csv().splitlines()))
    assert list(rows[0]) == ["recipe", "seed", "budget", *NAMES, "pixels", "gap_closed"]
    assert [(row["recipe"], row["seed"], row["budget"]) for row in rows] == [
        (recipe, seed, "100") for recipe in ("baseline", "headfreeze", "oracle") for seed in "01"
    ]
    assert [float(row["gap_closed"]) for row in rows] == pytest.approx([0, 0, 0.4, 1 / 6, 1, 1])


def test_a_seed_whose_ends_are_not_trained_yet_has_an_empty_gap() -> None:
    results = normals_results({"baseline": [30.0, 28.0], "headfreeze": [26.0], "oracle": [20.0]})
    rows = list(csv.DictReader(results.csv().splitlines()))
    assert [row["gap_closed"] for row in rows] == ["0.0", "", "0.4", "1.0"]


def test_the_summary_keeps_its_keys_and_holds_spreads_intervals_and_tests() -> None:
    results = normals_results(ENDS)
    summary = results.summary(12.34)
    assert list(summary) == ["budget_steps", "seconds", "task", "recipes", "bold", "tests"]
    assert {"budget_steps": 100, "seconds": 12.3, "task": "normals"}.items() <= summary.items()
    entry = summary["recipes"]["headfreeze"]
    assert entry["mean"] == 26.5
    assert entry["seeds"] == [0, 1]
    assert entry["score_std"] == entry["std"]["mean"] == pytest.approx(np.std([26, 27], ddof=1))
    assert entry["gap_closed"] == results.gap_closed("headfreeze")
    assert entry["gap_closed_interval"] == pytest.approx(list(results.gap_interval("headfreeze")), nan_ok=True)
    assert entry["against_baseline"]["metric"] == "mean"
    assert entry["against_baseline"]["value"] == pytest.approx(-2.5)
    assert "against_baseline" not in summary["recipes"]["baseline"]
    assert set(NAMES) < entry.keys()
    assert summary["bold"] == sorted(results.bold())
    assert summary["tests"]["metric"] == "mean"
    pairs = summary["tests"]["pairs"]
    assert [(pair["recipe"], pair["other"]) for pair in pairs] == list(results.tests())
    assert pairs[0] == {"recipe": "baseline", "other": "headfreeze"} | vars(results.tests()["baseline", "headfreeze"])


def test_the_difference_pairs_images_and_seeds_and_weighs_by_pixels() -> None:
    results = Results(make_task("normals"), 10)
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, 100, 9).astype(float)
    errors = {name: rng.gamma(2, 10, (2, 9)) for name in ("baseline", "headfreeze")}
    for name, values in errors.items():
        for seed in (1, 0) if name == "baseline" else (0, 1):  # trained in whatever order
            rows = [
                {"id": str(k), "mean": e, "pixels": p}
                for k, (e, p) in enumerate(zip(values[seed], pixels, strict=True))
            ]
            results.add(name, seed, {"mean": float(np.average(values[seed], weights=pixels))}, rows)
    expected = pair_tests(Resampling({name: dict(enumerate(v)) for name, v in errors.items()}, pixels))
    assert results.tests() == expected
    found = results.difference("headfreeze", "baseline")
    assert found == expected["baseline", "headfreeze"].swapped()
    assert found.value == pytest.approx(results.mean("headfreeze")["mean"] - results.mean("baseline")["mean"])


def test_tests_are_of_what_was_added_last() -> None:
    results = angles_results({"baseline": 26, "headfreeze": 24}, seeds=(0, 1))
    before = results.tests()
    results.add("mtl-both", 0, results.metrics["headfreeze"][0], results.images["headfreeze"][0])
    assert len(results.tests()) == 3 > len(before)


@pytest.mark.parametrize("metric", NAMES)
def test_every_metric_is_tested_by_what_its_images_say(metric: str) -> None:
    """The pooled metric is the weighted mean of the images' (of their squares); the median is near that of medians."""
    results = angles_results({"baseline": 26, "headfreeze": 24}, seeds=(0, 1))
    value = results.mean("baseline")[metric] - results.mean("headfreeze")[metric]
    slack = 0.3 * abs(value) if metric == "median" else 1e-9
    assert results.tests(metric)["baseline", "headfreeze"].value == pytest.approx(value, abs=slack)
    assert results.difference("headfreeze", "baseline", metric).value == pytest.approx(-value, abs=slack)


def test_bold_are_the_best_and_those_that_are_not_significantly_worse_after_holm_but_never_the_oracle() -> None:
    means = {"baseline": 26.6, "mtl-source": 26.5, "mtl-both": 25, "headfreeze": 25.02, "oracle": 22}
    results = angles_results(means, seed_std=0.05, images=150)
    for metric in NAMES:
        sign = -1 if metric.startswith("below") else 1
        names = [name for name in means if name != "oracle"]
        best = min(names, key=lambda name: sign * results.mean(name)[metric])
        worse = {
            name
            for name in names
            if name != best
            and results.difference(name, best, metric).p_holm < 0.05
            and sign * results.difference(name, best, metric).value > 0
        }
        assert results.bold(metric) == set(names) - worse
    assert results.bold() == results.bold("mean") == {"mtl-both", "headfreeze"}
    assert results.best() in results.bold()


def test_holm_makes_fewer_differences_significant_than_single_tests_do() -> None:
    means = {f"r{k}": 25 + 0.1 * k for k in range(5)}
    results = angles_results(means, seed_std=0.1, images=60)
    tests = results.tests().values()
    assert sum(t.p < 0.05 for t in tests) > sum(t.certain for t in tests)
    assert len(results.bold()) > 1


def test_a_difference_can_be_significant_among_very_many_recipes() -> None:
    means = {f"r{k:02}": 25.0 for k in range(24)} | {"good": 10.0}
    results = angles_results(means, seeds=(0, 1), images=20)
    assert len(results.tests()) == 300
    assert results.difference("good", "r00").certain
    assert results.bold() == {"good"}


def test_where_nothing_can_be_tested_the_best_alone_is_bold() -> None:
    results = angles_results({"baseline": 26, "headfreeze": 24}, images=1)
    assert results.bold() == {"headfreeze"}
    assert normals_results({"baseline": [25.0], "mtl-both": [24.0]}).bold("median") == {"baseline"}, "no such column"
    assert angles_results({"oracle": 20}).bold() == set()


def test_runs_without_a_number_are_never_bold_nor_best() -> None:
    results = angles_results({"baseline": 26, "headfreeze": 24, "mtl-both": 20, "oracle": 18})
    for row in results.images["mtl-both"][1]:
        row["mean"] = math.nan
    results.metrics["mtl-both"][1]["mean"] = math.nan
    assert results.best() == "headfreeze"
    assert "mtl-both" not in results.bold()
    assert "mtl-both" in results.bold("median"), "whose other numbers exist"
    assert np.isnan(results.gap_interval("mtl-both")).all()
    assert math.isnan(results.difference("mtl-both", "baseline").p)
    assert results.difference("headfreeze", "baseline").certain


def test_identical_runs_do_not_differ() -> None:
    results = angles_results({"baseline": 26})
    for seed, rows in results.images["baseline"].items():
        results.add("mtl-both", seed, results.metrics["baseline"][seed], rows)
    found = results.difference("mtl-both", "baseline")
    assert (found.value, found.low, found.high, found.p, found.p_wilcoxon) == (0, 0, 0, 1, 1)
    assert results.bold() == {"baseline", "mtl-both"}


def test_where_more_is_better_the_highest_is_best_and_pixels_stand_for_overlap() -> None:
    results = segmentation_results({"baseline": (0.40, 0.6), "headfreeze": (0.44, 0.7), "mtl-both": (0.42, 0.9)})
    assert results.best() == "headfreeze"
    assert results.resampled == stand_in("miou") == "pixel_accuracy"
    assert results.difference("headfreeze", "baseline").value == pytest.approx(0.1)
    assert results.bold() == {"headfreeze", "mtl-both"}, "whose pixels are no worse"
    assert results.bold("pixel_accuracy") == {"mtl-both"}


def test_a_metric_that_says_not_whether_it_is_to_be_high_has_no_best() -> None:
    results = segmentation_results({"baseline": (0.40, 0.6), "headfreeze": (0.44, 0.7)})
    for seeds in results.metrics.values():
        for row in seeds.values():
            row["sharpness"] = 1.0
    assert results.bold("sharpness") == set()


def test_images_that_are_not_those_of_the_other_runs_are_refused() -> None:
    results = angles_results({"baseline": 26}, seeds=(0,), images=5)
    rows = results.images["baseline"][0]
    with pytest.raises(
        InputError, match="headfreeze seed 3 was judged on 4 images, baseline seed 0 on 5 others; remove"
    ):
        results.add("headfreeze", 3, results.metrics["baseline"][0], rows[:4])
    assert list(results.metrics) == ["baseline"]
    results.add("baseline", 0, results.metrics["baseline"][0], rows[:4])  # evaluated again


def test_the_gap_closed_has_an_interval_that_covers_it() -> None:
    """In about 95 of 100 comparisons, seeds and images and all."""
    scale = {"baseline": 26.0, "headfreeze": 25.0, "oracle": 22.0}
    hits = found = 0
    for seed in range(60):
        results = angles_results(scale, images=30, seed=seed, noise=0.5)
        low, high = results.gap_interval("headfreeze")
        found += math.isfinite(low)
        hits += low <= 0.25 <= high
    assert found >= 55
    assert hits >= 0.88 * found


@pytest.mark.parametrize("oracle", [26.0, 25.95, 26.3])
def test_the_share_of_a_gap_that_may_be_none_has_no_interval(oracle: float) -> None:
    results = angles_results({"baseline": 26, "headfreeze": 25, "oracle": oracle})
    assert np.isnan(results.gap_interval("headfreeze")).all()
    assert math.isfinite(results.gap_closed("headfreeze"))


def test_the_ends_of_the_gap_and_scores_that_are_no_means_have_no_interval() -> None:
    results = angles_results({"baseline": 26, "headfreeze": 25, "oracle": 20})
    assert np.isfinite(results.gap_interval("headfreeze")).all()
    assert np.isnan([results.gap_interval("baseline"), results.gap_interval("oracle")]).all()
    overlap = segmentation_results({"baseline": (0.4, 0.6), "headfreeze": (0.44, 0.7), "oracle": (0.6, 0.9)})
    assert overlap.gap_closed("headfreeze") == pytest.approx(0.2)
    assert np.isnan(overlap.gap_interval("headfreeze")).all()


def test_nine_recipes_with_three_seeds_on_654_images_take_a_few_seconds() -> None:
    rng = np.random.default_rng(0)
    scores = {str(m): {s: rng.gamma(2, 10, 654) for s in range(3)} for m in range(9)}
    start = time.process_time()
    assert len(pair_tests(Resampling(scores, rng.uniform(1, 9, 654)))) == 36
    assert time.process_time() - start < 6  # 1 s on an idle core
