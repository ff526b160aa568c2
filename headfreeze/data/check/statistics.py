"""What the labels of a split look like: sums over pixels that add up over images, and what they say against the labels.

Two grades of objection: *faults* cannot be right, *doubts* are what a person should look at.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from jaxtyping import Float, Integer
from torch import Tensor

from headfreeze.data.check.poses import angles_row, counted, head_pose_deg, is_face
from headfreeze.tasks.base import Task
from headfreeze.tasks.points import Points, located
from headfreeze.tasks.segmentation import SegmentationTask

_NEAREST_M, _FARTHEST_M = 1e-3, 1e3  # what a depth label can hold
DEPTH_EDGES_M = np.geomspace(_NEAREST_M, _FARTHEST_M, 601)  # steps of 2.3 %
_TOO_FAR_M, _TOO_NEAR_M = 100.0, 0.05
_UNITS = ".npy holds metres, a 16-bit PNG millimetres"
_MOSTLY_INVALID = 0.25
_MANY_OUTSIDE = 0.25
_SMALL = 0.01
ANGLES = ("yaw", "pitch", "roll")


@dataclass(frozen=True)
class Statistics(ABC):
    """Sums over the pixels of a task's labels; those of two sets of labels add up to those of both."""

    unit: ClassVar[str] = "pixel"

    task: Task
    pixels: int
    valid: int

    @classmethod
    @abstractmethod
    def of(cls, label: Tensor, task: Task) -> Self:
        """The sums of one label (k, h, w)."""

    @abstractmethod
    def rows(self) -> dict[str, str]:
        """What a table shows, by name."""

    def faults(self) -> Iterator[str]:
        """What cannot be right."""
        yield from ()

    def doubts(self) -> Iterator[str]:
        """What may be wrong."""
        if not self.valid:
            yield f"no {self.unit} of any label is valid"
        elif self.valid_share < _MOSTLY_INVALID:
            yield f"only {self.valid_share:.0%} of the {self.unit}s are valid"

    @property
    def valid_share(self) -> float:
        """Share of the pixels that have a value."""
        return self.valid / max(self.pixels, 1)

    def __add__(self, other: Self) -> Self:
        names = [field.name for field in dataclasses.fields(self) if field.name != "task"]
        return dataclasses.replace(self, **{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True)
class DepthStatistics(Statistics):
    """A histogram over logarithmic steps, from which quantiles follow to 2 %."""

    counts: Integer[np.ndarray, " steps"]

    @classmethod
    def of(cls, label: Float[Tensor, "1 h w"], task: Task) -> Self:
        """The sums of one label."""
        depth_m = label[task.valid(label)].numpy()
        counts, _ = np.histogram(depth_m.clip(_NEAREST_M, _FARTHEST_M), DEPTH_EDGES_M)
        return cls(task, label.numel(), depth_m.size, counts)

    def quantile_m(self, share: float) -> float:
        """The depth below which this share of the valid pixels lies; NaN where none is valid."""
        if not self.valid:
            return float("nan")
        (step,) = self.steps(share)
        return float(np.sqrt(DEPTH_EDGES_M[step] * DEPTH_EDGES_M[step + 1]))

    def steps(self, *shares: float) -> list[int]:
        """The steps of the histogram that these quantiles lie in."""
        return [int(np.searchsorted(np.cumsum(self.counts), share * self.valid)) for share in shares]

    def rows(self) -> dict[str, str]:
        """Share of valid pixels, and quantiles."""
        quantiles = {"2 % are nearer than": 0.02, "median": 0.5, "2 % are farther than": 0.98}
        return {"valid": percent(self.valid_share)} | {k: f"{self.quantile_m(q):.3g} m" for k, q in quantiles.items()}

    def doubts(self) -> Iterator[str]:
        """Depths that few cameras see: a wrong unit."""
        yield from super().doubts()
        median_m = self.quantile_m(0.5)
        if median_m > _TOO_FAR_M or median_m < _TOO_NEAR_M:
            yield f"the median depth is {median_m:.3g} m; is the unit right? {_UNITS}"


@dataclass(frozen=True)
class SegmentationStatistics(Statistics):
    """Pixels of each class."""

    counts: Integer[np.ndarray, " classes"]

    @classmethod
    def of(cls, label: Integer[Tensor, "1 h w"], task: Task) -> Self:
        """The sums of one label."""
        index = label[task.valid(label)].numpy()
        return cls(task, label.numel(), index.size, np.bincount(index, minlength=task.channels))

    @property
    def shares(self) -> dict[str, float]:
        """Each class's share of the valid pixels."""
        assert isinstance(self.task, SegmentationTask)
        return dict(zip(self.task.classes, (self.counts / max(self.valid, 1)).tolist(), strict=True))

    def rows(self) -> dict[str, str]:
        """Share of valid pixels, and of each class among them."""
        return {"valid": percent(self.valid_share)} | {name: percent(share) for name, share in self.shares.items()}

    def doubts(self) -> Iterator[str]:
        """Classes that no label shows."""
        yield from super().doubts()
        seen = [name for name, share in self.shares.items() if share]
        if len(seen) == 1:
            yield f"every valid pixel is '{seen[0]}'; nothing can be learnt from that"
        elif seen and (missing := [f"'{name}'" for name in self.shares if name not in seen]):
            yield f"never seen: {', '.join(missing)}"


def percent(share: float) -> str:
    """A share as a table shows it: 0 and 100 % only where it is exactly that."""
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    if share < 0.0005:
        return "< 0.1 %"
    return "> 99.9 %" if share >= 0.9995 else f"{100 * share:.1f} %"


@dataclass(frozen=True)
class KeypointsStatistics(Statistics):
    """Points: how many are known, have a depth, lie in the image; the object's size in it; how a head is turned."""

    unit: ClassVar[str] = "point"

    deep: int
    flat: int
    outside: int
    labels: int
    size: float
    poses: Integer[np.ndarray, "3 steps"]

    @classmethod
    def of(cls, label: Tensor, task: Task) -> Self:
        """The sums of one label, which must be `Points`."""
        assert isinstance(label, Points)
        points, (height, width) = label.as_subclass(Tensor), label.canvas_size
        known = located(points)
        place = points[known][:, :2].numpy() / [width, height]
        outside = int(((place < 0) | (place > 1)).any(1).sum())
        size = float(np.ptp(place, axis=0).max()) if len(place) else 0.0
        z = points[:, 2][points[:, 2].isfinite()]
        flat = len(z) > 1 and bool((z == z[0]).all())
        poses = head_pose_deg(points.numpy()) if is_face(task) else (np.nan,) * 3
        turned = np.stack([counted(np.array([angle])) for angle in poses])
        return cls(task, len(points), len(place), len(z), flat, outside, bool(len(place)), size, turned)

    def rows(self) -> dict[str, str]:
        """Shares of the points that are known, have a depth, lie outside of their image; the mean size."""
        return {
            "valid": percent(self.valid_share),
            "with z": percent(self.deep / max(self.pixels, 1)),
            "outside of the image": percent(self.outside / max(self.valid, 1)),
            "size, share of the image": percent(self.size / max(self.labels, 1)),
        } | {f"head's {n}": angles_row(counts) for n, counts in zip(ANGLES, self.poses, strict=True) if counts.any()}

    def faults(self) -> Iterator[str]:
        """Points in other units than pixels."""
        if self.valid and self.outside == self.valid:
            yield "every point lies outside of its image; coordinates are pixels of the image, x before y"

    def doubts(self) -> Iterator[str]:
        """Points that many images do not show."""
        yield from super().doubts()
        if self.flat:
            yield f"in {self.flat} labels every z is the same, which counts as not known; leave it out or write NaN"
        if self.valid and self.outside / self.valid > _MANY_OUTSIDE:
            yield f"{percent(self.outside / self.valid)} of the points lie outside of their image; is x before y?"
        if self.valid and self.size / max(self.labels, 1) < _SMALL:
            yield "the points cover a hundredth of their image or less; are they shares of it? coordinates are pixels"
