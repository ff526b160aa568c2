"""By what angle cameras of two datasets are pitched differently, as labels that both have tell it.

Normals, and depth, tell it themselves: see `headfreeze.data.orientation`. Of classes one must ask where they lie. Where
cameras look down, floors fill more of an image and ceilings less: what lies in which row differs between domains
whose cameras are held otherwise, and agrees once the source's are turned. They are turned on the spot, so that the
labels are those of the turned camera. But a camera that stands higher sees more of a floor, too. How upright lines
converge tells the pitch alone, less sharply, and nothing where there are none: it has the last word where it is sure
that the rows are far off.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from headfreeze.data.batch import DeviceBatch
from headfreeze.data.canvas import Canvas, resized, window, window_corner
from headfreeze.data.folder import Dataset
from headfreeze.data.geometric import pitched
from headfreeze.data.orientation import orientation
from headfreeze.data.uprights import Convergence, convergence
from headfreeze.errors import InputError
from headfreeze.settings import Pair
from headfreeze.tasks.base import Task
from headfreeze.tasks.channels import as_channels
from headfreeze.tasks.labels import wrapped
from headfreeze.tasks.segmentation import SegmentationTask

_NOTABLE_DEG = 4
"""Less is not worth a word."""
_FARTHEST_DEG, _COARSE_DEG, _FINE_DEG = 36, 6, 2
_UNAMBIGUOUS_DEG = 20
"""Below it no camera is taken for one that is a quarter turn away: that would be 70° or more."""
_ROWS = 32
_LABELS, _FEWEST, _SIDE = 128, 16, 48
"""So many labels of each dataset, of that side in pixels, tell the angle to two degrees on rooms; fewer do not."""
_LEAST_SEEN = 0.4
"""Share of the labels' pixels that a turned camera must still see for its angle to be thought of."""
_SURE_DEG, _FAR_DEG = 3.0, 9
"""Uprights whose angle has a standard error below the one have the last word where rows are as far off as the other.
Normals below it, or with no classes beside them, leave rows no say at all."""


@dataclass(frozen=True)
class Told:
    """An angle in degrees, and whether surfaces or upright lines are sure of it: else it rests on rows, or on few."""

    deg: float
    sure: bool


def pitch_difference(batches: Sequence[DeviceBatch], anchors: Sequence[Task], fov_deg: float) -> Told:
    """By how many degrees cameras of the source must be turned up, or down where negative, to look as the target's do.

    Where the labels tell nothing, as those that are invalid everywhere, it is 0.

    Args:
        batches: with labels of the anchors in both domains.
        anchors: dense.
        fov_deg: the cameras' angle of view across the images' longer side.
    """
    batches = [_small(batch, anchors) for batch in batches]
    rows = _Rows(batches, anchors, fov_deg)
    if not rows.unturned:
        return Told(0.0, sure=False)
    by_normals, sure = _by_normals(batches, anchors, fov_deg)
    if by_normals:
        return Told(float(by_normals[0] if len(by_normals) == 1 else min(by_normals, key=rows.misfit)), sure)
    coarse = range(-_FARTHEST_DEG, _FARTHEST_DEG + 1, _COARSE_DEG)
    misfits: dict[int, float] = {}
    leans: dict[int, Convergence] = {}
    for pitch_deg in coarse:
        views = rows.turned(pitch_deg)
        misfits[pitch_deg], leans[pitch_deg] = rows.misfit_of(views), convergence(views, anchors, "source", fov_deg)
    middle = min(misfits, key=lambda pitch_deg: misfits[pitch_deg])
    first, last = max(middle - _COARSE_DEG + _FINE_DEG, coarse[0]), min(middle + _COARSE_DEG - _FINE_DEG, coarse[-1])
    by_rows = min(range(first, last + 1, _FINE_DEG), key=rows.misfit)
    by_uprights, error_deg = _where_equal(leans, convergence(batches, anchors, "target", fov_deg))
    sure = error_deg < _SURE_DEG
    return Told(float(by_uprights if sure and abs(by_rows - by_uprights) >= _FAR_DEG else by_rows), sure)


