"""Studies of anchors: one baseline for all, numbers that are those of the comparisons, and what is said of them."""

import csv
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headfreeze.annotate.derive import derive
from headfreeze.cli import run
from headfreeze.comparison.card import read_results
from headfreeze.comparison.figures.anchors import draw_study
from headfreeze.comparison.outcomes import Outcome, Study, outcomes
from headfreeze.comparison.results import Results
from headfreeze.comparison.study import study
from headfreeze.errors import InputError
from headfreeze.selection.affinity import affinity
from headfreeze.settings import Compute
from headfreeze.tasks import make_task
from tests.runs import TINY, pair_of, training_of, watched
from tests.worlds import TinyPair

pytestmark = pytest.mark.usefixtures("unrendered")

RECIPES = ("baseline", "mtl-both", "oracle")
FILES = {"study.csv", "study.json", "study.md", "study.png", "study.svg", "affinity.json", "phases"}


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headfreeze.comparison.study._AFFINITY_STEPS", 2)


def studied(tiny: TinyPair, out: Path, anchors: tuple[str, ...], **how: Any) -> Study:
    training = training_of(steps=2, batch_size=2)
    usual = {"recipes": RECIPES, "seeds": (0,), "architecture": TINY, "training": training}
    return study(pair_of(tiny), out, anchors=anchors, **usual | how)


def outcome(anchor: str, affinity: float, difference: float, recipe: str = "headfreeze") -> Outcome:
    ends = difference - 1, difference + 1
    return Outcome(
        anchor, recipe, 10, affinity, 20 + difference, difference, *ends, -difference / 5, 0, 1, [difference]
    )


def ends_of(oracle: bool = True) -> Results:
    results = Results(make_task("normals"), 100)
    images = [{"id": str(i), "pixels": 100.0, "mean": 20.0} for i in range(4)]
    for name, mean in (("baseline", 20.0), ("oracle", 15.0))[: 1 + oracle]:
        results.add(name, 0, {"mean": mean, "pixels": 400.0}, images)
    return results


