"""Test images that belong together: from dataset.yaml through evaluations into tables, verdicts and reports."""

import csv
from pathlib import Path

import numpy as np
import pytest

from headfreeze.comparison.results import Results
from headfreeze.comparison.table import markdown
from headfreeze.comparison.verdict import verdict
from headfreeze.data.folder import open_dataset
from headfreeze.errors import InputError
from headfreeze.evaluation.evaluate import Scores, evaluate
from headfreeze.evaluation.kept import evaluation_of
from tests.comparison.made_up import angles_results
from tests.worlds import TinyPair

MEANS = {"baseline": 27.0, "mtl-both": 26.0, "oracle": 20.0}


def grouped(results: Results, each: int) -> Results:
    """The same, with so many images in each group."""
    made = Results(results.task, results.budget)
    for recipe, seeds in results.images.items():
        for seed, rows in seeds.items():
            with_groups = [{"id": row["id"], "group": f"{k // each}"} | row for k, row in enumerate(rows)]
            made.add(recipe, seed, results.metrics[recipe][seed], with_groups)
    return made


def test_tables_and_the_verdict_say_that_groups_were_drawn() -> None:
    results = grouped(angles_results(MEANS), 5)
    assert results.groups == 8
    text = markdown(results)
    assert "over 8 groups of images and seeds" in text
    assert "Wilcoxon's signed-rank test, over 8 groups of images alone" in text
    assert "Over 40 test images of 8 groups and 3 seeds." in verdict(results)
    test = results.difference("mtl-both", "baseline")
    assert (test.images, test.groups) == (40, 8)
    assert test.p_wilcoxon >= 2 / 2**8, "there are no more signs than groups"


def test_groups_of_one_image_each_change_nothing_and_that_is_said() -> None:
    plain, own = angles_results(MEANS), grouped(angles_results(MEANS), 1)
    assert (own.groups, plain.groups) == (40, 0)
    assert "over images, no two of which are said to belong together, and seeds" in markdown(own)
    assert verdict(own) == verdict(plain)
    ours, theirs = (results.difference("mtl-both", "baseline") for results in (own, plain))
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_one_group_is_said_to_say_nothing_of_others() -> None:
    results = grouped(angles_results(MEANS), 40)
    assert "Over 40 test images of one group, which says nothing of others, and 3 seeds." in verdict(results)
    assert "over 1 group of images and seeds" in markdown(results)
    assert np.isnan(results.difference("mtl-both", "baseline").p)
    assert np.isnan(results.gap_interval("mtl-both")).all()


def test_groups_without_a_valid_pixel_do_not_count() -> None:
    results = angles_results(MEANS)
    for seeds in results.images.values():
        for rows in seeds.values():
            for row in rows[:10]:
                row["pixels"] = 0.0
    made = grouped(results, 5)
    assert made.groups == 6 == made.difference("mtl-both", "baseline").groups


def test_runs_judged_before_and_after_groups_were_named_are_not_mixed() -> None:
    plain, results = angles_results(MEANS), grouped(angles_results(MEANS), 5)
    message = "headfreeze seed 0 and baseline seed 0 were judged before and after `groups` of .* changed; call the same"
    with pytest.raises(InputError, match=message):
        results.add("headfreeze", 0, plain.metrics["baseline"][0], plain.images["baseline"][0])


def test_an_evaluation_has_a_column_with_the_group_of_each_image(tiny_pair: TinyPair, tmp_path: Path) -> None:
    pair = tiny_pair.copy(tmp_path)
    config = pair.target / "dataset.yaml"
    before = evaluation_of(open_dataset(pair.target), "test", ["normals"], "")
    assert "groups" not in before, "so that evaluations without groups stay known"
    config.write_text(config.read_text() + "groups: '(\\d)\\d*[02468]$'\n")
    assert evaluation_of(open_dataset(pair.target), "test", ["normals"], "") != before
    evaluate(pair.target / "test", pair.target)  # labels as predictions
    with (pair.target / "test/normals_images.csv").open(newline="") as file:
        rows = {row["id"]: row["group"] for row in csv.DictReader(file)}
    assert rows == {key: "0" if key[-1] in "02468" else f"test/{key}" for key in rows}
    read = Scores.read(pair.target / "test", ["normals"])
    assert {row["id"]: row["group"] for row in read.images["normals"]} == rows
