"""On a GPU: the numbers of the CPU, the same bits again, every precision. Skipped where there is none."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headfreeze.inference.predictor import Predictor
from headfreeze.settings import Adversarial, Architecture
from headfreeze.training.fit import fit
from tests.runs import TINY, KilledError, fit_tiny, pair_of, same_bits, training_of, watched, weights_of
from tests.worlds import TinyPair

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")

VARIANTS: dict[str, tuple[str, Architecture, Adversarial, dict[str, Any]]] = {
    "plain": ("headfreeze", TINY, Adversarial(), {}),
    "bf16": ("headfreeze", TINY, Adversarial(), {"precision": "bf16"}),
    "16": ("headfreeze", TINY, Adversarial(), {"precision": "16"}),
    "averaged weights, norms of each domain": (
        "mtl-both",
        Architecture("tiny", width=8, norm="per_domain"),
        Adversarial(),
        {"ema": 0.8},
    ),
    "feature adversary": ("headfreeze-da", TINY, Adversarial("feature", 0.5), {}),
    "output adversary": ("headfreeze-da", TINY, Adversarial("output", 0.5), {}),
    "resnet": ("mtl-both", Architecture("resnet18", width=16), Adversarial(), {}),
}


def fit_on_gpu(variant: str, tiny: TinyPair, out: Path, **settings: Any) -> None:
    recipe, architecture, adversarial, own = VARIANTS[variant]
    fit_tiny(recipe, tiny, out, architecture, adversarial=adversarial, device="cuda", **own | settings)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_command_gives_the_same_bits(variant: str, tiny_pair: TinyPair, tmp_path: Path) -> None:
    for name in ("one", "other"):
        fit_on_gpu(variant, tiny_pair, tmp_path / name)
    one, other = weights_of(tmp_path / "one"), weights_of(tmp_path / "other")
    assert all(bool(value.isfinite().all()) for value in one.values())
    assert same_bits(one, other)


@pytest.mark.parametrize("variant", VARIANTS)
def test_interrupted_and_called_again_gives_the_bits_of_an_undisturbed_run(
    variant: str, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"steps": 8, "checkpoint_every": 0.0}
    fit_on_gpu(variant, tiny_pair, tmp_path / "whole", **settings)
    with watched(monkeypatch, phase=1, saved_at=2, dies_at=3), pytest.raises(KilledError, match="phase 1"):
        fit_on_gpu(variant, tiny_pair, tmp_path / "broken", **settings)
    fit_on_gpu(variant, tiny_pair, tmp_path / "broken", **settings)
    assert same_bits(weights_of(tmp_path / "whole"), weights_of(tmp_path / "broken"))


def test_losses_are_those_of_the_cpu(tiny_pair: TinyPair, tmp_path: Path) -> None:
    found = {}
    for device in ("cpu", "cuda"):
        settings = training_of(device=device, steps=4, validate_every=1)
        out = tmp_path / device
        fit("mtl-both", pair_of(tiny_pair, augment="none"), out, architecture=TINY, training=settings)
        with (out / "metrics.csv").open() as f:
            rows = list(csv.DictReader(f))
        found[device] = [[float(value) for name, value in row.items() if name != "step"] for row in rows]
    assert len(found["cpu"]) == 4
    assert np.allclose(found["cpu"], found["cuda"], rtol=0.02)  # convolutions are in TF32 there


def test_predictions_are_those_of_the_cpu(normals_run: Path, tiny_pair: TinyPair) -> None:
    image = np.random.default_rng(0).integers(0, 255, (48, 48, 3), np.uint8)
    cpu, gpu = (Predictor(normals_run, device)(image)["normals"].cpu() for device in ("cpu", "cuda"))
    assert (cpu - gpu).abs().max() < 0.02