def test_a_study_trains_one_baseline_and_its_numbers_are_those_of_the_comparisons(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny, out = tiny_pair.copy(tmp_path / "pair"), tmp_path / "out"
    derive(tiny.target, source=tiny.source, anchor="segmentation", name="some", share=0.5)
    with watched(monkeypatch) as watch:
        found = studied(tiny, out, ("segmentation", "some"))
    assert [name.split()[0] for name in watch.trained].count("baseline") == 1
    assert [name.split()[0] for name in watch.trained].count("oracle") == 1
    assert {path.name for path in out.iterdir()} == FILES | {"segmentation", "some"}

    with_all, with_some = read_results(out / "segmentation"), read_results(out / "some")
    assert list(with_some.metrics) == ["mtl-both"]
    base, far = (with_all.metrics[name][0]["mean"] for name in ("baseline", "oracle"))
    rows = list(csv.DictReader((out / "study.csv").read_text().splitlines()))
    assert [(row["anchor"], row["recipe"], row["labels"]) for row in rows] == [
        ("segmentation", "mtl-both", "16"), ("some", "mtl-both", "8"),
    ]  # fmt: skip
    for row, results in zip(rows, (with_all, with_some), strict=True):
        mean = results.metrics[row["recipe"]][0]["mean"]
        assert float(row["score"]) == pytest.approx(mean)
        assert float(row["difference"]) == pytest.approx(mean - base)
        assert float(row["low"]) <= float(row["difference"]) <= float(row["high"])
        assert float(row["gap_closed"]) == pytest.approx((base - mean) / (base - far))
    told = affinity(tiny.source, "normals", ["segmentation", "some"], size=32, steps=2)
    assert [float(row["affinity"]) for row in rows] == pytest.approx([told[0].score, told[1].score])
    assert f"baseline {base:.2f}, oracle {far:.2f}; budget 2 steps; one seed" in (out / "study.md").read_text()

    derive(tiny.target, source=tiny.source, anchor="segmentation", name="two", merge=2)
    before = (out / "study.csv").read_text()
    assert before == found.csv()
    with watched(monkeypatch) as watch:
        assert studied(tiny, out, ("segmentation", "some", "two")).anchors == ["segmentation", "some", "two"]
    assert watch.trained == ["mtl-both seed 0 phase 1/1"]  # of the new anchor, and nothing else again
    assert (out / "study.csv").read_text().startswith(before)
    with Image.open(out / "study.png") as picture:
        assert min(picture.size) > 300


def test_what_the_last_anchor_lacks_is_said_before_anything_is_trained(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = tiny_pair.copy(tmp_path / "pair")
    derive(tiny.source, anchor="segmentation", name="some")
    with watched(monkeypatch) as watch, pytest.raises(InputError, match=r"anchor some: anchor: .*unknown task 'some'"):
        studied(tiny, tmp_path / "out", ("segmentation", "some"))
    derive(tiny.target, anchor="segmentation", name="some")
    path = tiny.target / "train/some/0000.png"
    path.write_bytes(path.read_bytes()[:-20])
    with watched(monkeypatch), pytest.raises(InputError, match=r"anchor some: .*train/some/0000\.png"):
        studied(tiny, tmp_path / "out", ("segmentation", "some"))
    derive(tiny.target, source=tiny.source, anchor="segmentation", name="half")
    with watched(monkeypatch), pytest.raises(InputError, match=r"anchor half: a task cannot have this name: .*'half'"):
        studied(tiny, tmp_path / "out", ("segmentation", "half"))
    assert watch.trained == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("anchors", "how", "message"),
    [
        ((), {}, "anchors is ''; give at least one, each once"),
        (("depth", "depth"), {}, "anchors is 'depth,depth'; give at least one, each once"),
        (
            ("depth",),
            {"recipes": ("mtl-both", "oracle")},
            "recipes is mtl-both,oracle; give baseline, and at least one",
        ),
        (
            ("depth",),
            {"recipes": ("baseline", "oracle")},
            "recipes is baseline,oracle; give baseline, and at least one",
        ),
        (("normals",), {}, "anchor normals: main and anchor are both 'normals'"),
        (("depth",), {"seeds": (0, 0)}, "seeds is 0,0; each may be named once"),
        (("depth",), {"seeds": ()}, "seeds is empty; give at least one"),
        (("depth",), {"compute": Compute(workers=0)}, "workers is 0; the least is 1"),
        (("depth",), {"inside": "depth"}, "anchor depth: inside is 'depth', a task of kind depth; name a seg"),
    ],
)
def test_bad_settings_are_said_in_a_line_before_anything_is_written(
    anchors: tuple[str, ...], how: dict[str, Any], message: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        studied(tiny_pair, tmp_path / "out", anchors, **how)
    assert not (tmp_path / "out").exists()


def test_labels_to_judge_by_are_asked_for_before_anything_is_trained(tiny_pair: TinyPair, tmp_path: Path) -> None:
    tiny = tiny_pair.copy(tmp_path / "pair")
    shutil.rmtree(tiny.target / "test/normals")
    with pytest.raises(InputError, match=r"anchor depth: .*target/test.*normals"):
        studied(tiny, tmp_path / "out", ("depth",))
    assert not (tmp_path / "out").exists()


def test_the_command_takes_a_file_and_asks_for_no_anchor_beside_the_anchors(
    tiny_pair: TinyPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "study.yaml"
    config.write_text(
        f"source: {tiny_pair.source}\ntarget: {tiny_pair.target}\nmain: normals\nanchors: [depth]\nsize: 32\n"
        "recipes: [baseline, mtl-target]\nseeds: 0\nbackbone: tiny\nwidth: 8\nsteps: 2\nbatch_size: 2\n"
    )
    assert run(["study", "--config", str(config), "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "mtl-target" in out
    assert f"figure: {tmp_path / 'out/study.png'}" in out
    assert json.loads((tmp_path / "out/study.json").read_text())["outcomes"][0]["gap_closed"] is None  # no oracle
    assert run(["study", "--main", "normals"]) == 2
    assert "missing: --out, --source, --target (see --help)" in capsys.readouterr().err


def test_the_rank_correlation_is_that_of_affinity_and_what_is_gained() -> None:
    told = {"a": 0.1, "b": 0.3, "c": 0.2, "d": 0.4, "e": 0.35}
    falling = Study(ends_of(), [outcome(name, value, -10 * value) for name, value in told.items()])
    assert falling.correlation("headfreeze") == pytest.approx(1)  # more affinity, less error
    differences = {"a": 0.0, "b": 2.0, "c": -1.0, "d": -3.0, "e": -2.0}
    some = Study(ends_of(), [outcome(name, told[name], differences[name]) for name in told])
    # ranks of affinity 1 3 2 5 4, of what is gained 2 1 3 5 4: 1 − 6 Σd² / (n³ − n)
    assert some.correlation("headfreeze") == pytest.approx(1 - 6 * (1 + 4 + 1) / 120)
    assert math.isnan(Study(ends_of(), falling.outcomes[:3]).correlation("headfreeze"))
    same = Study(ends_of(), [outcome(name, 0.3, value) for name, value in differences.items()])
    assert math.isnan(same.correlation("headfreeze"))


def test_outcomes_are_the_recipes_against_the_baseline_seed_by_seed() -> None:
    results, rng = Results(make_task("normals"), 100), np.random.default_rng(0)
    hard = rng.normal(20, 5, 60)
    for name, gain in (("baseline", 0.0), ("headfreeze", 2.0), ("oracle", 5.0)):
        for seed in (0, 1):
            errors = hard - gain - 0.1 * seed * (name == "headfreeze") + rng.normal(0, 0.2, 60)
            images = [{"id": str(i), "pixels": 100.0, "mean": float(error)} for i, error in enumerate(errors)]
            results.add(name, seed, {"mean": float(errors.mean()), "pixels": 6000.0}, images)
    found = outcomes("edges", 7, 0.25, results)
    assert [(each.anchor, each.recipe, each.labels, each.affinity) for each in found] == [
        ("edges", "headfreeze", 7, 0.25)
    ]
    assert found[0].difference == pytest.approx(-2.05, abs=0.1)
    assert list(found[0].seeds) == pytest.approx([-2.0, -2.1], abs=0.1)
    assert found[0].low < -2.05 < found[0].high < 0
    assert found[0].gap_low < found[0].gap_closed < found[0].gap_high
    assert found[0].gap_closed == pytest.approx(0.41, abs=0.02)


def test_the_figure_shows_every_outcome_where_it_lies_and_the_gap_that_it_closes() -> None:
    made = [outcome(name, value, 3 - 10 * value, recipe)
            for name, value in (("edges", 0.1), ("classes", 0.6)) for recipe in ("mtl-both", "headfreeze")]  # fmt: skip
    figure = draw_study(Study(ends_of(), made))
    gains, tells = figure.axes[:2]
    assert [label.get_text() for label in gains.get_yticklabels()] == ["edges", "classes"]
    marks = [line for line in gains.lines if len(np.asarray(line.get_xdata())) == 2 and line.get_marker() != "None"]
    assert [list(map(float, line.get_xdata())) for line in marks] == [pytest.approx([2.0, -3.0])] * 2
    points = [line for line in tells.lines if line.get_marker() != "None"]
    assert [list(map(float, line.get_xdata())) for line in points] == [pytest.approx([0.1, 0.6])] * 2
    [above] = gains.child_axes
    figure.canvas.draw()
    low, high = gains.get_xlim()
    assert sorted(above.get_xlim()) == pytest.approx(sorted([low / -5 * 100, high / -5 * 100]))  # the gap is 5°
    without = draw_study(Study(ends_of(oracle=False), made))
    assert without.axes[0].child_axes == []
