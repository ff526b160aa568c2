"""KilledError anywhere and called again: the same bits as an undisturbed run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headfreeze.recipes import find_recipe
from headfreeze.settings import Adversarial, Architecture
from headfreeze.training import phase as phase_module
from headfreeze.training import weighing
from tests.runs import TINY, KilledError, fit_tiny, phase_records, same_bits, watched, weights_of
from tests.worlds import TinyPair

STEPS = 8  # four a phase of two
VARIANTS: dict[str, tuple[str, Architecture, Adversarial, dict[str, Any]]] = {
    "plain": ("headfreeze", TINY, Adversarial(), {}),
    "averaged weights, norms of each domain, accumulated sgd": (
        "headfreeze",
        Architecture("tiny", width=8, norm="per_domain"),
        Adversarial(),
        {"ema": 0.8, "accumulate": 2, "optimizer": "sgd", "lr": 0.01, "validate_every": 1, "batch_size": 2},
    ),
    "half precision": ("headfreeze", TINY, Adversarial(), {"precision": "bf16"}),
    "plateau": (
        "headfreeze",
        TINY,
        Adversarial(),
        {"phase_end": "plateau", "validate_every": 1, "phase_share": 0.7, "lr": 1e-9, "steps": 10},
    ),
    "feature adversary": ("headfreeze-da", TINY, Adversarial("feature", 0.5), {"accumulate": 2, "batch_size": 2}),
    "joint adversary with auxiliary outputs": (
        "mtl-finetune-da",
        TINY,
        Adversarial("joint", 0.5, "outputs,up2", "lsgan"),
        {"ema": 0.8},
    ),
    "balance": ("headfreeze+uncertainty", TINY, Adversarial(), {"anchor_weight": 0.5}),
    "gradients": ("headfreeze+gradnorm", TINY, Adversarial(), {}),
    "three phases": ("transfer", TINY, Adversarial(), {"steps": 12, "ema": 0.8}),
    "parts": ("headfreeze+teacher+consistency+fourier+reading+adabn+privileged", TINY, Adversarial(), {"ema": 0.8}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_interrupted_in_each_phase_and_called_again_gives_the_bits_of_an_undisturbed_run(
    variant: str, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weighing, "_OPENING", 0.75)  # the checkpoint falls into the steps that λ is measured on
    recipe, architecture, adversarial, settings = VARIANTS[variant]
    settings = {"steps": STEPS, "checkpoint_every": 0.0, **settings}
    whole, broken = tmp_path / "whole", tmp_path / "broken"

    def fit_to(out: Path) -> None:
        fit_tiny(recipe, tiny_pair, out, architecture, adversarial=adversarial, **settings)

    fit_to(whole)
    rng = np.random.default_rng(sum(variant.encode()))
    count = len(find_recipe(recipe).phases)
    for phase in range(1, count + 1):
        saved_at = int(rng.integers(1, 3))
        dies_at = int(rng.integers(saved_at + 1, 5))
        with watched(monkeypatch, phase, saved_at, dies_at), pytest.raises(KilledError, match=f"phase {phase}/{count}"):
            fit_to(broken)
        with watched(monkeypatch, phase, dies_at=saved_at + 1) as watch, pytest.raises(KilledError):
            fit_to(broken)
        assert watch.steps == {f"{recipe} seed 0 phase {phase}/{count}": [saved_at + 1]}, "it went on from there"
    fit_to(broken)
    assert same_bits(weights_of(whole), weights_of(broken))
    assert (whole / "metrics.csv").read_bytes() == (broken / "metrics.csv").read_bytes()
    assert phase_records(tmp_path / "whole-phases") == phase_records(tmp_path / "broken-phases")


def test_losses_that_wait_on_the_device_for_their_report_are_in_the_checkpoint(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phase_module, "_REPORTS", 2)  # every fourth step of eight
    settings = {"steps": 8, "validate_every": 8, "checkpoint_every": 0.0, "batch_size": 2}
    fit_tiny("baseline", tiny_pair, tmp_path / "whole", **settings)
    with watched(monkeypatch, 1, saved_at=3, dies_at=8) as watch, pytest.raises(KilledError):
        fit_tiny("baseline", tiny_pair, tmp_path / "broken", **settings)
    assert watch.steps == {"baseline seed 0 phase 1/1": [8]}
    fit_tiny("baseline", tiny_pair, tmp_path / "broken", **settings)
    assert (tmp_path / "whole/metrics.csv").read_bytes() == (tmp_path / "broken/metrics.csv").read_bytes()


def test_a_finished_phase_leaves_neither_checkpoint_nor_temporary_files(tiny_pair: TinyPair, tmp_path: Path) -> None:
    fit_tiny("headfreeze", tiny_pair, tmp_path / "run", checkpoint_every=0.0)
    for folder in (tmp_path / "run-phases").iterdir():
        if folder.is_dir():
            names = sorted(path.name for path in folder.iterdir())
            assert names == ["metrics.csv", "phase.json", "result.json", "weights.safetensors"]
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["metrics.csv", "run.json", "weights.safetensors"]


def test_what_a_kill_left_half_written_is_swept_away(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched(monkeypatch, 1, dies_at=2), pytest.raises(KilledError):
        fit_tiny("baseline", tiny_pair, tmp_path / "run", checkpoint_every=0.0)
    (folder,) = (p for p in (tmp_path / "run-phases").iterdir() if p.is_dir())
    (folder / ".state.tmp-abc.pt").write_bytes(b"half a checkpoint")
    fit_tiny("baseline", tiny_pair, tmp_path / "run")
    assert not list(folder.glob(".*"))
