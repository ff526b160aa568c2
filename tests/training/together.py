"""Trainings for one process or several: `python -m tests.training.together PAIR CORRIDORS OUT DEVICES`.

A pair is SOURCE:TARGET. Fabric's launcher starts the command once more for each further process.
"""

import itertools
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from headfreeze.errors import InputError
from headfreeze.settings import Adversarial, Architecture
from headfreeze.training.parts import aligned
from headfreeze.training.processes import by_all, by_first
from tests.runs import fit_tiny
from tests.training.phases import untrained
from tests.worlds import TinyPair

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "baseline": ("baseline", {"ema": 0.5, "optimizer": "sgd", "tensorboard": True, "snapshots": 2}),
    "feature": ("headfreeze-da", {"adversarial": Adversarial("feature", 1.0), "accumulate": 2, "optimizer": "sgd"}),
    "output": (
        "mtl-both-da",
        {
            "adversarial": Adversarial("output", 1.0, "outputs,up2"),
            "architecture": Architecture("tiny", width=8, norm="per_domain"),
            "optimizer": "sgd",
        },
    ),
    "transfer": ("transfer", {"optimizer": "sgd"}),
    "parts": (
        "mtl-both+teacher+consistency+fourier+reading+adabn+privileged+gradnorm",
        {"optimizer": "sgd", "snapshots": 2},
    ),
    "aligned": ("headfreeze+aligned", {"optimizer": "sgd"}),
}


def train(tiny: TinyPair, corridors: TinyPair, out: Path, devices: int) -> None:
    """Runs of all cases, OUT/CASE; what this process alone knows goes to OUT/RANK.pt."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aligned, "_IMAGES", 24)  # labels tell the angle; more take longer
        for name, (recipe, settings) in CASES.items():
            fit_tiny(recipe, corridors if name == "aligned" else tiny, out / name, devices=devices, **settings)
    training = untrained(tiny, out / "store", "mtl-both-da", devices=devices, steps=3, optimizer="sgd")
    batches = [vars(batch) for batch in itertools.islice(training.supply.opening(), 3)]
    training.run(lambda *_: None)
    assert training.opponent
    rank, fabric = training.fabric.global_rank, training.fabric
    known = {
        "batches": batches,
        "network": training.network.state_dict(),
        "adversary": training.opponent.adversary.state_dict(),
        "given by the first": by_first(fabric, lambda: rank),
    }

    def make(failing: int) -> int:
        if rank == failing:
            raise InputError(f"process {rank} met a damaged file")
        return rank

    for failing in range(devices):
        try:
            by_all(fabric, lambda: make(failing))  # noqa: B023  # called at once
        except InputError as error:
            known[f"where {failing} fails"] = str(error)
    torch.save(known, out / f"{rank}.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    *pairs, out, devices = sys.argv[1:]
    tiny, corridors = (TinyPair(*map(Path, pair.split(":"))) for pair in pairs)
    train(tiny, corridors, Path(out), int(devices))
