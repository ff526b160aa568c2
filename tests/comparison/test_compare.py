"""Whole comparisons on the tiny pair: what they write, for any two tasks, whenever they are interrupted."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headfreeze.comparison import work
from headfreeze.comparison.compare import compare
from headfreeze.comparison.results import Results
from headfreeze.errors import InputError
from headfreeze.evaluation.evaluate import evaluate
from headfreeze.recipes import Recipe, find_recipe
from headfreeze.run import RunCard
from headfreeze.settings import Architecture
from headfreeze.training.phase import PhaseTraining
from tests.runs import TINY, KilledError, pair_of, training_of, watched
from tests.worlds import TinyPair

RECIPES = ("baseline", "headfreeze", "oracle")
TABLES = {"table.md", "table.tex", "table.csv", "tests.csv"}


@pytest.fixture(autouse=True)
def _rendered_for_any_two_tasks_alone(request: pytest.FixtureRequest) -> None:
    if "any_two_tasks" not in request.node.name:
        request.getfixturevalue("unrendered")


def compare_tiny(
    tiny: TinyPair, out: Path, main: str = "normals", anchor: str = "segmentation", **options: object
) -> Results:
    return compare(
        pair_of(tiny, main=main, anchor=anchor),
        out,
        **{
            "recipes": RECIPES,
            "seeds": (0,),
            "architecture": TINY,
            "training": training_of(steps=2, batch_size=2),
            **options,
        },
    )


@pytest.mark.parametrize(
    ("main", "anchor", "score"),
    [("depth", "normals", "abs_rel"), ("segmentation", "depth", "miou"), ("normals", "segmentation", "mean")],
)
def test_any_two_tasks_are_compared_and_everything_is_written(
    main: str, anchor: str, score: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    results = compare_tiny(tiny_pair, tmp_path / "out", main, anchor)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    drawn = {"figure.png", "features.png"} if anchor == "segmentation" else {"figure.png"}
    files = {"comparison.json", "progress.json", "report.html", "results.csv", "summary.json", *TABLES}
    assert names == drawn | files | {"figures", "runs"}
    rows = list(csv.DictReader((tmp_path / "out/results.csv").read_text().splitlines()))
    assert [row["recipe"] for row in rows] == list(RECIPES)
    assert {row["budget"] for row in rows} == {"2"}
    assert score in rows[0]
    summary = json.loads((tmp_path / "out/summary.json").read_text(), parse_constant=pytest.fail)
    assert list(summary) == ["budget_steps", "seconds", "task", "recipes", "bold", "tests"]
    assert summary["task"] == main
    ends = [float(rows[k][score]) for k in (0, 1, 2)]
    assert summary["recipes"]["headfreeze"]["gap_closed"] == pytest.approx((ends[0] - ends[1]) / (ends[0] - ends[2]))
    assert summary["recipes"]["headfreeze"]["seeds"] == [0]
    assert results.task.name == main
    for recipe in RECIPES:
        run = tmp_path / f"out/runs/{recipe}-seed0"
        assert sum(phase["steps"] for phase in RunCard.read(run).phases) == 2
        written = json.loads((run / "evaluation/target-test/metrics.json").read_text())
        assert list(written) == [main]
        assert written[main][score] == pytest.approx(results.metrics[recipe][0][score])
    with Image.open(tmp_path / "out/figure.png") as figure:
        assert np.asarray(figure).std() > 10


def test_interrupted_anywhere_and_called_again_it_gives_the_same_numbers(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = training_of(steps=4, batch_size=2, checkpoint_every=0.0)
    options = {"training": training, "recipes": ("baseline", "headfreeze")}
    for out in ("whole", "broken"):
        (tmp_path / out).mkdir()
    compare_tiny(tiny_pair, tmp_path / "whole/out", **options)
    for phase in (1, 2):  # dies in the baseline's, then in headfreeze's second phase, each time one run further
        with watched(monkeypatch, phase, dies_at=2), pytest.raises(KilledError):
            compare_tiny(tiny_pair, tmp_path / "broken/out", **options)
    with watched(monkeypatch) as watch:
        compare_tiny(tiny_pair, tmp_path / "broken/out", **options)
    assert "baseline seed 0 phase 1/1" not in watch.trained
    for file in ("results.csv", *TABLES, "figure.png"):
        assert (tmp_path / "whole/out" / file).read_bytes() == (tmp_path / "broken/out" / file).read_bytes()
    with watched(monkeypatch) as watch:
        compare_tiny(tiny_pair, tmp_path / "broken/out", **options)
    assert watch.trained == [], "a second call trains nothing anew"


def test_another_seed_and_recipe_are_added_to_what_is_there(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare_tiny(tiny_pair, tmp_path / "out", recipes=("baseline",))
    with watched(monkeypatch) as watch:
        results = compare_tiny(tiny_pair, tmp_path / "out", recipes=("baseline", "mtl-both"), seeds=(0, 1))
    assert watch.trained == ["mtl-both seed 0 phase 1/1", "baseline seed 1 phase 1/1", "mtl-both seed 1 phase 1/1"]
    assert results.rows()[0]["seed"] == 0


def test_nothing_is_scored_again_unless_the_test_images_or_the_scores_have_changed(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = tiny_pair.copy(tmp_path / "data")
    scored: list[str] = []
    score = work.score_run

    def noted(*arguments: Any) -> Any:
        scored.append(arguments[2])
        return score(*arguments)

    monkeypatch.setattr(work, "score_run", noted)
    options = {"recipes": ("baseline", "mtl-both"), "phases": tmp_path / "phases"}
    first = compare_tiny(pair, tmp_path / "out", **options)
    assert len(scored) == 2
    again = compare_tiny(pair, tmp_path / "out", **options)
    assert len(scored) == 2
    assert (first.metrics, first.images) == (again.metrics, again.images)
    compare_tiny(pair, tmp_path / "out", **options, inside="segmentation")
    assert len(scored) == 4, "elsewhere judged"
    evaluation = tmp_path / "out/runs/baseline-seed0/evaluation/target-test"
    metrics = (evaluation / "metrics.json").read_text()
    evaluate(tmp_path / "out/runs/baseline-seed0", pair.source, device="cpu").write(evaluation)
    assert (evaluation / "metrics.json").read_text() != metrics
    compare_tiny(pair, tmp_path / "out", **options)
    assert len(scored) == 5, "of one run there were other scores in that place"
    assert (evaluation / "metrics.json").read_text() == metrics
    shutil.copy(pair.target / "test/normals/0000.png", pair.target / "test/normals/0001.png")
    changed = compare_tiny(pair, tmp_path / "out", **options)
    assert len(scored) == 7
    assert changed.metrics != first.metrics


def test_a_run_whose_phases_are_gone_is_taken_as_it_is(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compare_tiny(tiny_pair, tmp_path / "out", recipes=("mtl-finetune", "headfreeze"))
    shutil.rmtree(tmp_path / "phases")
    with watched(monkeypatch) as watch:
        again = compare_tiny(tiny_pair, tmp_path / "out", recipes=("mtl-finetune", "headfreeze"))
    assert watch.trained == []
    assert again.metrics == first.metrics
    shutil.rmtree(tmp_path / "out/runs/headfreeze-seed0")
    with watched(monkeypatch) as watch:
        compare_tiny(tiny_pair, tmp_path / "out", recipes=("mtl-finetune", "headfreeze"))
    assert len(watch.trained) == 2, "what this run alone needs is trained again"


def test_phases_that_end_at_a_plateau_are_followed_by_what_is_left_over(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PhaseTraining, "_on_plateau", lambda self: self.at.step == 3)
    training = training_of(steps=8, batch_size=2, phase_end="plateau", validate_every=1, phase_share=0.75)
    compare_tiny(tiny_pair, tmp_path / "out", recipes=("mtl-finetune", "headfreeze"), training=training)
    written = json.loads((tmp_path / "out/progress.json").read_text())
    assert [(row["phase"], row["steps"], row["done"], row["state"]) for row in written["phases"]] == [
        (1, 3, 3, "finished"), (2, 5, 5, "finished"), (2, 5, 5, "finished")
    ]  # fmt: skip
    for recipe in ("mtl-finetune", "headfreeze"):
        card = RunCard.read(tmp_path / f"out/runs/{recipe}-seed0")
        assert [phase["steps"] for phase in card.phases] == [3, 5]
        assert {phase["key"] for phase in card.phases} <= {row["key"] for row in written["phases"]}


def test_recipes_of_ones_own_are_compared_with_the_others(
    tiny_pair: TinyPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = find_recipe("headfreeze").phases
    thaw = Recipe("thaw", (first, second, replace(second, freeze_head=False)), "freeze, then thaw")
    training = training_of(steps=4, batch_size=2)
    results = compare_tiny(tiny_pair, tmp_path / "out", recipes=("headfreeze", thaw), training=training)
    assert list(results.metrics) == ["headfreeze", "thaw"]
    assert [phase["steps"] for phase in RunCard.read(tmp_path / "out/runs/thaw-seed0").phases] == [2, 1, 1]
    assert "trained 4 phases; without sharing it would have been 5" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"recipe 'a/b': its name is that of a folder, too; leave out slashes"):
        compare_tiny(tiny_pair, tmp_path / "out", recipes=(replace(thaw, name="a/b"),), training=training)
    with pytest.raises(InputError, match="recipes is thaw,thaw; each may be named once"):
        compare_tiny(tiny_pair, tmp_path / "out", recipes=(thaw, thaw), training=training)


def test_what_cannot_be_compared_is_said_all_at_once_and_nothing_is_made(tiny_pair: TinyPair, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        compare_tiny(
            tiny_pair,
            tmp_path / "out",
            recipes=("baseline", "baseline", "headfreez"),
            seeds=(0, 0, -1),
            architecture=Architecture("tiny", width=-3),
        )
    message = str(caught.value)
    assert message.startswith("5 problems: ")
    for fault in (
        "unknown recipe 'headfreez': did you mean 'headfreeze'?",
        "width is -3; give the decoder's channels",
        "recipes is baseline,baseline,headfreez; each may be named once",
        "seeds is 0,0,-1; each may be named once",
        "seeds is 0,0,-1; seeds are 0 … 4294967295",
    ):
        assert fault in message
    for options, fault in (({"recipes": ()}, "recipes is empty"), ({"seeds": ()}, "seeds is empty; give at least one")):
        with pytest.raises(InputError, match=fault):
            compare_tiny(tiny_pair, tmp_path / "out", **options)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"file/out: .*file is a file, not a folder"):
        compare_tiny(tiny_pair, tmp_path / "file/out", phases=tmp_path / "phases")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_recipes_are_compared_inside_of_a_mask(tiny_pair: TinyPair, tmp_path: Path) -> None:
    everywhere = compare_tiny(tiny_pair, tmp_path / "a", "normals", "depth", phases=tmp_path / "phases")
    inside = compare_tiny(
        tiny_pair, tmp_path / "b", "normals", "depth", phases=tmp_path / "phases", inside="segmentation"
    )
    for recipe in RECIPES:
        assert 0 < inside.metrics[recipe][0]["pixels"] < everywhere.metrics[recipe][0]["pixels"]
        assert inside.metrics[recipe][0]["mean"] != everywhere.metrics[recipe][0]["mean"]
        assert (tmp_path / f"b/runs/{recipe}-seed0/evaluation/target-test-inside-segmentation").is_dir()
    assert "pool all valid pixels of the split inside of 'segmentation', at" in (tmp_path / "b/table.md").read_text()
    assert json.loads((tmp_path / "b/summary.json").read_text())["inside"] == "segmentation"


def test_a_mask_that_is_not_there_is_said_before_anything_is_trained(tiny_pair: TinyPair, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown task 'mask'"):
        compare_tiny(tiny_pair, tmp_path / "a", "normals", "depth", phases=tmp_path / "phases", inside="mask")
    assert not (tmp_path / "phases").exists()


def test_the_tables_are_there_even_where_a_picture_cannot_be_drawn(tiny_pair: TinyPair, tmp_path: Path) -> None:
    pair = tiny_pair.copy(tmp_path / "data")
    (pair.target / "val/segmentation/0005.png").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"0005\.png"):
        compare_tiny(pair, tmp_path / "out", "normals", "segmentation", recipes=("baseline",))
    assert TABLES | {"summary.json", "results.csv"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_a_comparison_that_is_refused_leaves_the_one_that_is_there_as_it_is(
    tiny_pair: TinyPair, tmp_path: Path
) -> None:
    compare_tiny(tiny_pair, tmp_path / "out", recipes=("baseline",))
    card = (tmp_path / "out/comparison.json").read_bytes()
    with pytest.raises(InputError, match=r"baseline-seed0: holds another run"):
        compare_tiny(tiny_pair, tmp_path / "out", recipes=("baseline",), training=training_of(steps=3, batch_size=2))
    assert (tmp_path / "out/comparison.json").read_bytes() == card
