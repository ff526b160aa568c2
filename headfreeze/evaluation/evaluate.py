"""Predictions against labels at the labels' full resolution: metrics pooled over a split, and scores of every image."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from headfreeze.columns import records_csv
from headfreeze.data.folder import SPLITS, Dataset, Sample, files_by_id, open_dataset
from headfreeze.data.images import read_image
from headfreeze.errors import InputError, unknown
from headfreeze.evaluation.inside import check_region, region
from headfreeze.evaluation.tally import ErrorTally
from headfreeze.files import write_json, write_text
from headfreeze.progress import progress
from headfreeze.run import Run
from headfreeze.tasks.base import Task
from headfreeze.tasks.segmentation import SegmentationTask

Predict = Callable[[Sample], Mapping[str, Tensor]]
"""A sample in, its predictions by task out: labels of the size of the sample's image."""


@dataclass(frozen=True)
class Scores:
    """What an evaluation found.

    Attributes:
        metrics: {task: {metric: value}}, over all valid pixels of the split pooled together.
        images: {task: a row for each image}: its id, its group where the dataset has groups, and its own metrics.
        errors: {task: errors of all pixels, counted}, for tasks that have an error of a pixel. `read` leaves it empty.
    """

    metrics: dict[str, dict[str, float]]
    images: dict[str, list[dict[str, float | str]]]
    errors: dict[str, ErrorTally] = field(default_factory=dict, compare=False)

    def write(self, folder: Path) -> None:
        """Writes FOLDER/metrics.json and, for each task, FOLDER/TASK_images.csv and FOLDER/TASK_errors.json."""
        for name, tally in self.errors.items():
            tally.write(folder / f"{name}_errors.json")
        for name, rows in self.images.items():
            write_text(folder / f"{name}_images.csv", records_csv(rows, nan="nan"))
        write_json(folder / "metrics.json", self.metrics)

    @classmethod
    def read(cls, folder: Path, tasks: Iterable[str]) -> "Scores":
        """What `write` wrote of these tasks; a value that did not exist is NaN again.

        Raises:
            InputError: a file is missing or damaged.
        """
        try:
            written = json.loads((folder / "metrics.json").read_text())
            metrics = {task: {k: _number(v) for k, v in written[task].items()} for task in tasks}
            images = {name: _read_rows(folder / f"{name}_images.csv") for name in metrics}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{folder}: damaged ({error}); remove it and evaluate the run again") from None
        return cls(metrics, images)


def evaluate(
    predictions: Path | str, data: Path | str, split: str = "test", device: str = "auto", inside: str = ""
) -> Scores:
    """Evaluates a run, or stored predictions of any program, and writes metrics.json and scores of every image.

    Args:
        predictions: RUN, a folder that `fit` wrote (results go to RUN/evaluation/DATA-SPLIT), or a folder
            PREDICTIONS/TASK/ID.EXT with labels in the folder format (results go there, or to its
            folder inside-TASK).
        data: a dataset in the folder format.
        split: train, val or test.
        device: where a run's network computes.
        inside: a task of the dataset; where its labels say, and nowhere else, pixels are judged: in all classes of a
            segmentation but the first, or in the face that keypoints outline. Default: wherever there are labels.

    Raises:
        InputError: no such split, nothing to evaluate, a prediction that is missing or of another size than its label,
            damaged files.
    """
    if split not in SPLITS:
        raise InputError(unknown("split", split, SPLITS))
    folder, dataset = Path(predictions), open_dataset(Path(data))
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give a run, or a folder with predictions as TASK/ID.EXT")
    if (folder / "run.json").is_file():
        scores = evaluate_run(Run(folder, device), dataset, split, inside)
        scores.write(folder / "evaluation" / evaluation_name(dataset, split, inside))
    else:
        scores = evaluate_stored(folder, dataset, split, inside)
        scores.write(folder / f"inside-{inside}" if inside else folder)
    return scores


def evaluation_name(dataset: Dataset, split: str, inside: str = "") -> str:
    """Of the folder in RUN/evaluation that holds what was found."""
    return f"{dataset.root.resolve().name}-{split}" + (f"-inside-{inside}" if inside else "")


def evaluate_run(run: Run, dataset: Dataset, split: str, inside: str = "") -> Scores:
    """A run on all of its trained tasks that this split has labels for."""
    tasks = {}
    for name in run.card.trained:
        if name in dataset.tasks and dataset.has(split, name):
            if dataset.tasks[name] != run.tasks[name]:
                raise InputError(
                    f"{dataset.root}/dataset.yaml: '{name}' is {dataset.tasks[name].options()}, the run was trained"
                    f" for {run.tasks[name].options()}; evaluate on data of the same classes"
                )
            tasks[name] = run.tasks[name]
    if not tasks:
        raise InputError(_no_labels(dataset, split, run.card.trained))
    return score_run(run, dataset, split, tasks, inside)


def evaluate_stored(folder: Path, dataset: Dataset, split: str, inside: str = "") -> Scores:
    """Stored predictions, PREDICTIONS/TASK/ID.EXT, on every task that has a folder there and labels in this split."""
    predicted = {name: task for name, task in dataset.tasks.items() if (folder / name).is_dir()}
    if not predicted:
        raise InputError(
            f"{folder}: no run and no predictions here; expected run.json, or TASK/ID.EXT with TASK among"
            f" {', '.join(dataset.tasks)}"
        )
    tasks = {name: task for name, task in predicted.items() if dataset.has(split, name)}
    if not tasks:
        raise InputError(_no_labels(dataset, split, predicted))
    files = {name: files_by_id(folder / name, task.extensions) for name, task in tasks.items()}
    samples = dataset.samples(split, tasks)
    for name in tasks:
        missing = [s.id for s in samples if name in s.labels and s.id not in files[name]]
        if missing:
            raise InputError(
                f"{folder / name}: no prediction for {len(missing)} labelled images of {split}, the first is"
                f" '{missing[0]}'; predict every image of the split"
            )

    def read(sample: Sample) -> dict[str, Tensor]:
        return {
            name: _read_checked(task, files[name][sample.id], sample)
            for name, task in tasks.items()
            if name in sample.labels
        }

    return score(read, dataset, split, tasks, inside)


