"""Normals in a foreign frame: the commonest fault of normal labels, and one that training does not show."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Integer
from torch import Tensor

from headfreeze.data.check.frames import OURS, Evidence, Verdict, likely_frames, named
from headfreeze.data.check.poses import angles_row, camera_pitch_deg, counted
from headfreeze.data.check.statistics import Statistics, percent
from headfreeze.data.depth_slopes import FOCAL_LENGTHS, slope_products
from headfreeze.tasks.base import Task

FRAME = "x right, y up, z toward the viewer"
_EDGE_ON = 0.15  # |value| of an axis, 9° from edge on
_MOST_NAMED = 4
DIRECTION_BINS = 12


@dataclass(frozen=True)
class NormalsStatistics(Evidence, Statistics):
    """Mean direction, a histogram over directions, and what betrays the frame (`headfreeze.data.check.frames`).

    Attributes:
        directions: pixels by x and y, equal steps from −1 to 1; (y, x), the first row is y = −1.
        pitch: images by how far the camera looks up, where floors and the like tell.
        away: pixels with z < 0; a wide lens sees some.
    """

    directions: Integer[np.ndarray, "12 12"]
    pitch: Integer[np.ndarray, " steps"]
    away: int

    @classmethod
    def of(cls, label: Float[Tensor, "3 h w"], task: Task, depth: Float[Tensor, "1 h w"] | None = None) -> Self:
        """The sums of one label; with the image's depth it is held against its slope, too."""
        valid = task.valid(label)[0].numpy()
        normals = label.numpy().astype(np.float64)
        height, width = valid.shape
        column = (np.arange(width) + 0.5) / width * 2 - 1
        row = 1 - (np.arange(height) + 0.5) / height * 2
        moments, amounts, edges = [], [], []
        for axis in normals:
            near = valid & (np.abs(axis) < _EDGE_ON)
            edges.append(int(near.sum()))
            moments.append(_moments(normals * near, column, row))
            amounts.append(_moments(np.abs(normals) * near, np.abs(column), np.abs(row)))
        products, compared = np.zeros((len(FOCAL_LENGTHS), 3, 3)), 0
        if depth is not None:
            products, compared = slope_products(normals, depth[0].numpy().astype(np.float64))
        x, y = normals[:2, valid]
        directions, _, _ = np.histogram2d(y, x, DIRECTION_BINS, [[-1.000001, 1.000001]] * 2)
        return cls(
            task=task,
            pixels=valid.size,
            valid=int(valid.sum()),
            images=int(valid.any()),
            directions=directions.astype(np.int64),
            pitch=counted(np.array([camera_pitch_deg(normals[:, valid])])),
            away=int((normals[2] < 0).sum()),
            signed=normals.sum((1, 2)),  # invalid pixels are zero
            absolute=np.abs(normals).sum((1, 2)),
            bulge=_moments(normals, column, row),
            edge_on=np.array(edges),
            edge_bulge=np.stack(moments),
            edge_amount=np.stack(amounts),
            products=products,
            compared=compared,
            turned=float(np.linalg.svd(products, compute_uv=False).sum(-1).max()),
        )

    @property
    def rooms(self) -> bool:
        """Whether most images show enough of floors, ceilings or table tops to tell the camera's pitch."""
        return 2 * int(self.pitch.sum()) > self.images

    def verdict(self) -> Verdict:
        """The frames that the normals can be in."""
        return likely_frames(self)

    def rows(self) -> dict[str, str]:
        """Share of valid pixels, mean direction, share that faces away, the frames that fit."""
        mean = self.signed / max(self.valid, 1)
        rows = {"valid": percent(self.valid_share)}
        rows |= {f"mean {axis}": f"{round(value, 2) + 0.0:+.2f}" for axis, value in zip("xyz", mean, strict=True)}
        rows["z < 0"] = percent(self.away / max(self.valid, 1))
        if self.rooms:
            rows["camera looks up by"] = angles_row(self.pitch)
        verdict = self.verdict()
        rows["frame"] = "unclear"
        if len(verdict.frames) == 1:
            rows["frame"] = "ours" if verdict.frames[0] == OURS else verdict.frames[0]
        elif OURS in verdict.frames:
            rows["frame"] = "ours fits"
        if not np.isnan(verdict.fit):
            rows["fits the depth"] = f"{verdict.fit:.2f}"
        return rows

    def faults(self) -> Iterator[str]:
        """Another frame than ours, where it is sure."""
        verdict = self.verdict()
        if verdict.world:
            yield (
                f"each image's normals fit its depth (mean cosine {verdict.own:.2f}), but each in a frame of its own:"
                f" they seem to be in the world's; turn them by the camera's rotation into {FRAME}"
            )
        elif OURS not in verdict.frames and verdict.frames and (verdict.by_depth or self._viewer_told(verdict)):
            yield _foreign(verdict)

    def doubts(self) -> Iterator[str]:
        """Another frame than ours, where it is likely; normals that no frame explains."""
        yield from super().doubts()
        verdict = self.verdict()
        if verdict.by_depth and not verdict.frames and not verdict.world:
            yield (
                f"no frame fits the slope of the depth (the best has a mean cosine of {verdict.fit:.2f}); do the labels"
                " belong to the same image?"
            )
        elif not verdict.frames and self.valid:
            yield (
                "on no axis do nearly all normals have one sign, as z must, for visible surfaces face the viewer; are"
                f" they in the camera's frame ({FRAME}), not the world's?"
            )
        elif OURS not in verdict.frames and verdict.frames and not verdict.by_depth and not self._viewer_told(verdict):
            yield _foreign(verdict)

    def _viewer_told(self, verdict: Verdict) -> bool:
        """Whether already what should be z contradicts: no scene looks like that."""
        return not any(frame.endswith(" z") for frame in verdict.frames)


def _moments(
    normals: Float[np.ndarray, "3 h w"], column: Float[np.ndarray, " w"], row: Float[np.ndarray, " h"]
) -> Float[np.ndarray, "3 2"]:
    return np.stack([normals.sum(1) @ column, normals.sum(2) @ row], 1)


def _foreign(verdict: Verdict) -> str:
    """That the frame is another one, which, and how to convert."""
    known = f"by the slope of the depth, mean cosine {verdict.fit:.2f}" if verdict.by_depth else "by what they show"
    if len(verdict.frames) == 1:
        frame = verdict.frames[0]
        return (
            f"looks as stored in {named(frame)} ({known}); ours is {FRAME}: convert with"
            f" headfreeze.data.readers.frames.to_ours(normals, '{frame}')"
        )
    listed = " or ".join(named(frame) for frame in verdict.frames[:_MOST_NAMED])
    more = " or others" if len(verdict.frames) > _MOST_NAMED else ""
    return (
        f"not in our frame ({FRAME}), but stored in {listed}{more} ({known}); without depth that is not told apart:"
        " compare the contact sheet with its ball, convert with headfreeze.data.readers.frames.to_ours"
    )
