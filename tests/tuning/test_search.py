"""A search tries what it says, judges without main labels of the target, and goes on where it was interrupted."""

import csv
import json
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Any

import fsspec
import pytest

from headfreeze.cli import run
from headfreeze.errors import InputError
from headfreeze.recipes import RECIPES, Recipe
from headfreeze.run import RunCard
from headfreeze.settings import Adversarial, Architecture, Settings, Training
from headfreeze.training.fit import fit_recipe
from headfreeze.training.session import Session
from headfreeze.tuning import search as search_module
from headfreeze.tuning.search import Found, Trial, search
from headfreeze.tuning.space import RANGES, usual
from tests.audit import touched
from tests.runs import TINY, KilledError, pair_of, same_bits, training_of, watched, weights_of
from tests.worlds import TinyPair

pytest.importorskip("optuna")


def searched(tiny: TinyPair, out: Path, recipe: str = "mtl-both", **options: Any) -> Found:
    usual_options = {"trials": 3, "architecture": TINY, "training": training_of(steps=2, batch_size=2)}
    usual_options["phases"] = out.with_name("phases")
    return search(recipe, pair_of(tiny), out, **usual_options | options)


@pytest.fixture(scope="module")
def found(tiny_pair: TinyPair, tmp_path_factory: pytest.TempPathFactory) -> tuple[Found, Path]:
    """A finished search. Read only."""
    out = tmp_path_factory.mktemp("search") / "out"
    return searched(tiny_pair, out), out


def test_the_first_trial_is_the_settings_as_given_the_others_lie_in_the_ranges(found: tuple[Found, Path]) -> None:
    result, _ = found
    assert [trial.number for trial in result.trials] == [0, 1, 2]
    assert result.trials[0].values == {}
    for trial in result.trials[1:]:
        assert trial.values.keys() == {"lr", "anchor_weight"}
        for name, value in trial.values.items():
            between = RANGES[name](result.settings)
            assert between.low <= value <= between.high
    assert result.trials[1].values != result.trials[2].values


def test_every_trial_is_a_run_at_the_same_budget_through_the_shared_store(found: tuple[Found, Path]) -> None:
    result, out = found
    for trial in result.trials:
        card = RunCard.read(out / f"trials/{trial.number:03d}")
        assert sum(phase["steps"] for phase in card.phases) == 2
        assert {name: card.settings["training"][name] for name in trial.values} == trial.values
        assert all((out.with_name("phases") / phase["key"]).is_dir() for phase in card.phases)


