"""Pictures of a few test images by every recipe, kept in DIR/figures/shown: a second report predicts nothing."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from headfreeze.comparison.choice import Choice
from headfreeze.data.folder import Dataset, Sample, files_fingerprint
from headfreeze.data.images import read_image
from headfreeze.evaluation.evaluate import judged_label
from headfreeze.files import write_with
from headfreeze.run import Run, RunCard
from headfreeze.tasks.base import Task

_FORMAT = 1
_LONGEST_SIDE = 512
_INVALID_GREY = 128
Picture = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class ShownRun:
    """A run whose predictions are shown: `load` is called only where a picture is not there yet."""

    folder: Path
    card: RunCard
    load: Callable[[], Run]


@dataclass(frozen=True)
class Shown:
    """An image and what the recipes make of it.

    Attributes:
        choice: its id and why it is shown.
        input: the photograph.
        truth: the label; None where there is none.
        predictions: by recipe.
        errors: by recipe, how wrong each pixel is, black for right; empty for tasks without errors of pixels.
    """

    choice: Choice
    input: Picture
    truth: Picture | None
    predictions: Mapping[str, Picture]
    errors: Mapping[str, Picture]


def shown(
    choices: Sequence[Choice], runs: Mapping[str, ShownRun], dataset: Dataset, task: Task, inside: str, cache: Path
) -> list[Shown]:
    """Pictures of the chosen images of the test split; those that are not there yet are predicted and kept in `cache`.

    Args:
        choices: which images.
        runs: by recipe.
        dataset: the target.
        task: the main task.
        inside: the task inside of whose labels errors count; empty: everywhere.
        cache: a folder; pictures in it that are not needed are removed.
    """
    samples = {sample.id: sample for sample in dataset.samples("test", {task.name, inside} - {""})}
    used: set[Path] = set()
    found = []
    for choice in (choice for choice in choices if choice.id in samples):
        sample = samples[choice.id]
        image = read_image(sample.image)
        label = judged_label(dataset, sample, task.name, inside) if task.name in sample.labels else None
        predictions, errors = {}, {}
        for recipe, run in runs.items():
            paths = _paths(cache, run, sample, task, inside, dataset.root)
            if not paths[0].is_file():
                prediction = run.load().predict(image)[task.name]
                _keep(task.render(prediction, image), paths[0])
                if label is not None and task.error:
                    _keep(error_map(task, prediction, label), paths[1])
            predictions[recipe] = read_image(paths[0])
            if paths[1].is_file():
                errors[recipe] = read_image(paths[1])
            used |= set(paths)
        truth = None if label is None else _small(task.render(label, image))
        found.append(Shown(choice, _small(image, smooth=True), truth, predictions, errors))
    for path in cache.glob("*.png"):
        if path not in used:
            path.unlink(missing_ok=True)
    return found


def error_map(task: Task, prediction: Tensor, label: Tensor) -> Picture:
    """How wrong every pixel is: from black to bright yellow; grey where the label is invalid."""
    assert task.error is not None
    errors: Float[np.ndarray, "h w"] = task.errors(prediction, label).numpy()
    share = np.nan_to_num(errors / task.error.brightest).clip(0, 1)
    colours = cv2.applyColorMap(np.rint(share * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    picture: np.ndarray = np.where(np.isnan(errors)[..., None], _INVALID_GREY, colours).astype(np.uint8)
    return picture


def _paths(cache: Path, run: ShownRun, sample: Sample, task: Task, inside: str, root: Path) -> tuple[Path, Path]:
    """Of the prediction's and the error map's picture; named after all that they depend on."""
    files = [sample.image, *(sample.labels[name] for name in (task.name, inside) if name in sample.labels)]
    spec: list[Any] = [_FORMAT, run.card.phases[-1]["key"], run.folder.name, sample.id, task.name, inside]
    spec.append(files_fingerprint(files, root))
    name = hashlib.blake2b(json.dumps(spec).encode(), digest_size=12).hexdigest()
    return cache / f"{name}.png", cache / f"{name}-error.png"


def _keep(picture: Picture, path: Path) -> None:
    image = Image.fromarray(_small(picture))
    write_with(path, lambda p: image.save(p))


def _small(picture: Picture, smooth: bool = False) -> UInt8[np.ndarray, "small_h small_w 3"]:
    """At most 512 pixels wide and high; labels are scaled without blending."""
    image = Image.fromarray(picture)
    scale = _LONGEST_SIDE / max(image.size)
    if scale < 1:
        size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
        image = image.resize(size, Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST)
    return np.array(image)
