"""Snapshots: the states that training went through, kept without a trace in what it ends with."""

import json
import tempfile
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import torch
from torch import Tensor

from headfreeze.cli import run as cli
from headfreeze.errors import InputError
from headfreeze.evaluation.evaluate import evaluate
from headfreeze.inference.predictor import Predictor
from headfreeze.run import RunCard
from headfreeze.settings import Adversarial, Architecture
from headfreeze.training import weighing
from headfreeze.training.phase import PhaseTraining
from headfreeze.training.snapshots import steps_before_the_end
from tests.runs import KilledError, fit_tiny, same_bits, watched, weights_of
from tests.worlds import TinyPair

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("baseline", {}),
    "frozen, with an adversary": ("headfreeze-da", {"adversarial": Adversarial("feature", 0.5)}),
    "averaged, norms of each domain": (
        "mtl-both",
        {"ema": 0.8, "architecture": Architecture("tiny", width=8, norm="per_domain")},
    ),
    "parts": ("mtl-both+teacher+adabn", {"ema": 0.8}),
}


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> dict[int, dict[str, Tensor]]:
    """By step, the network (the average of it, where there is one) as each step left it; of the last phase trained."""
    found: dict[int, dict[str, Tensor]] = {}
    take = PhaseTraining.take_step

    def taken(self: PhaseTraining, batches: Any) -> dict[str, Tensor]:
        numbers = take(self, batches)
        network = self.average.module if self.average else self.network
        found[self.at.step + 1] = {name: value.clone() for name, value in network.state_dict().items()}
        return numbers

    monkeypatch.setattr(PhaseTraining, "take_step", taken)
    return found


def snapshots(run: Path) -> dict[str, dict[str, Tensor]]:
    return {path.name: weights_of(path) for path in sorted((run / "snapshots").iterdir())}


def test_states_are_at_equal_distances_and_the_last_is_the_end() -> None:
    assert steps_before_the_end(300, 6) == (50, 100, 150, 200, 250)
    assert steps_before_the_end(7, 3) == (2, 4)
    assert steps_before_the_end(3, 3) == (1, 2)
    assert steps_before_the_end(300, 0) == ()


