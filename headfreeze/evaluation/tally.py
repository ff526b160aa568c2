"""How often pixels have which error, and the mean error on every class of a segmentation: what figures need of a pass.

RUN/evaluation/NAME/TASK_errors.json holds it; a run that was evaluated without is evaluated again for it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from headfreeze.errors import InputError
from headfreeze.files import write_json
from headfreeze.tasks.error_scale import ErrorScale
from headfreeze.tasks.segmentation import SegmentationTask

FORMAT = 1


@dataclass
class ClassErrors:
    """Errors on one class: over how many pixels, and their sum."""

    pixels: int = 0
    total: float = 0.0

    @property
    def mean(self) -> float:
        """The mean error; NaN where the class is nowhere."""
        return self.total / self.pixels if self.pixels else float("nan")


@dataclass
class ErrorTally:
    """Errors of all valid pixels of a split, counted.

    Attributes:
        end: where the histogram ends, see `ErrorScale`.
        counts: pixels by error, in bins of equal width from 0 to `end`; what is beyond counts in the last one.
        classes: {segmentation: {class: errors on its pixels}}.
    """

    end: float
    counts: Int64[np.ndarray, " bins"]
    classes: dict[str, dict[str, ClassErrors]] = field(default_factory=dict)

    @classmethod
    def empty(cls, scale: ErrorScale) -> "ErrorTally":
        """Nothing counted yet."""
        return cls(scale.end, np.zeros(scale.bins, np.int64))

    @property
    def edges(self) -> Float[np.ndarray, " edges"]:
        """Where the bins begin and end."""
        return np.linspace(0, self.end, len(self.counts) + 1)

    def below(self) -> Float[np.ndarray, " edges"]:
        """The share of pixels with an error below each of `edges`; the last one is 1. NaN where nothing was counted."""
        counted = int(self.counts.sum())
        return np.concatenate([[0.0], self.counts.cumsum()]) / (counted or np.nan)

    def add(self, errors: Float[Tensor, "h w"]) -> None:
        """Counts the errors of an image; NaN does not count."""
        values = errors[~errors.isnan()].cpu().numpy()
        bins = len(self.counts)
        places = np.minimum((values * (bins / self.end)).astype(np.int64), bins - 1)
        self.counts = self.counts + np.bincount(places, minlength=bins)

    def add_classes(self, errors: Float[Tensor, "h w"], task: SegmentationTask, label: Tensor) -> None:
        """Adds the errors of an image by the classes of its label."""
        counted = ~errors.isnan() & task.valid(label)[0].as_subclass(Tensor)
        index = label[0].as_subclass(Tensor)[counted].long()
        pixels = torch.bincount(index, minlength=len(task.classes)).tolist()
        totals = torch.bincount(index, errors[counted].double(), minlength=len(task.classes)).tolist()
        found = self.classes.setdefault(task.name, {name: ClassErrors() for name in task.classes})
        for name, more, total in zip(task.classes, pixels, totals, strict=True):
            found[name].pixels += more
            found[name].total += total

    def write(self, path: Path) -> None:
        """Writes it as JSON."""
        classes = {task: {n: vars(errors) for n, errors in of.items()} for task, of in self.classes.items()}
        write_json(path, {"format": FORMAT, "end": self.end, "counts": self.counts.tolist(), "classes": classes})

    @classmethod
    def read(cls, path: Path) -> "ErrorTally | None":
        """What `write` wrote; None where there is nothing, or nothing that this version understands.

        Raises:
            InputError: the file is damaged.
        """
        if not path.is_file():
            return None
        try:
            values = json.loads(path.read_text())
            return _tally(values) if values["format"] == FORMAT else None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InputError(f"{path}: damaged; remove it and evaluate the run again") from None


def pooled(tallies: Iterable[ErrorTally]) -> ErrorTally | None:
    """The tallies of several runs on the same images as one; None of none."""
    several = list(tallies)
    if not several or any(len(t.counts) != len(several[0].counts) for t in several):
        return None
    total = ErrorTally(several[0].end, sum((t.counts for t in several), np.zeros_like(several[0].counts)))
    for tally in several:
        for task, classes in tally.classes.items():
            into = total.classes.setdefault(task, {})
            for name, errors in classes.items():
                so_far = into.get(name, ClassErrors())
                into[name] = ClassErrors(so_far.pixels + errors.pixels, so_far.total + errors.total)
    return total


def _tally(values: dict[str, Any]) -> ErrorTally:
    classes = {
        task: {name: ClassErrors(int(e["pixels"]), float(e["total"])) for name, e in of.items()}
        for task, of in values["classes"].items()
    }
    return ErrorTally(float(values["end"]), np.array(values["counts"], np.int64), classes)
