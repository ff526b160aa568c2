"""The command `headfreeze evaluate`. What it needs is imported when it runs: `--help` does not wait for it."""

from pathlib import Path

from jsonargparse import Namespace

from headfreeze.arguments import Arguments
from headfreeze.command import Command


def _evaluate_arguments(arguments: Arguments) -> None:
    arguments.add("predictions", Path, "a run, or a folder with predictions of any program: TASK/ID.EXT")
    arguments.add("--data", Path, "dataset in the folder format")
    arguments.add("--split", str, "train, val or test", "test")
    arguments.add("--inside", str, "a task of the data: a mask, or the keypoints of a face, inside which to judge", "")
    arguments.add("--device", str, "auto, cpu, cuda, mps or cuda:N", "auto")


def _evaluate(values: Namespace) -> None:
    from headfreeze.evaluation.evaluate import evaluate

    scores = evaluate(values.predictions, values.data, values.split, values.device, values.inside)
    for task, metrics in scores.metrics.items():
        print(f"{task}: " + ", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))


EVALUATION: dict[str, Command] = {
    "evaluate": Command(
        "metrics of a run, or of stored predictions of any program",
        "headfreeze evaluate runs/rooms --data rooms/target --split test",
        _evaluate_arguments,
        _evaluate,
    ),
}
