"""What a step costs with an adversary, as a multiple of the step without: the same network, batches and process.

    python benchmarks/adversary.py [--steps 30]

Kinds are timed in turn, several rounds, so that a machine whose speed drifts is fair to all; the median is printed.
"""

import argparse
import itertools
import os
import statistics
import tempfile
from pathlib import Path
from typing import get_args

os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the commands do, before torch is loaded

import torch
from step import now, phase_training

from headfreeze.settings import AdversaryKind
from headfreeze.synth.rooms import write_rooms
from headfreeze.training.phase import PhaseTraining

ROUNDS = 5
KINDS: tuple[AdversaryKind | None, ...] = (None, *get_args(AdversaryKind))


def seconds_a_step(training: PhaseTraining, steps: int) -> float:
    """Of whole training steps: loading, augmentation, both sides' losses and steps."""
    batches = itertools.islice(training.supply.batches(0), steps + 1)
    training.take_step(batches)  # the first one allocates
    start = now(training)
    for _ in range(steps):
        training.take_step(batches)
    return (now(training) - start) / steps


def measure(backbone: str, size: int, batch_size: int, steps: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rooms = Path(folder, "rooms")
        write_rooms(rooms, source=64, target=64, size=size)
        common = (backbone, size, batch_size, 10**6)
        trainings = {kind: phase_training(rooms, Path(folder, str(kind)), *common, kind) for kind in KINDS}
        for training in trainings.values():
            training.at.weights = dict.fromkeys(training.data.tasks, 1.0)
            training.module.train()
        rounds = [{kind: seconds_a_step(t, steps) for kind, t in trainings.items()} for _ in range(ROUNDS)]
        plain = f"plain {1000 * statistics.median(row[None] for row in rounds):.0f} ms"
        costs = (f"{kind} {statistics.median(row[kind] / row[None] for row in rounds):.2f}" for kind in KINDS[1:])
        print(f"{backbone:<12} {size:>4} px  {batch_size}+{batch_size}", plain, *costs, sep="  ", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=30, help="of a round; a tenth of it for resnet50")
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {ROUNDS} rounds, a step ÷ the step without")
    measure("tiny", 48, 24, arguments.steps)
    measure("resnet50", 128, 4, max(1, arguments.steps // 10))


if __name__ == "__main__":
    main()
