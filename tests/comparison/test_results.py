"""The numbers of a comparison and their words, from made-up scores."""

import csv
import math

import numpy as np
import pytest

from headfreeze.comparison import paper
from headfreeze.comparison.results import Results
from headfreeze.comparison.table import markdown, own_table, verdict
from headfreeze.evaluation.significance import paired_bootstrap
from headfreeze.recipes import RECIPES
from headfreeze.tasks import make_task

NAMES = ("below_11_25", "below_22_5", "below_30", "rmse", "mean", "median")


def normals_results(means: dict[str, list[float]], noise: float = 0.1, images: int = 30) -> Results:
    """Recipes with these mean errors, a seed each; images spread about them, all with 100 pixels."""
    results = Results(make_task("normals"), budget=100)
    for recipe, values in means.items():
        for seed, mean in enumerate(values):
            rng = np.random.default_rng([seed, len(recipe)])
            errors = rng.normal(0, noise, images)
            errors += mean - errors.mean()
            rows = [{"id": str(k), "mean": float(e), "pixels": 100.0} for k, e in enumerate(errors)]
            metrics = dict.fromkeys(NAMES, 0.5) | {"mean": mean, "pixels": 100.0 * images}
            results.add(recipe, seed, metrics, rows)
    return results


def test_the_gap_closed_is_the_share_of_the_way_from_baseline_to_oracle() -> None:
    results = normals_results({"baseline": [30.0, 28.0], "headfreeze": [26.0, 27.0], "oracle": [20.0, 22.0]})
    assert results.gap_closed("headfreeze") == pytest.approx((29 - 26.5) / (29 - 21))
    assert results.gap_closed("headfreeze", seed=0) == pytest.approx(0.4)
    assert results.gap_closed("headfreeze", seed=1) == pytest.approx(1 / 6)
    assert results.gap_closed("baseline") == 0
    assert results.gap_closed("oracle") == 1


def test_the_gap_closed_of_the_papers_faces_is_the_papers() -> None:
    mean = paper.METRICS.index("mean")
    for table, percent in ((paper.FACES, 22), (paper.INDOOR, 44)):
        results = normals_results({name: [table[name][mean]] for name in ("baseline", "headfreeze", "oracle")})
        assert 100 * results.gap_closed("headfreeze") == pytest.approx(percent, abs=0.6)


def test_the_papers_rows_are_recipes_of_ours() -> None:
    assert paper.FACES.keys() == paper.INDOOR.keys() <= RECIPES.keys()


@pytest.mark.parametrize("means", [{"baseline": [30.0]}, {"oracle": [20.0]}, {"baseline": [20.0], "oracle": [20.0]}])
def test_without_both_ends_or_a_gap_between_them_there_is_no_gap_closed(means: dict[str, list[float]]) -> None:
    results = normals_results({"headfreeze": [25.0], **means})
    assert math.isnan(results.gap_closed("headfreeze"))
    rows = list(csv.DictReader(results.csv().splitlines()))
    assert {row["gap_closed"] for row in rows} == {""}
    assert "nan" not in markdown(results)


def test_the_rows_are_those_of_the_design() -> None:
    results = normals_results({"baseline": [30.0, 28.0], "headfreeze": [26.0, 27.0], "oracle": [20.0, 22.0]})
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


def test_the_summary_holds_means_and_intervals_against_the_baseline() -> None:
    results = normals_results({"baseline": [30.0, 28.0], "headfreeze": [26.0, 27.0], "oracle": [20.0, 22.0]})
    summary = results.summary(12.34)
    assert {"budget_steps": 100, "seconds": 12.3, "task": "normals"}.items() <= summary.items()
    entry = summary["recipes"]["headfreeze"]
    assert entry["mean"] == 26.5
    assert entry["seeds"] == [0, 1]
    assert entry["score_std"] == pytest.approx(np.std([26, 27], ddof=1))
    assert entry["against_baseline"]["metric"] == "mean"
    assert entry["against_baseline"]["value"] == pytest.approx(-2.5)
    assert "against_baseline" not in summary["recipes"]["baseline"]
    assert set(NAMES) < entry.keys()


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
    found = results.difference("headfreeze", "baseline")
    assert found == paired_bootstrap(errors["headfreeze"], errors["baseline"], pixels)
    assert found.value == pytest.approx(results.mean("headfreeze")["mean"] - results.mean("baseline")["mean"])


