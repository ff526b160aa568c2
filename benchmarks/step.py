"""Images per second of `fit`, everything on, against the bare arithmetic: same network, same optimizer.

    python benchmarks/step.py [--seconds 20]

Both run in one process, in turn, so that a machine whose speed drifts is fair to both. The bare loop has the best
memory layout (channels last), ready float images in memory, no augmentation, no loader, no logging. `fit` is timed
from the first to the last step of a real phase: loading, augmentation (photometric), losses, clipping, logging, one
validation and the writing of the result are in it.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the commands do, before torch is loaded

import torch

from headfreeze.data.augment import PLAIN, augmented
from headfreeze.recipes import RECIPES
from headfreeze.settings import Adversarial, AdversaryKind, Architecture, Pair, Settings, Training
from headfreeze.synth.rooms import write_rooms
from headfreeze.training.fit import PlannedPhase, RecipeTraining
from headfreeze.training.losses import loss_terms, total_loss
from headfreeze.training.phase import PhaseTraining
from headfreeze.training.session import Session

ROUNDS = 3


def phase_training(
    rooms: Path,
    store: Path,
    backbone: str,
    size: int,
    batch_size: int,
    steps: int,
    adversary: AdversaryKind | None = None,
) -> PhaseTraining:
    """mtl-both on rooms: one phase, both domains, three losses; with an adversary, mtl-both-da."""
    settings = Settings(
        Pair(rooms / "source", rooms / "target", "normals", "segmentation", size=size),
        Architecture(backbone=backbone),
        Training(steps=steps, batch_size=batch_size, anchor_weight=0.5, validate_every=steps),
        Adversarial(adversary=adversary or "output"),
    )
    recipe = RECIPES["mtl-both-da" if adversary else "mtl-both"]
    training = RecipeTraining(Session(settings, store), recipe, seed=0, out=store / "run")
    planned = PlannedPhase(recipe.phases[0], number=0, steps=steps, parent=None, until_plateau=False)
    return training.phase_training(planned, training.session.store.folder(training.spec(planned)))


def now(training: PhaseTraining) -> float:
    """The time once the device has done all that it was given."""
    if training.fabric.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def seconds_of_fit(training: PhaseTraining) -> float:
    start = now(training)
    training.run(lambda *_: None)
    return now(training) - start


def seconds_of_arithmetic(training: PhaseTraining, steps: int) -> float:
    batches = [augmented(training.supply.on_device(training.supply.steps[k]), PLAIN) for k in range(4)]
    training.module.train()
    start = now(training)
    for step in range(steps):
        batch = batches[step % len(batches)]
        terms = loss_terms(training.module(batch.image, batch.n_source), batch, training.data.tasks)
        total_loss(terms, {"normals": 1.0, "segmentation": 0.5}).backward()
        training.optimizer.step()
        training.optimizer.zero_grad()
    return now(training) - start


def measure(backbone: str, size: int, batch_size: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rooms = Path(folder, "rooms")
        write_rooms(rooms, source=64, target=64, size=size)
        probe = phase_training(rooms, Path(folder, "probe"), backbone, size, batch_size, 1000)
        seconds_of_arithmetic(probe, 2)
        steps = max(15, round(seconds / ROUNDS / (seconds_of_arithmetic(probe, 3) / 3)))
        fit, bare = [], []
        for k in range(ROUNDS):
            bare.append(seconds_of_arithmetic(probe, steps))
            fit.append(
                seconds_of_fit(phase_training(rooms, Path(folder, f"store{k}"), backbone, size, batch_size, steps))
            )
        images = 2 * batch_size * steps
        ratio = statistics.median(b / f for f, b in zip(fit, bare, strict=True))
        print(
            f"{backbone:<12} {size:>4} px  {batch_size}+{batch_size}"
            f"  fit {images / statistics.median(fit):7.1f} images/s"
            f"  bare {images / statistics.median(bare):7.1f} images/s  ratio {ratio:.2f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="about how long each side of a row takes")
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {ROUNDS} rounds, median of ratios fit ÷ bare")
    measure("tiny", 48, 24, arguments.seconds)
    measure("resnet50", 128, 4, arguments.seconds)


if __name__ == "__main__":
    main()