class _Rows:
    """What lies in which row of the target's labels, and of the source's once its cameras are turned.

    Attributes:
        unturned: how much of the labels of both lies in rows where the other has some; 0: they tell nothing.
    """

    def __init__(self, batches: Sequence[DeviceBatch], anchors: Sequence[Task], fov_deg: float) -> None:
        self.batches, self.anchors, self.fov_deg = batches, anchors, fov_deg
        self.wanted, self.there = _layout(batches, anchors, "target")
        self.unturned = float((_layout(batches, anchors, "source")[1] * self.there).sum())

    def turned(self, pitch_deg: int) -> list[DeviceBatch]:
        """The source as cameras see it that are turned up by that angle."""
        return [pitched(batch.only("source"), self.fov_deg, pitch_deg) for batch in self.batches]

    def misfit(self, pitch_deg: int) -> float:
        """`misfit_of` what cameras see that are turned up by that angle."""
        return self.misfit_of(self.turned(pitch_deg))

    def misfit_of(self, views: Sequence[DeviceBatch]) -> float:
        """How much differs; infinite where turned cameras see too little of what there was."""
        found, seen = _layout(views, self.anchors, "source")
        weight = seen * self.there
        if weight.sum() < _LEAST_SEEN * self.unturned:  # not of all pixels: labels may be sparse
            return math.inf
        return float(((found - self.wanted).square() * weight).sum() / weight.sum())


def _by_normals(batches: Sequence[DeviceBatch], anchors: Sequence[Task], fov_deg: float) -> tuple[Sequence[int], bool]:
    """The angles in whole degrees that normals allow, by the anchor whose normals err least, and whether they are sure.

    Two where they are a quarter turn apart and both likely; none where no normals tell, or classes may know better.
    """
    told = [[orientation(batches, task, domain, fov_deg) for domain in ("source", "target")] for task in anchors]
    told = [pair for pair in told if all(math.isfinite(each.error_deg) for each in pair)]
    seen = [pair for pair in told if all(each.of_surfaces for each in pair)]
    if not told:
        return (), False
    ours, theirs = min(seen or told, key=lambda pair: math.hypot(*(each.error_deg for each in pair)))
    sure = bool(seen) and math.hypot(ours.error_deg, theirs.error_deg) < _SURE_DEG
    if not sure and any(isinstance(task, SegmentationTask) for task in anchors):
        return (), False
    turn = (round(theirs.pitch_deg - ours.pitch_deg) + 45) % 90 - 45
    turns = [turn] if abs(turn) < _UNAMBIGUOUS_DEG else [turn, turn - 90 if turn > 0 else turn + 90]
    return [max(-_FARTHEST_DEG, min(each, _FARTHEST_DEG)) for each in turns], sure


def _where_equal(leans: Mapping[int, Convergence], wanted: Convergence) -> tuple[int, float]:
    """The angle at which the source's uprights lean as the target's do, and its standard error, both in degrees.

    Of several the one nearest to 0; where there is none, an infinite error.
    """
    found = [(0, math.inf)]
    degrees = sorted(leans)
    for low, high in pairwise(degrees):
        below, above = leans[low].lean, leans[high].lean
        if below <= wanted.lean < above:  # those of a camera that is turned up lean more
            angle = low + (high - low) * (wanted.lean - below) / (above - below)
            first, last = max(low - _COARSE_DEG, degrees[0]), min(high + _COARSE_DEG, degrees[-1])
            slope = (leans[last].lean - leans[first].lean) / (last - first)
            error = math.hypot(wanted.error, leans[0].error) / slope if slope > 0 else math.inf
            found.append((round(angle / _FINE_DEG) * _FINE_DEG, error))
    return min(found[1:] or found, key=lambda each: abs(each[0]))