def test_the_verdict_on_a_certain_gain() -> None:
    results = normals_results({"baseline": [30.0, 28.0], "headfreeze": [26.0, 27.0], "oracle": [20.0, 22.0]})
    text = verdict(results)
    assert text.startswith(
        "headfreeze changed the mean from 29.00° (baseline) to 26.50°, 31% of the gap to the oracle: -2.50°"
    )
    assert text.endswith("over 30 test images and 2 seeds; the interval leaves out zero.")


def test_the_verdict_on_a_gain_that_could_be_chance() -> None:
    text = verdict(normals_results({"baseline": [25.0], "headfreeze": [24.9]}, noise=10))
    assert text.startswith("headfreeze changed the mean from 25.00° (baseline) to 24.90°: -0.10°, 95 % interval -")
    assert text.endswith(" over 30 test images, one seed; which could be chance.")
    assert "… +" in text


def test_the_verdict_where_nothing_beat_the_baseline_or_there_is_none() -> None:
    worse = normals_results({"baseline": [25.0], "mtl-both": [26.0], "oracle": [20.0]})
    assert verdict(worse) == "No recipe was better than the baseline (mean 25.00)."
    alone = normals_results({"mtl-both": [26.0], "mtl-source": [27.0], "oracle": [20.0]})
    assert verdict(alone) == "Best: mtl-both (mean 26.00); no baseline to compare with."
    assert verdict(normals_results({"oracle": [20.0]})) == "Best: oracle (mean 20.00); no baseline to compare with."


def test_where_higher_is_better_the_best_is_the_highest_and_pixels_are_what_is_resampled() -> None:
    results = Results(make_task("segmentation", {"classes": ["a", "b"]}), 10)
    for name, miou, accuracy in (("baseline", 0.40, 0.6), ("headfreeze", 0.44, 0.7), ("mtl-both", 0.42, 0.9)):
        rows = [{"id": str(k), "miou": math.nan, "pixel_accuracy": accuracy, "pixels": 5.0} for k in range(4)]
        metrics = {"miou": miou, "pixel_accuracy": accuracy, "iou_a": math.nan, "iou_b": miou, "pixels": 20.0}
        results.add(name, 0, metrics, rows)
    assert results.best() == "headfreeze"
    text = verdict(results)
    assert text.startswith(
        "headfreeze changed the miou from 0.400 (baseline) to 0.440: pixel_accuracy +0.100, 95 % interval +0.100"
    )
    table = own_table(results)
    assert table.splitlines()[0].split("|")[1:-1] == [
        " recipe     ", "  miou ", " pixel_accuracy ", " ± (seeds) ", " gap closed ",
    ]  # fmt: skip
    assert "paper" not in markdown(results)


def test_the_table_has_a_row_a_recipe_and_stands_beside_the_papers() -> None:
    results = normals_results({"baseline": [30.0, 28.0], "headfreeze": [26.0, 27.0], "oracle": [20.0, 22.0]})
    lines = own_table(results).splitlines()
    assert len({len(line) for line in lines}) == 1, "columns line up"
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert cells[0] == ["recipe", "< 11.25°", "< 22.5°", "< 30°", "rmse", "mean", "median", "± (seeds)", "gap closed"]
    assert cells[3] == ["headfreeze", "0.500", "0.500", "0.500", "0.50", "26.50", "0.50", "0.71", "31%"]
    assert [row[-1] for row in cells[2:]] == ["–", "31%", "–"]
    text = markdown(results)
    assert "same budget of 100 steps" in text
    assert "averaged over the seeds 0, 1" in text
    assert "| headfreeze    |          0.519 |" in text
