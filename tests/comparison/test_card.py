"""A comparison is read back from its folder as it was found, finished or not."""

import json
import math
import shutil
from pathlib import Path

import pytest

from headfreeze.comparison.card import ComparisonCard, read_results
from headfreeze.comparison.compare import compare
from headfreeze.comparison.results import Results
from headfreeze.errors import InputError
from tests.runs import TINY, pair_of, training_of
from tests.worlds import TinyPair

RECIPES = ("baseline", "mtl-both-da")


def compare_tiny(tiny: TinyPair, out: Path, **options: str) -> Results:
    training = training_of(steps=2, batch_size=2)
    return compare(pair_of(tiny, **options), out, recipes=RECIPES, seeds=(0, 1), architecture=TINY, training=training)


@pytest.mark.parametrize(("main", "anchor"), [("normals", "segmentation"), ("segmentation", "depth")])
def test_what_is_read_back_is_what_was_found(main: str, anchor: str, tiny_pair: TinyPair, tmp_path: Path) -> None:
    found = compare_tiny(tiny_pair, tmp_path, main=main, anchor=anchor)
    read = read_results(tmp_path)
    assert (read.task, read.budget, read.inside) == (found.task, found.budget, found.inside)
    assert read.csv() == found.csv()
    assert read.adversaries == found.adversaries
    for recipe in RECIPES:
        for seed in (0, 1):
            for one, other in zip(read.images[recipe][seed], found.images[recipe][seed], strict=True):
                assert one.keys() == other.keys()
                assert one == pytest.approx(other, nan_ok=True)


def test_runs_that_are_not_there_yet_are_left_out(tiny_pair: TinyPair, tmp_path: Path) -> None:
    compare_tiny(tiny_pair, tmp_path)
    shutil.rmtree(tmp_path / "runs/baseline-seed1")
    shutil.rmtree(tmp_path / "runs/mtl-both-da-seed0/evaluation")
    results = read_results(tmp_path)
    assert {recipe: list(seeds) for recipe, seeds in results.metrics.items()} == {"baseline": [0], "mtl-both-da": [1]}


def test_values_that_do_not_exist_are_nan_again(tiny_pair: TinyPair, tmp_path: Path) -> None:
    compare_tiny(tiny_pair, tmp_path)
    path = tmp_path / "runs/baseline-seed0/evaluation/target-test/metrics.json"
    metrics = json.loads(path.read_text())
    metrics["normals"]["mean"] = None
    path.write_text(json.dumps(metrics))
    assert math.isnan(read_results(tmp_path).metrics["baseline"][0]["mean"])


def test_what_is_no_comparison_is_said_in_a_line(tiny_pair: TinyPair, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no comparison here \(no comparison\.json\); give the folder"):
        ComparisonCard.read(tmp_path)
    compare_tiny(tiny_pair, tmp_path)
    images = tmp_path / "runs/baseline-seed0/evaluation/target-test/normals_images.csv"
    images.write_text(images.read_text().replace("0.", "x."))
    with pytest.raises(InputError, match=r"target-test: damaged \(could not convert string to float"):
        read_results(tmp_path)
    path = tmp_path / "comparison.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 7'))
    with pytest.raises(InputError, match="written in format 7, this version reads 1; update headfreeze"):
        ComparisonCard.read(tmp_path)
    path.write_text("[]")
    with pytest.raises(InputError, match=r"comparison\.json: damaged; call the same `headfreeze compare` again"):
        ComparisonCard.read(tmp_path)
