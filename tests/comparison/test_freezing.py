"""The factorial study of the freeze: its design, its arithmetic, one of its runs."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from benchmarks import freezing
from benchmarks.freezing import DEPENDS, FACTORS, SIGNS, effects, in_turn, job_of
from headfreeze.run import Run


def test_no_effect_is_mixed_up_with_another_or_with_what_two_do_together() -> None:
    pairs = np.column_stack([SIGNS[:, a] * SIGNS[:, b] for a, b in itertools.combinations(range(len(FACTORS)), 2)])
    assert (len(SIGNS) * np.eye(len(FACTORS)) == SIGNS.T @ SIGNS).all()
    assert not (SIGNS.T @ pairs).any()
    assert not SIGNS.sum(0).any()


def test_planted_effects_are_found_and_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([-0.3, 1.0, 0.0, -0.5, 0.2, 0.0, 0.7])
    planted = truth[0] + SIGNS @ truth[1:] / 2
    found, half = effects(np.repeat(planted[:, None], 3, 1))
    assert np.allclose(found, truth)
    assert np.allclose(half, 0, atol=1e-9)
    held = []
    for _ in range(500):
        found, half = effects(planted[:, None] + rng.normal(0, 0.4, (16, 2)))
        held.append(np.abs(found - truth) <= half)
    assert 0.935 < np.mean(held) < 0.965


def test_missing_runs_leave_the_others_to_tell() -> None:
    gained = np.repeat((SIGNS[:, 0] * 0.5)[:, None], 2, 1)
    gained[3, 1] = gained[7, 0] = np.nan
    assert np.allclose(effects(gained)[0], [0, 1, 0, 0, 0, 0, 0])


def test_combinations_share_what_does_not_depend_on_where_they_differ() -> None:
    jobs = list(in_turn(list(DEPENDS), ["tiny"], [0]))
    counts = {recipe: sum(job.recipe == recipe for job in jobs) for recipe in DEPENDS}
    assert counts == {"baseline": 8, "mtl-both": 16, "mtl-finetune": 16, "headfreeze": 16}
    assert len({job.name for job in jobs}) == len(jobs)


def test_a_run_is_trained_as_its_levels_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freezing, "MANY", 12)
    monkeypatch.setattr(freezing, "FEW", 3)
    freezing.make_rooms(tmp_path, 16)
    signs = {"budget": 1, "share": -1, "cameras": 1, "target": -1, "augment": -1, "freeze": 1}
    job = job_of("tiny", 7, "headfreeze", list(signs.values()))
    assert 0 < freezing.trained(job, tmp_path, 16, (2, 4), "cpu") < 180
    card = Run(tmp_path / "runs" / job.name, "cpu").card
    training, pair = card.settings["training"], card.settings["pair"]
    assert (training["steps"], training["phase_share"], training["freeze_after"]) == (4, 0.25, "up3")
    assert (pair["augment"], Path(pair["target"])) == ("geometric", tmp_path / "different/target-few")
    assert len(list((tmp_path / "different/target-few/train/image").iterdir())) == 3
    assert len(list((tmp_path / "different/target-few/test/image").iterdir())) > 3


def test_what_earlier_calls_have_found_stays_in_the_table(tmp_path: Path) -> None:
    table = tmp_path / "runs.csv"
    assert freezing.known(table) == {}
    table.write_text("run,mean_error_deg\nlite0-seed0-baseline,27.25\ntiny-seed0-baseline,30.5\n")
    assert freezing.known(table) == {"lite0-seed0-baseline": 27.25, "tiny-seed0-baseline": 30.5}
