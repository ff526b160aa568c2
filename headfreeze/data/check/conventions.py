"""Normals in a foreign frame: the commonest fault of normal labels, and one that training does not show.

Ours: camera frame, x right, y up, z toward the viewer. Four signs betray another frame:

- Visible surfaces face the viewer: the mean of z is positive. This holds for every scene.
- Where there are depth labels: what recedes to the right faces right (x > 0), what recedes upwards faces up (y > 0).
- What bulges, bulges in both directions: over many images the products x · column and y · row, from the centre, right
  and up, have one sign: positive for things seen from outside (faces), negative for rooms seen from inside.
- Level surfaces in the lower part of a picture are floors and table tops, which face up, unless it shows a thing that
  bulges.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Integer
from torch import Tensor

from headfreeze.data.check.statistics import Statistics, percent
from headfreeze.tasks.base import Task

FRAME = "x right, y up, z toward the viewer"
_LEVEL = 0.7  # |y| of surfaces within 45° of level
_FEW_LEVEL = 0.2  # share of the lower third
_BULGE = 0.05  # measured: rooms −0.15 … −0.25, real offices −0.03 and −0.2, faces +0.3 and +0.06
_SLANT = 0.3  # |x| or |y| from which the slope of the depth is beyond its noise
_STEP = 0.1  # a relative change of depth within two pixels that is an edge, no slope
_FEW_PIXELS = 1000
_CONTRADICTED, _BORNE_OUT = 0.3, 0.7  # measured: 0.97 … 0.99 on rendered rooms and on a sensor's depth


@dataclass(frozen=True)
class NormalsStatistics(Statistics):
    """Mean direction, and the four signs.

    Attributes:
        direction: sum of the vectors.
        away: pixels with z < 0; a wide lens sees some.
        bulge: sums of x · column and y · row, these from −1 (left, bottom) to 1.
        lower: valid pixels in the lower third of the pictures, those level and facing up, level and facing down.
        sloped: pixels where the slope of the depth can tell the sign of x, and of y.
        agreeing: those of them where it does.
    """

    direction: Float[np.ndarray, "3"]
    away: int
    bulge: Float[np.ndarray, "2"]
    lower: Integer[np.ndarray, "3"]
    sloped: Integer[np.ndarray, "2"]
    agreeing: Integer[np.ndarray, "2"]

    @classmethod
    def of(cls, label: Float[Tensor, "3 h w"], task: Task, depth: Float[Tensor, "1 h w"] | None = None) -> Self:
        """The sums of one label; with the image's depth the signs are held against its slope."""
        valid = task.valid(label)[0].numpy()
        x, y, z = normals = label.numpy().astype(np.float64)
        height, width = valid.shape
        column = (np.arange(width) + 0.5) / width * 2 - 1
        row = 1 - (np.arange(height)[:, None] + 0.5) / height * 2
        low = valid & (row < -1 / 3)
        none = np.zeros(2, np.int64)
        sloped, agreeing = (none, none) if depth is None else _slopes(normals, depth[0].numpy())
        return cls(
            task,
            pixels=valid.size,
            valid=int(valid.sum()),
            direction=normals.sum((1, 2)),
            away=int((z < 0).sum()),
            bulge=np.array([(x * column).sum(), (y * row).sum()]),  # invalid pixels are zero
            lower=np.array([low.sum(), (low & (y > _LEVEL)).sum(), (low & (y < -_LEVEL)).sum()]),
            sloped=sloped,
            agreeing=agreeing,
        )

    @property
    def agreement(self) -> Float[np.ndarray, "2"]:
        """Shares of the sloped pixels where x, and y, have the sign of the depth's slope; NaN where those are few."""
        return np.where(self.sloped < _FEW_PIXELS, np.nan, self.agreeing / np.maximum(self.sloped, 1))

    def rows(self) -> dict[str, str]:
        """Share of valid pixels, mean direction, share that faces away, agreement with depth."""
        mean = self.direction / max(self.valid, 1)
        rows = {"valid": percent(self.valid_share)}
        rows |= {f"mean {axis}": f"{round(value, 2) + 0.0:+.2f}" for axis, value in zip("xyz", mean, strict=True)}
        rows["z < 0"] = percent(self.away / max(self.valid, 1))
        for axis, share in zip("xy", self.agreement, strict=True):
            if not np.isnan(share):
                rows[f"{axis} fits the depth"] = percent(share)
        return rows

    def faults(self) -> Iterator[str]:
        """A z that points away, an x or y that contradicts the depth."""
        if self.direction[2] < 0:
            yield f"z seems to point away from the viewer (mean {self.direction[2] / self.valid:+.2f}); {_repair('z')}"
        for axis, share in zip("xy", self.agreement, strict=True):
            if share < _CONTRADICTED:
                yield (
                    f"{axis} seems to be flipped: it contradicts the slope of the depth in {1 - share:.0%} of the"
                    f" pixels; {_repair(axis)}"
                )

    def doubts(self) -> Iterator[str]:
        """Floors that face down, things that bulge in one direction only, axes that the depth does not bear out."""
        yield from super().doubts()
        for axis, share in zip("xy", self.agreement, strict=True):
            if _CONTRADICTED <= share < _BORNE_OUT:
                yield (
                    f"{axis} fits the slope of the depth in {share:.0%} of the pixels only; are the axes the camera's"
                    f" ({FRAME})?"
                )
        if np.isfinite(self.agreement).all():
            return  # the depth knows better than the signs below
        pixels, up, down = self.lower
        x, y = self.bulge / max(self.valid, 1)
        if x * y < 0 and min(abs(x), abs(y)) > _BULGE:
            yield (
                f"x or y seems to be flipped: things {'bulge' if x > 0 else 'sink'} from left to right and"
                f" {'bulge' if y > 0 else 'sink'} from bottom to top; compare the contact sheet with its ball"
            )
        elif down > _FEW_LEVEL * pixels and down > 3 * up and abs(x) < _BULGE:
            yield f"y seems to be flipped: in the lower third {down / pixels:.0%} face down, {up / pixels:.0%} up"


def _slopes(
    normals: Float[np.ndarray, "3 h w"], depth_m: Float[np.ndarray, "h w"]
) -> tuple[Integer[np.ndarray, "2"], Integer[np.ndarray, "2"]]:
    """How many pixels' depth has a slope that tells the sign of x, and of y; and how many of those agree.

    A visible plane n · p = c < 0 has the depth c / (x u + y v − z) along the ray (u right, v up): it grows with u where
    x > 0 and with v where y > 0, in perspective too.
    """
    x, y = normals[:2, 1:-1, 1:-1]
    centre, right, left = depth_m[1:-1, 1:-1], depth_m[1:-1, 2:], depth_m[1:-1, :-2]
    above, below = depth_m[:-2, 1:-1], depth_m[2:, 1:-1]
    sloped, agreeing = [], []
    for component, further, nearer in ((x, right, left), (y, above, below)):
        slope = further - nearer
        usable = (centre > 0) & (further > 0) & (nearer > 0) & (slope != 0)
        usable &= (np.abs(slope) < _STEP * centre) & (np.abs(component) > _SLANT)
        sloped.append(usable.sum())
        agreeing.append((usable & (component * slope > 0)).sum())
    return np.array(sloped), np.array(agreeing)


def _repair(axis: str) -> str:
    return f"normals are {FRAME}: negate {axis} in all files, or convert from the data's own frame"
