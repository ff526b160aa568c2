"""Which images a report shows follows from scores alone."""

import math

import pytest

from headfreeze.comparison.choice import chosen, contender
from headfreeze.comparison.results import Results
from headfreeze.tasks import make_task


def results_of(recipes: dict[str, list[list[float]]], kind: str = "normals") -> Results:
    """Recipes with scores of images, a list a seed."""
    task = make_task(kind, {"classes": ["a", "b"]} if kind == "segmentation" else {})
    results = Results(task, 10)
    for recipe, seeds in recipes.items():
        for seed, scores in enumerate(seeds):
            known = [s for s in scores if not math.isnan(s)]
            metric = "pixel_accuracy" if kind == "segmentation" else "mean"
            rows = [{"id": f"i{k}", metric: s, "pixels": 0.0 if math.isnan(s) else 9.0} for k, s in enumerate(scores)]
            mean = sum(known) / len(known)
            results.add(recipe, seed, {task.score: mean, metric: mean, "pixels": 9.0}, rows)
    return results


def reasons(results: Results) -> dict[str, str]:
    return {choice.id: choice.reason for choice in chosen(results)}


def test_images_stand_at_the_quantiles_of_the_gain_and_of_the_contenders_own_error() -> None:
    baseline = [30.0] * 9
    gains = [3, -2, 8, 1, 0, 5, -4, 2, 4]  # sorted: -4 -2 0 1 2 3 4 5 8, of images 6 1 4 3 7 0 8 5 2
    results = results_of({"baseline": [baseline], "headfreeze": [[30.0 - g for g in gains]], "oracle": [[1.0] * 9]})
    found = reasons(results)
    assert list(found) == ["i2", "i8", "i7", "i4", "i6"]
    assert found["i2"] == "headfreeze helped most; best mean of headfreeze"
    assert found["i7"] == "headfreeze helped as much as the median image; median mean of headfreeze"
    assert found["i6"] == "headfreeze helped least, or harmed most; worst mean of headfreeze"


def test_scores_are_averaged_over_seeds_and_images_without_pixels_are_passed_over() -> None:
    first, second = [30.0, 30.0, math.nan], [10.0, 40.0, math.nan]
    results = results_of({"baseline": [[50.0, 50.0, math.nan]] * 2, "mtl-both": [first, second]})
    found = reasons(results)
    assert "i2" not in found
    assert "mtl-both helped most" in found["i0"], "20 on average, the other 35"


def test_where_more_is_better_the_best_has_the_most() -> None:
    results = results_of({"mtl-both": [[0.1, 0.9, 0.5]]}, "segmentation")
    assert reasons(results) == {
        "i1": "best pixel_accuracy of mtl-both",
        "i2": "median pixel_accuracy of mtl-both",
        "i0": "worst pixel_accuracy of mtl-both",
    }


@pytest.mark.parametrize(
    ("recipes", "expected"),
    [
        ({"baseline": 20.0, "mtl-both": 30.0, "mtl-source": 25.0, "oracle": 1.0}, "mtl-source"),
        ({"baseline": 20.0, "oracle": 1.0}, "oracle"),
        ({"baseline": 20.0}, "baseline"),
        ({}, None),
    ],
)
def test_the_contender_is_the_best_of_those_that_adapt(recipes: dict[str, float], expected: str | None) -> None:
    assert contender(results_of({name: [[value]] for name, value in recipes.items()})) == expected


def test_nothing_found_shows_nothing() -> None:
    assert chosen(results_of({})) == []
