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
from headfreeze.evaluation.evaluate import Scores, evaluate
from headfreeze.evaluation.kept import keep
from tests.runs import TINY, pair_of, training_of
from tests.unrendered import unrendered_figures
from tests.worlds import TinyPair

RECIPES = ("baseline", "mtl-both-da")


def compare_tiny(tiny: TinyPair, out: Path, **options: str) -> Results:
    pair, training = pair_of(tiny, **options), training_of(steps=2, batch_size=2)
    with unrendered_figures():
        return compare(pair, out, recipes=RECIPES, seeds=(0, 1), architecture=TINY, training=training)


@pytest.fixture(scope="module")
def normals(tiny_pair: TinyPair, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    """A comparison of normals, and what it found. Read only."""
    folder = tmp_path_factory.mktemp("card") / "out"
    return folder, compare_tiny(tiny_pair, folder)


@pytest.fixture
def compared(normals: tuple[Path, Results], tmp_path: Path) -> Path:
    """A copy of it to write into."""
    return Path(shutil.copytree(normals[0], tmp_path / "out"))


@pytest.mark.parametrize("main", ["normals", "segmentation"])
def test_what_is_read_back_is_what_was_found(
    main: str, normals: tuple[Path, Results], tiny_pair: TinyPair, tmp_path: Path
) -> None:
    if main == "normals":
        folder, found = normals
    else:
        folder, found = tmp_path, compare_tiny(tiny_pair, tmp_path, main=main, anchor="depth")
    read = read_results(folder)
    assert (read.task, read.budget, read.inside) == (found.task, found.budget, found.inside)
    assert read.csv() == found.csv()
    assert read.adversaries == found.adversaries
    for recipe in RECIPES:
        for seed in (0, 1):
            for one, other in zip(read.images[recipe][seed], found.images[recipe][seed], strict=True):
                assert one.keys() == other.keys()
                assert one == pytest.approx(other, nan_ok=True)


def test_runs_that_are_not_there_yet_are_left_out(compared: Path) -> None:
    shutil.rmtree(compared / "runs/baseline-seed1")
    shutil.rmtree(compared / "runs/mtl-both-da-seed0/evaluation")
    results = read_results(compared)
    assert {recipe: list(seeds) for recipe, seeds in results.metrics.items()} == {"baseline": [0], "mtl-both-da": [1]}


def test_scores_of_other_data_are_not_taken_for_the_comparisons(
    compared: Path, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    other, run = shutil.copytree(tiny_pair.source, tmp_path / "other/target"), compared / "runs/baseline-seed0"
    evaluate(run, other, device="cpu")
    told = f"{run}/evaluation/target-test: not the scores that the comparison kept here .*; call the same `headfreeze c"
    with pytest.raises(InputError, match=told):
        read_results(compared)
    (run / "evaluation/target-test/evaluated.json").unlink()
    assert list(read_results(compared).metrics["baseline"]) == [1], "the comparison has not judged it yet"


def test_scores_of_another_network_are_not_taken_for_the_comparisons(compared: Path) -> None:
    one, other = (compared / f"runs/baseline-seed{seed}/evaluation" for seed in (0, 1))
    shutil.rmtree(one)
    shutil.copytree(other, one)
    with pytest.raises(InputError, match="baseline-seed0/evaluation/target-test: not the scores that the comparison"):
        read_results(compared)


def test_errors_of_another_hand_are_not_taken_for_the_comparisons(compared: Path) -> None:
    path = compared / "runs/baseline-seed0/evaluation/target-test/normals_errors.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(InputError, match="target-test: not the scores that the comparison kept here"):
        read_results(compared)


def test_values_that_do_not_exist_are_nan_again(compared: Path) -> None:
    folder = compared / "runs/baseline-seed0/evaluation/target-test"
    scores = Scores.read(folder, ["normals"])
    scores.metrics["normals"]["mean"] = math.nan
    keep(scores, folder, json.loads((folder / "evaluated.json").read_text())["of"])
    assert json.loads((folder / "metrics.json").read_text())["normals"]["mean"] is None
    assert math.isnan(read_results(compared).metrics["baseline"][0]["mean"])


def test_what_is_no_comparison_is_said_in_a_line(compared: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no comparison here \(no comparison\.json\); give the folder"):
        ComparisonCard.read(tmp_path)
    images = compared / "runs/baseline-seed0/evaluation/target-test/normals_images.csv"
    images.write_text(images.read_text().replace("0.", "x."))
    with pytest.raises(InputError, match=r"target-test: not the scores that the comparison kept here"):
        read_results(compared)
    path = compared / "comparison.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 7'))
    with pytest.raises(InputError, match="written in format 7, this version reads 1; update headfreeze"):
        ComparisonCard.read(compared)
    path.write_text("[]")
    with pytest.raises(InputError, match=r"comparison\.json: damaged; call the same `headfreeze compare` again"):
        ComparisonCard.read(compared)