def test_the_table_is_sorted_and_the_command_trains_the_best(
    found: tuple[Found, Path], tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, out = found
    losses = [trial.validators["source_loss"] for trial in result.trials]
    assert result.best.validators["source_loss"] == min(losses)
    lines = result.table().splitlines()
    judged = ["source_loss", "↓", "stylised_error", "anchor_error", "flip_consistency", "photometric_consistency"]
    judged += ["neighbourhood_density", "effective_rank"]
    assert lines[0].split() == ["trial", "lr", "anchor_weight", *judged]
    assert [int(line.split()[0]) for line in lines[1:]] == sorted(range(3), key=lambda number: losses[number])
    rows = list(csv.DictReader((out / "trials.csv").read_text().splitlines()))
    assert [float(row["source_loss"]) for row in rows] == losses
    assert [row["domain_accuracy"] for row in rows] == [""] * 3
    words = shlex.split(result.command(tmp_path / "best"))
    assert words[0] == "headfreeze"
    with watched(monkeypatch) as watch:
        assert run(words[1:]) == 0
    assert watch.trained == [], "the store has it already"
    best = out / f"trials/{result.best.number:03d}"
    assert same_bits(weights_of(tmp_path / "best"), weights_of(best))


def test_phases_may_lie_in_object_storage(tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    monkeypatch.chdir(tmp_path)
    url, files = "memory://search/phases", fsspec.filesystem("memory")
    result = searched(tiny_pair, tmp_path / "out", trials=1, phases=url)
    (phase,) = RunCard.read(tmp_path / "out/trials/000").phases
    assert files.exists(f"search/phases/{phase['key']}/weights.safetensors")
    assert f"--phases={url}" in shlex.split(result.command("best"))
    assert {path.name for path in tmp_path.iterdir()} == {"scratch", "out"}, "no folder of the URL's name"
    files.store.clear()


def test_a_search_that_is_called_again_goes_on(found: tuple[Found, Path], tiny_pair: TinyPair, tmp_path: Path) -> None:
    result, _ = found
    two = searched(tiny_pair, tmp_path / "out", trials=2)
    three = searched(tiny_pair, tmp_path / "out", trials=3)
    assert [t.values for t in two.trials] == [t.values for t in result.trials[:2]]
    assert [t.values for t in three.trials] == [t.values for t in result.trials]
    assert [t.validators for t in three.trials] == [t.validators for t in result.trials]


def test_a_search_that_was_killed_tries_the_same_and_takes_the_phase_up_again(
    found: tuple[Found, Path], tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, _ = found
    searched(tiny_pair, tmp_path / "out", trials=1)
    with watched(monkeypatch, phase=1, dies_at=1), pytest.raises(KilledError):
        searched(tiny_pair, tmp_path / "out")
    again = searched(tiny_pair, tmp_path / "out")
    assert [t.values for t in again.trials] == [t.values for t in result.trials]
    assert [t.validators for t in again.trials] == [t.validators for t in result.trials]


def test_no_main_label_of_the_target_is_opened_and_garbage_in_them_changes_nothing(
    found: tuple[Found, Path], tiny_pair: TinyPair, tmp_path: Path
) -> None:
    result, _ = found
    copy = tiny_pair.copy(tmp_path)
    for path in copy.target.glob("*/normals/*"):
        path.write_bytes(b"garbage")
    with touched() as paths:
        dirty = searched(copy, tmp_path / "out")
    assert [(t.values, t.validators) for t in dirty.trials] == [(t.values, t.validators) for t in result.trials]
    seen = {path.relative_to(copy.target).as_posix() for path in paths if path.is_relative_to(copy.target)}
    assert "train/segmentation/0000.png" in seen
    assert not {name for name in seen if "normals" in name or name.startswith("test")}


def test_a_trial_that_diverges_is_booked_as_such(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverging(session: Session, recipe: Recipe, out: Path, seed: int | None = None) -> RunCard:
        if out.name == "001":
            raise FloatingPointError("the loss is not finite")
        return fit_recipe(session, recipe, out, seed)

    monkeypatch.setattr(search_module, "fit_recipe", diverging)
    result = searched(tiny_pair, tmp_path / "out")
    assert [bool(t.validators) for t in result.trials] == [True, False, True]
    assert result.best.number != 1
    assert result.table().splitlines()[-1].split()[-1] == "diverged"
    assert [bool(t.validators) for t in searched(tiny_pair, tmp_path / "out").trials] == [True, False, True]


def test_another_search_is_not_mixed_in(found: tuple[Found, Path], tiny_pair: TinyPair, tmp_path: Path) -> None:
    _, out = found
    before = (out / "search.json").read_text()
    for other in ({"recipe": "headfreeze"}, {"objective": "flip_consistency"}, {"vary": ["lr"]}):
        with pytest.raises(InputError, match=f"{out}: holds another search"):
            searched(tiny_pair, out, **other)
    assert (out / "search.json").read_text() == before
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty and no search"):
        searched(tiny_pair, tmp_path)
    assert len(searched(tiny_pair, out, training=training_of(steps=2, batch_size=2, cache_gb=1.0)).trials) == 3


@pytest.mark.parametrize(
    ("recipe", "options", "message"),
    [
        ("mtl-both", {"trials": 0}, "trials is 0; the least is 1"),
        ("mtl-both", {"objective": "source_los"}, "unknown objective 'source_los': did you mean 'source_loss'"),
        ("mtl-both", {"vary": ["lrr"]}, "unknown setting to vary 'lrr': did you mean 'lr'"),
        ("mtl-both", {"vary": ["lr", "lr"]}, "vary is lr,lr; each may be named once"),
        ("mtl-both", {"vary": ["phase_share"]}, "vary names phase_share, which mtl-both does not have"),
        (
            "baseline",
            {"objective": "anchor_error"},
            "objective is anchor_error, but baseline does not train the anc",
        ),
        ("mtl-both", {"objective": "domain_accuracy"}, "objective is domain_accuracy, but mtl-both has no adversary"),
        ("mtl-bth", {}, "unknown recipe 'mtl-bth'"),
        ("mtl-both", {"training": training_of(devices=2)}, "devices is 2; a search trains on one device"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_is_written(
    recipe: str, options: dict[str, Any], message: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        searched(tiny_pair, tmp_path / "out", recipe, **options)
    assert not list(tmp_path.iterdir())


def test_without_a_val_split_of_the_source_there_are_the_other_objectives(tiny_pair: TinyPair, tmp_path: Path) -> None:
    tiny = tiny_pair.copy(tmp_path / "pair")
    shutil.rmtree(tiny.source / "val")
    message = f"objective is source_loss, but {tiny.source} has no val split with 'normals'; make one or choose another"
    with pytest.raises(InputError, match=message):
        searched(tiny, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (trial,) = searched(tiny, tmp_path / "out", trials=1, objective="flip_consistency").trials
    assert "source_loss" not in trial.validators
    assert trial.validators.keys() >= {"flip_consistency", "anchor_error"}


def test_what_is_varied_is_what_the_recipe_has() -> None:
    assert usual(RECIPES["baseline"]) == ["lr"]
    assert usual(RECIPES["mtl-both-da"]) == ["lr", "anchor_weight", "adversary_weight"]
    assert usual(RECIPES["headfreeze"]) == ["lr", "anchor_weight", "phase_share"]
    assert usual(RECIPES["transfer"]) == ["lr"]


def test_ranges_lie_about_the_defaults(tiny_pair: TinyPair) -> None:
    settings = Settings(pair_of(tiny_pair), Architecture("tiny"), Training(lr=1.0), Adversarial("feature"))
    rates, weights = RANGES["lr"](settings), RANGES["adversary_weight"](settings)
    assert (rates.low, rates.high, rates.log) == (pytest.approx(5e-4), pytest.approx(1.6e-2), True)
    assert (weights.low, weights.high) == (pytest.approx(0.01), pytest.approx(1.0))


def test_an_objective_that_says_nothing_is_an_error(tiny_pair: TinyPair) -> None:
    empty = Found("mtl-both", Settings(pair_of(tiny_pair)), ["lr"], "domain_accuracy", "phases", [Trial(0, {}, {})])
    with pytest.raises(InputError, match="objective is domain_accuracy, which says nothing of any trial"):
        _ = empty.best


def test_the_command_says_what_was_found(
    tiny_pair: TinyPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = ["--source", str(tiny_pair.source), "--target", str(tiny_pair.target), "--main", "normals"]
    small = ["--anchor", "segmentation", "--backbone", "tiny", "--width", "8", "--size", "32", "--workers", "0"]
    budget = ["--steps", "2", "--batch_size", "2", "--device", "cpu"]
    done = run(["search", "mtl-both", *pair, *small, *budget, "--trials", "2", "--out", str(tmp_path / "out")])
    assert done == 0
    printed = capsys.readouterr().out
    assert "the best by source_loss, trial " in printed
    assert printed.splitlines()[-1].startswith("headfreeze fit mtl-both --source=")
    assert run(["search", "mtl-both", *pair, "--trials", "0", "--vary", "x", "--out", "o", *small, "--steps", "0"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("headfreeze: error: 3 problems: ")
    assert json.loads((tmp_path / "out/search.json").read_text())["vary"] == ["lr", "anchor_weight"]
