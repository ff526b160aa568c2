"""Whether the cameras of a pair look up or down by other angles, told by each label map that both domains have."""

from collections.abc import Iterator, Sequence
from statistics import median

import torch
from torch import Tensor

from headfreeze.data.batch import DeviceBatch
from headfreeze.data.canvas import Canvas, resized, window, window_corner
from headfreeze.data.folder import Dataset
from headfreeze.data.pitch import pitch_difference
from headfreeze.errors import InputError
from headfreeze.settings import Pair
from headfreeze.tasks.base import Task

_IMAGES = 128
"""Of each domain; on rooms they tell the angle to two degrees."""
_FEWEST = 16
_SIDE = 48
_NOTABLE_DEG = 4


def pitch_lines(source: Dataset, target: Dataset, anchors: Sequence[str]) -> Iterator[str]:
    """A line where cameras are pitched notably otherwise by most anchors, and what to do about it."""
    told = {name: _pitch_deg(source, target, source.task(name)) for name in anchors if source.task(name).dense}
    known = {name: pitch_deg for name, pitch_deg in told.items() if pitch_deg is not None}
    if known and abs(middle := round(median(known.values()))) >= _NOTABLE_DEG:
        each = ", ".join(f"{pitch_deg:+.0f}° by {name}" for name, pitch_deg in known.items())
        yield (
            f"cameras:     the target's look {abs(middle)}° further {'up' if middle > 0 else 'down'} than the source's"
            f" ({each}); train mtl-both+aligned, or any recipe with --source_pitch_deg {middle}"
        )


def _pitch_deg(source: Dataset, target: Dataset, task: Task) -> float | None:
    """None where there are too few labels to tell."""
    ours, theirs = _labels(source, task), _labels(target, task)
    if min(len(ours), len(theirs)) < _FEWEST:
        return None
    labels = {("source", task.name): ours, ("target", task.name): theirs}
    batch = DeviceBatch(torch.zeros(len(ours) + len(theirs), 3, _SIDE, _SIDE), labels, len(ours))
    return pitch_difference([batch], [task], Pair.fov_deg)


def _labels(dataset: Dataset, task: Task) -> Tensor:
    """Labels spread over the train split, in a square; of those files that can be read."""
    canvas, found = Canvas(_SIDE, _SIDE), []
    files = list(dataset.files("train", task.name).values())
    for file in files[:: max(1, len(files) // _IMAGES)][:_IMAGES]:
        try:
            label = task.read(file)
        except InputError:  # said elsewhere
            continue
        small = resized(label, canvas.size_for(label.shape[-2], label.shape[-1])).as_subclass(Tensor)
        top, left = window_corner(small.shape[-2], small.shape[-1], (_SIDE, _SIDE), None)
        found.append(torch.from_numpy(window(small.numpy(), top, left, _SIDE, _SIDE)))
    return task.wrap(torch.stack(found), (_SIDE, _SIDE)) if found else torch.empty(0)