def own_metric(task: Task) -> Metric:
    """A task's metric for one process that sees all images, however many have trained: others are not asked."""
    metric = task.metric()
    metric.sync_on_compute = False
    return metric


def score_run(
    run: Run, dataset: Dataset, split: str, tasks: Mapping[str, Task], inside: str = "", by_classes: bool = True
) -> Scores:
    """A run's predictions, see `score`."""
    return score(lambda sample: run.predict(read_image(sample.image)), dataset, split, tasks, inside, by_classes)


def score(
    predict: Predict,
    dataset: Dataset,
    split: str,
    tasks: Mapping[str, Task],
    inside: str = "",
    by_classes: bool = True,
) -> Scores:
    """Predictions for every image of a split that has a label of one of `tasks`.

    Errors are also counted by the classes of every segmentation that the split has; with `by_classes` false no label
    but those of `tasks` and `inside` is opened.
    """
    if inside:
        tasks = {name: task for name, task in tasks.items() if task.dense and name != inside}
        check_inside(dataset, split, tasks, inside)
    totals = {name: own_metric(task) for name, task in tasks.items()}
    images: dict[str, list[dict[str, float | str]]] = {name: [] for name in tasks}
    errors = {name: ErrorTally.empty(task.error) for name, task in tasks.items() if task.error}
    classes = _segmentations(dataset, split) if errors and by_classes else []
    read = {*tasks, inside, *(task.name for task in classes)} - {""}
    samples = [s for s in dataset.samples(split, read) if s.labels.keys() & tasks.keys()]
    with progress(f"evaluating {dataset.root.name}/{split}", len(samples)) as report:
        for count, sample in enumerate(samples, 1):
            predictions = predict(sample)
            for name in [name for name in tasks if name in sample.labels]:
                label = judged_label(dataset, sample, name, inside)
                own = totals[name](predictions[name][None], label[None])
                images[name].append({"id": sample.id, **_group(dataset, split, sample), **own})
                if name in errors:
                    of_pixels = tasks[name].errors(predictions[name], label)
                    errors[name].add(of_pixels)
                    for task in [task for task in classes if task.name in sample.labels and task.name != name]:
                        errors[name].add_classes(of_pixels, task, sample.label(task))
            report(count, "")
    return Scores({name: total.compute() for name, total in totals.items()}, images, errors)


def _group(dataset: Dataset, split: str, sample: Sample) -> dict[str, str]:
    """The column that tells which images belong together; none where the dataset does not say."""
    return {"group": dataset.groups.of(split, sample.id)} if dataset.groups else {}


def _segmentations(dataset: Dataset, split: str) -> list[SegmentationTask]:
    """Those with labels in this split: errors are also counted by their classes."""
    return [
        task for name, task in dataset.tasks.items() if isinstance(task, SegmentationTask) and dataset.has(split, name)
    ]


def check_inside(dataset: Dataset, split: str, tasks: Iterable[str], inside: str) -> None:
    """Every image of the split with a label of one of `tasks` says where to judge.

    Raises:
        InputError: one does not, nothing can be judged inside of this task, or it says nothing of places.
    """
    check_region(dataset.task(inside))
    wanted = set(tasks)
    if not wanted:
        raise InputError(
            f"{dataset.root}/{split}: inside is '{inside}', but there are no labels of pixels to judge in it"
        )
    missing = [sample.id for sample in dataset.samples(split, [*wanted, inside]) if _unbounded(sample, wanted, inside)]
    if missing:
        raise InputError(
            f"{dataset.root}: {len(missing)} images have no label of '{inside}', the first is '{missing[0]}'; to judge"
            " inside of it, every image needs one"
        )


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    return value if isinstance(value, int) else float(value)  # counts stay whole


def _read_rows(path: Path) -> list[dict[str, float | str]]:
    with path.open(newline="") as f:
        return [{k: v if k in ("id", "group") else float(v) for k, v in row.items()} for row in csv.DictReader(f)]


def _unbounded(sample: Sample, wanted: set[str], inside: str) -> bool:
    return bool(sample.labels.keys() & wanted) and inside not in sample.labels


def judged_label(dataset: Dataset, sample: Sample, name: str, inside: str = "") -> Tensor:
    """The label of one task of a sample, invalid outside of the region inside of which predictions are judged."""
    task = dataset.tasks[name]
    label = sample.label(task)
    if not inside:
        return label
    where = region(dataset.tasks[inside], sample.label(dataset.tasks[inside]))
    return torch.where(where, label, task.invalid(sample.height, sample.width))


def _no_labels(dataset: Dataset, split: str, predicted: Iterable[str]) -> str:
    return (
        f"{dataset.root}/{split}: no labels of {', '.join(predicted)}, which are predicted; add {split}/TASK/ID.EXT or"
        " choose another --split"
    )


def _read_checked(task: Task, path: Path, sample: Sample) -> Tensor:
    value = task.read(path)
    size = tuple(value.shape[-2:])
    if task.dense and size != (sample.height, sample.width):
        raise InputError(
            f"{path}: {size[0]}x{size[1]} pixels, but {sample.image.name} has {sample.height}x{sample.width};"
            " predictions must have the size of the label"
        )
    return value