def _small(batch: DeviceBatch, anchors: Sequence[Task]) -> DeviceBatch:
    """With the anchors' labels alone, and every so-manieth pixel of large images: what lies where is told as well."""
    step = max(1, max(batch.image.shape[-2:]) // _SIDE)
    names = [task.name for task in anchors]
    kept = {key: label for key, label in batch.labels.items() if key[1] in names}
    labels = {key: wrapped(label.as_subclass(Tensor)[..., ::step, ::step], label) for key, label in kept.items()}
    return DeviceBatch(batch.image[..., ::step, ::step], labels, batch.n_source)


def pitches_between(
    source: Dataset, target: Dataset, anchors: Sequence[str], fov_deg: float = Pair.fov_deg
) -> dict[str, Told]:
    """`pitch_between` by anchor; those that tell nothing are left out, and where some are sure, those that are not."""
    told = {name: pitch_between(source, target, source.task(name), fov_deg) for name in anchors}
    known = {name: pitch for name, pitch in told.items() if pitch is not None}
    return {name: pitch for name, pitch in known.items() if pitch.sure} or known


def notable(pitches: Mapping[str, Told]) -> float:
    """What most anchors tell, in degrees; 0 where none does, or the angle is not worth a word."""
    middle = median(pitch.deg for pitch in pitches.values()) if pitches else 0.0
    return middle if abs(middle) >= _NOTABLE_DEG else 0.0


def pitch_between(source: Dataset, target: Dataset, task: Task, fov_deg: float) -> Told | None:
    """By how many degrees the target's cameras look further up, or down where negative, as labels of train tell.

    Args:
        source: a dataset.
        target: another one.
        task: an anchor: labelled in both.
        fov_deg: the cameras' angle of view across the images' longer side.

    Returns:
        None where there are too few labels to tell, or they are points.
    """
    if not task.dense:
        return None
    ours, theirs = _labels(source, task), _labels(target, task)
    if min(len(ours), len(theirs)) < _FEWEST:
        return None
    labels = {("source", task.name): ours, ("target", task.name): theirs}
    batch = DeviceBatch(torch.zeros(len(ours) + len(theirs), 3, _SIDE, _SIDE), labels, len(ours))
    return pitch_difference([batch], [task], fov_deg)


def _layout(
    batches: Sequence[DeviceBatch], anchors: Sequence[Task], domain: str
) -> tuple[Float[Tensor, "c rows"], Float[Tensor, "c rows"]]:
    """What each row holds in the mean: each channel of the anchors over the pixels that are valid, and their share."""
    totals: list[Tensor] = []
    for batch in batches:
        size = (batch.image.shape[-2], batch.image.shape[-1])
        rows = []
        for task in anchors:
            *values, valid = as_channels(task, batch.labels[domain, task.name], size).mean(-1).unbind(1)
            rows.append(torch.stack([torch.stack(values, 1), valid[:, None].expand(-1, len(values), -1)]))
        totals.append(functional.adaptive_avg_pool1d(torch.cat(rows, 2).mean(1), _ROWS))
    values, valid = torch.stack(totals).mean(0)
    return values / valid.clamp(min=1e-6), valid


def _labels(dataset: Dataset, task: Task) -> Tensor:
    """Labels spread over the train split, in a square; of those files that can be read."""
    canvas, found = Canvas(_SIDE, _SIDE), []
    files = list(dataset.files("train", task.name).values())
    for file in files[:: max(1, len(files) // _LABELS)][:_LABELS]:
        try:
            label = task.read(file)
        except InputError:  # said elsewhere
            continue
        small = resized(label, canvas.size_for(label.shape[-2], label.shape[-1])).as_subclass(Tensor)
        top, left = window_corner(small.shape[-2], small.shape[-1], (_SIDE, _SIDE), None)
        found.append(torch.from_numpy(window(small.numpy(), top, left, _SIDE, _SIDE)))
    return task.wrap(torch.stack(found), (_SIDE, _SIDE)) if found else torch.empty(0)
