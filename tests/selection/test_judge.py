"""Validators put to the test, against scipy's own arithmetic on made-up numbers, and on real runs."""

import math
from pathlib import Path

import pytest

from headfreeze.evaluation.evaluate import evaluate
from headfreeze.selection import judge
from headfreeze.selection.judge import judged, judgements, true_errors
from headfreeze.selection.runs import find_runs
from headfreeze.selection.select import Selection


def test_correlation_and_regret_of_made_up_runs(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = find_runs(trained)
    monkeypatch.setattr(judge, "true_errors", lambda *_: [20.0, 25.0, 30.0])
    values = [
        {"source_loss": 1.0, "stylised_error": 3.0, "anchor_error": 2.0},
        {"source_loss": 2.0, "stylised_error": 1.0},
        {"source_loss": 3.0, "stylised_error": 2.0, "anchor_error": 1.0},
    ]
    found = {each.validator: each for each in judged(runs, values)}
    assert set(found) == {"source_loss", "stylised_error", "anchor_error", "combined"}
    assert (found["source_loss"].correlation, found["source_loss"].regret) == (pytest.approx(1), 0)
    assert found["stylised_error"].correlation == pytest.approx(1 - 6 * (4 + 1 + 1) / (3 * 8)), "1 − 6 Σd² / n(n² − 1)"
    assert (found["stylised_error"].chosen, found["stylised_error"].regret) == (25, 0.25)
    assert math.isnan(found["anchor_error"].correlation)
    assert (found["anchor_error"].runs, found["anchor_error"].regret) == (2, 0.5)
    lines = judgements(list(found.values())).splitlines()
    assert lines[1].split() == ["source_loss", "3", "1.00", "20", "0.0%"]
    assert lines[-1].split() == ["anchor_error", "2", "30", "50.0%"]


def test_where_more_is_better_the_best_is_the_highest(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "true_errors", lambda *_: [-0.8, -0.6, -0.4])
    values = [{"source_loss": 2.0}, {"source_loss": 1.0}, {"source_loss": 3.0}]
    found = judged(find_runs(trained), values)[0]
    assert (found.chosen, found.regret) == (0.6, pytest.approx(0.25))


def test_of_equal_guesses_the_first_run_is_chosen_whatever_is_true_of_it(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "true_errors", lambda *_: [30.0, 20.0, 25.0])
    values = [{"source_loss": 1.0}, {"source_loss": 1.0}, {"source_loss": 2.0}]
    runs = find_runs(trained)
    assert Selection(trained, "source_loss", runs, values).best is runs[0]
    assert judged(runs, values)[0].chosen == 30


def test_true_errors_are_what_evaluate_finds(runs: Path) -> None:
    there = find_runs(runs)
    target = there[0].card.settings["pair"]["target"]
    wanted = [evaluate(run.folder, target, device="cpu").metrics["normals"]["mean"] for run in there]
    assert true_errors(there, "cpu") == pytest.approx(wanted)
