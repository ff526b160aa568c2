"""How far a run's predictions of the main task are from those of the other runs, on images of the target."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from headfreeze.data.images import read_image
from headfreeze.data.pair import OpenPair
from headfreeze.evaluation.evaluate import own_metric
from headfreeze.evaluation.unlabelled import badness, target_images
from headfreeze.files import write_bytes
from headfreeze.run import Run
from headfreeze.tasks.base import Task

_PIXELS = 256
"""Of every image, at equal distances."""


def sampled_predictions(run: Run, pair: OpenPair) -> Tensor:
    """The main task's predictions at some pixels of every image, (images, k, pixels); points whole, (images, k, 4)."""
    found = []
    for sample in target_images(pair):
        label = run.predict(read_image(sample.image))[run.main.name].as_subclass(Tensor).cpu()
        if run.main.dense:
            flat = label.flatten(1)
            label = flat[:, np.linspace(0, flat.shape[1] - 1, _PIXELS).astype(int)]
        found.append(label)
    return torch.stack(found)


def disagreements(predictions: Sequence[Tensor], task: Task) -> list[float]:
    """For each run the mean, over the others, of its score as if their predictions were true; NaN for a single run.

    Agreement between networks that were trained apart as a guess of their error: Jiang et al., ICLR 2022 (arXiv
    2106.13799), for seeds of one recipe; where all err alike, it sees nothing.
    """
    values = [[_apart(one, other, task) for other in predictions if other is not one] for one in predictions]
    return [float(np.mean(each)) if each else math.nan for each in values]


def _apart(one: Tensor, other: Tensor, task: Task) -> float:
    metric = own_metric(task)
    metric.update(_labels(one, task), _labels(other, task))
    return badness(task, metric.compute())


def _labels(sampled: Tensor, task: Task) -> Tensor:
    """(images, k, pixels) as labels of one row."""
    return sampled[:, :, None] if task.dense else sampled


def keep_predictions(predictions: Tensor, path: Path) -> None:
    """Writes them."""
    data = io.BytesIO()
    np.savez_compressed(data, predictions=predictions.numpy())
    write_bytes(path, data.getvalue())


def kept_predictions(path: Path) -> Tensor | None:
    """What `keep_predictions` wrote; None where there is nothing, or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as values:
            return torch.from_numpy(values["predictions"])
    except (OSError, ValueError, KeyError, BadZipFile, EOFError):
        return None