@pytest.mark.parametrize("variant", VARIANTS)
def test_training_ends_with_the_same_bits_and_the_last_snapshot_has_them_too(
    variant: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    recipe, settings = VARIANTS[variant]
    settings = {"steps": 8, "batch_size": 2, **settings}
    plain = fit_tiny(recipe, tiny_pair, tmp_path / "plain", **settings)
    kept = fit_tiny(recipe, tiny_pair, tmp_path / "kept", snapshots=2, **settings)
    assert same_bits(weights_of(tmp_path / "plain"), weights_of(tmp_path / "kept"))
    assert not (tmp_path / "plain/snapshots").exists()
    middle, last = snapshots(tmp_path / "kept").values()
    assert same_bits(last, weights_of(tmp_path / "kept"))
    assert not same_bits(middle, last)
    for one, other in zip(plain.phases[:-1], kept.phases[:-1], strict=True):
        assert one["key"] == other["key"], "phases before the last one are shared with runs without snapshots"
    assert plain.phases[-1]["validation"]["step"] == kept.phases[-1]["validation"]["step"]
    for name, value in plain.phases[-1]["validation"].items():
        if name.startswith("val_"):
            assert kept.phases[-1]["validation"][name] == value


@pytest.mark.parametrize("variant", ["plain", "frozen, with an adversary", "averaged, norms of each domain"])
def test_a_snapshot_is_the_network_as_its_step_left_it(
    variant: str, tiny_pair: TinyPair, tmp_path: Path, states: dict[int, dict[str, Tensor]]
) -> None:
    recipe, settings = VARIANTS[variant]
    fit_tiny(recipe, tiny_pair, tmp_path / "run", steps=12, batch_size=2, snapshots=3, **settings)
    steps = (2, 4, 6) if recipe.startswith("headfreeze") else (4, 8, 12)
    found = snapshots(tmp_path / "run")
    assert list(found) == [f"step-{step:06d}" for step in steps], "within the last phase"
    for step, weights in zip(steps, found.values(), strict=True):
        assert same_bits(weights, {name: value.contiguous() for name, value in states[step].items()})


def test_a_snapshot_has_the_statistics_that_a_part_gives_the_result(
    tiny_pair: TinyPair, tmp_path: Path, states: dict[int, dict[str, Tensor]]
) -> None:
    fit_tiny("mtl-both+adabn", tiny_pair, tmp_path / "run", steps=4, batch_size=2, snapshots=2)
    middle = snapshots(tmp_path / "run")["step-000002"]
    changed = {name for name, value in middle.items() if not torch.equal(value, states[2][name])}
    assert changed
    assert all("running_" in name or "num_batches" in name for name in changed), "statistics alone"


def test_without_the_setting_nothing_of_it_is_in_the_key_or_in_what_is_written(
    tiny_pair: TinyPair, tmp_path: Path
) -> None:
    card = fit_tiny("baseline", tiny_pair, tmp_path / "run", steps=2, batch_size=2)
    folder = tmp_path / "run-phases" / card.phases[0]["key"]
    assert "snapshots" not in json.loads((folder / "phase.json").read_text())
    assert "snapshots" not in json.loads((folder / "result.json").read_text())
    assert not list(folder.glob("step-*"))


def test_every_snapshot_is_a_run_that_says_what_was_found_after_its_step(tiny_pair: TinyPair, tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings: dict[str, Any] = {"steps": 6, "batch_size": 2, "adversarial": Adversarial("feature", 0.5)}
    fit_tiny("mtl-both-da", tiny_pair, run, snapshots=3, **settings)
    cards = [RunCard.read(path) for path in sorted((run / "snapshots").iterdir())]
    phases = [card.phases[-1] for card in cards]
    assert [phase["steps"] for phase in phases] == [phase["validation"]["step"] for phase in phases] == [2, 4, 6]
    assert len({phase["key"] for phase in phases}) == len(
        {phase["validation"]["val_source_normals"] for phase in phases}
    )
    assert phases[-1]["key"] == RunCard.read(run).phases[-1]["key"]
    assert all("adversary" in phase and "snapshots" not in phase for phase in phases)
    path = run / "snapshots/step-000004"
    image = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    normals = Predictor(path, "cpu")(image)["normals"]
    assert not torch.equal(normals, Predictor(run, "cpu")(image)["normals"])
    assert torch.equal(
        Predictor(run / "snapshots/step-000006", "cpu")(image)["normals"], Predictor(run, "cpu")(image)["normals"]
    )
    assert evaluate(path, tiny_pair.target, device="cpu").metrics["normals"]["mean"] > 0


def test_killed_between_snapshots_and_called_again_the_same_ones_are_there(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weighing, "_OPENING", 0.75)
    settings: dict[str, Any] = {"steps": 8, "batch_size": 2, "ema": 0.8, "checkpoint_every": 0.0, "snapshots": 4}

    def fit_to(out: Path) -> None:
        fit_tiny("mtl-both", tiny_pair, out, **settings)

    fit_to(tmp_path / "whole")
    with watched(monkeypatch, 1, saved_at=3, dies_at=5), pytest.raises(KilledError):  # with a snapshot beyond the save
        fit_to(tmp_path / "broken")
    fit_to(tmp_path / "broken")
    whole, broken = snapshots(tmp_path / "whole"), snapshots(tmp_path / "broken")
    assert list(whole) == list(broken) == [f"step-{step:06d}" for step in (2, 4, 6, 8)]
    assert all(same_bits(weights, broken[name]) for name, weights in whole.items())

    def said(run: Path) -> list[dict[str, Any]]:
        cards = [RunCard.read(path) for path in sorted((run / "snapshots").iterdir())]
        return [card.phases[-1] | {"images_per_second": 0} for card in cards]

    assert said(tmp_path / "whole") == said(tmp_path / "broken")


def test_a_run_with_snapshots_is_written_again_from_the_store_and_one_without_is_another(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit_to(out: str, snapshots: int) -> None:
        settings: dict[str, Any] = {"steps": 4, "batch_size": 2, "phases": tmp_path / "phases", "snapshots": snapshots}
        fit_tiny("baseline", tiny_pair, tmp_path / out, **settings)

    fit_to("first", 2)
    with watched(monkeypatch) as watch:
        fit_to("second", 2)
        fit_to("second", 2)
        assert watch.trained == []
        with pytest.raises(InputError, match="first: holds another run"):
            fit_to("first", 0)
    one, other = snapshots(tmp_path / "first"), snapshots(tmp_path / "second")
    assert all(same_bits(weights, other[name]) for name, weights in one.items())


def test_a_snapshot_that_the_store_has_lost_is_named_and_no_run_is_written(tiny_pair: TinyPair, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"steps": 4, "batch_size": 2, "phases": tmp_path / "phases", "snapshots": 2}
    (phase,) = fit_tiny("baseline", tiny_pair, tmp_path / "first", **settings).phases
    folder = tmp_path / "phases" / phase["key"]
    (folder / "step-000002.safetensors").unlink()
    lost = rf"step-000002\.safetensors: not there any more; remove .*{phase['key']} to train this phase again"
    with pytest.raises(InputError, match=lost):
        fit_tiny("baseline", tiny_pair, tmp_path / "second", **settings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "phases"]


def test_snapshots_come_back_from_a_store_that_is_no_folder(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"steps": 4, "batch_size": 2, "snapshots": 2, "phases": "memory://snapshots/phases"}
    for machine in ("one", "two"):
        (tmp_path / machine).mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / machine))
        with watched(monkeypatch) as watch:
            fit_tiny("baseline", tiny_pair, tmp_path / machine / "run", **settings)
        assert bool(watch.trained) == (machine == "one")
    fsspec.filesystem("memory").store.clear()
    one, two = snapshots(tmp_path / "one/run"), snapshots(tmp_path / "two/run")
    assert list(one) == list(two) == ["step-000002", "step-000004"]
    assert all(same_bits(weights, two[name]) for name, weights in one.items())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"snapshots": 1}, "snapshots is 1, which is the end alone; give 2 or more to choose among, or 0"),
        ({"snapshots": -1}, "snapshots is -1; the least is 0"),
        (
            {"snapshots": 4, "steps": 6},
            "snapshots is 4, but the last phase of headfreeze has 3 of the 6 steps; give at most 3, or more steps",
        ),
    ],
)
def test_numbers_of_snapshots_that_cannot_be_kept_are_refused(
    settings: dict[str, Any], message: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        fit_tiny("headfreeze", tiny_pair, tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_the_command_refuses_them_with_one_line(
    tiny_pair: TinyPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fit", "baseline", f"--source={tiny_pair.source}", f"--target={tiny_pair.target}", "--main=normals"]
    words += ["--anchor=segmentation", "--backbone=tiny", "--steps=4", f"--out={tmp_path / 'run'}", "--snapshots=5"]
    assert cli(words) == 2
    err = capsys.readouterr().err
    assert "snapshots is 5, but the last phase of baseline has 4 of the 4 steps" in err
    assert err.count("\n") == 1
