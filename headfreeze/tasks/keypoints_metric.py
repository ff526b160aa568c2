"""Errors of keypoints, divided by the size of what they lie on: the mean over a set's images."""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torchmetrics import Metric

from headfreeze.tasks.points import centred_z, located
from headfreeze.tasks.sums import in_double, limbs, total

FAILURE = 0.08
"""An image whose error is larger is a failure; up to there reaches the area under the curve."""
_UNIT = 1e-9
_ERRORS = ("nme", "nme_box", "nme_3d")


def image_errors(
    prediction: Float[Tensor, "b k 4"], label: Float[Tensor, "b k 4"], eyes: tuple[int, int] | None
) -> Float[Tensor, "b 3"]:
    """nme, nme_box and nme_3d of each image; NaN where an image has no such error.

    A point whose prediction is not finite has an error of 1; one that is predicted without z lies at their mean.
    """
    p, t = in_double(prediction), in_double(label)
    known = located(t)
    offset = torch.where(known[..., None], t[..., :2] - p[..., :2], 0.0)
    box = _box_size(t, known)
    size = box if eyes is None else (t[..., eyes[0], :2] - t[..., eyes[1], :2]).norm(dim=-1)
    missing = ~p[..., :2].isfinite().all(-1)
    flat = offset.norm(dim=-1)
    (p_z, _), (t_z, deep) = centred_z(torch.where(t[..., 2:3].isfinite(), p, math.nan)), centred_z(t)
    solid = (offset.square().sum(-1) + (t_z - p_z).square()).sqrt()
    return torch.stack(
        [
            _mean(torch.where(missing, 1.0, errors / scale[:, None]), counted)
            for errors, scale, counted in ((flat, size, known), (flat, box, known), (solid, size, known & deep))
        ],
        -1,
    )


def _box_size(points: Float[Tensor, "b k 4"], known: Tensor) -> Float[Tensor, " b"]:
    """√(width · height) of the bounding box of the known points."""
    place = points[..., :2]
    high = torch.where(known[..., None], place, -math.inf).amax(1)
    low = torch.where(known[..., None], place, math.inf).amin(1)
    return (high - low).prod(-1).sqrt()


def _mean(errors: Float[Tensor, "b k"], counted: Tensor) -> Float[Tensor, " b"]:
    """Over the counted points of each image; NaN where there is none, or nothing to divide by."""
    finite = torch.where(counted, errors, 0.0)
    return finite.sum(-1) / counted.sum(-1)


def update(errors: Float[Tensor, "b 3"]) -> tuple[Int64[Tensor, "3 2"], Int64[Tensor, "3"], Tensor, Tensor]:
    """Sums of the errors and their counts, the sum of what is under the curve, the number of failures."""
    columns = errors.unbind(-1)
    counted = [column.isfinite() for column in columns]
    sums = torch.stack([limbs(column, _UNIT, there) for column, there in zip(columns, counted, strict=True)])
    nme, there = columns[0], counted[0]
    area = limbs((1 - nme / FAILURE).clamp(min=0), _UNIT, there)
    return sums, torch.stack([c.sum() for c in counted]), area, ((nme > FAILURE) & there).sum()


def compute(sums: Tensor, counts: Tensor, area: Tensor, failures: Tensor) -> dict[str, int | float]:
    """The metrics from the sums; NaN where no image had such an error."""
    numbers = counts.tolist()
    metrics: dict[str, int | float] = {
        name: total(pair, _UNIT) / n if n else math.nan for name, pair, n in zip(_ERRORS, sums, numbers, strict=True)
    }
    n = numbers[0]
    metrics["auc_8"] = total(area, _UNIT) / n if n else math.nan
    metrics["failure_rate"] = int(failures) / n if n else math.nan
    return metrics | {"images": n}


class KeypointsMetric(Metric):
    """Normalised mean errors: distances of points over a size, averaged over an image's points, then over images.

    `nme`: in the image, over the distance of two points (of faces: the outer corners of the eyes, as 300-W has it);
    without such points over √(width · height) of the bounding box of the label's points, as is always `nme_box`.
    `nme_3d`: in three dimensions, z from its mean in both, over the size of `nme`. `auc_8`: the area under the curve
    of the share of images below an error of `nme`, up to 8 %, divided by 8 %; `failure_rate`: the share above 8 %.
    Points without a label do not count. The numbers are the same to the bit for any batch size, order and number of
    processes.
    """

    full_state_update = False
    higher_is_better = None
    sums: Tensor
    counts: Tensor
    area: Tensor
    failures: Tensor

    def __init__(self, eyes: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.eyes = eyes
        for name, shape in (("sums", (3, 2)), ("counts", (3,)), ("area", (2,)), ("failures", ())):
            self.add_state(name, torch.zeros(shape, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Adds a batch of predictions and labels in pixels, both (b, k, 4)."""
        new = update(image_errors(prediction, label, self.eyes))
        for state, values in zip(("sums", "counts", "area", "failures"), new, strict=True):
            setattr(self, state, getattr(self, state) + values.to(self.device))

    def compute(self) -> dict[str, int | float]:
        """The metrics over all that has been added; NaN where no image had a label for them."""
        return compute(self.sums, self.counts, self.area, self.failures)
