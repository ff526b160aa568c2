"""Angular error of surface normals, pooled over all valid pixels of a set: exact sums, constant memory."""

import math

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torchmetrics import Metric

from headfreeze.tasks.labels import nonzero
from headfreeze.tasks.sums import in_double, limbs, total

THRESHOLDS_DEG = {"below_11_25": 11.25, "below_22_5": 22.5, "below_30": 30.0}
_BIN_DEG = 0.01
_BINS = 18_001  # 0 … 180 degrees, the last for 180 itself
_ANGLE_UNIT = 1e-9  # degrees
_SQUARE_UNIT = 1e-6  # degrees²


def angles_deg(
    prediction: Float[Tensor, "b 3 h w"], label: Float[Tensor, "b 3 h w"]
) -> tuple[Float[Tensor, "b h w"], Bool[Tensor, "b h w"]]:
    """Angle between the normals in degrees, float64, and which pixels are valid in the label.

    Predictions need not have unit length. A missing one (zero or not finite) counts as 90°, so that leaving pixels out
    never pays.
    """
    p = in_double(prediction).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    t = in_double(label)
    lengths = (_dot(p, p) * _dot(t, t)).sqrt()
    cos = torch.where(lengths > 0, _dot(p, t) / lengths.clamp(min=1e-300), 0.0)
    return torch.acos(cos.clamp(-1, 1)).rad2deg(), nonzero(t).squeeze(-3)


def _dot(a: Float[Tensor, "b 3 h w"], b: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b h w"]:
    # Spelt out: the order in which a reduction adds depends on the shape of the batch.
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]


def update(
    prediction: Float[Tensor, "b 3 h w"], label: Float[Tensor, "b 3 h w"]
) -> tuple[Int64[Tensor, "3"], Int64[Tensor, "18001"], Int64[Tensor, "2"], Int64[Tensor, "2"]]:
    """Counts below the thresholds, histogram, sum of angles and of their squares over the valid pixels."""
    angle, valid = angles_deg(prediction, label)
    below = torch.stack([((angle < limit) & valid).sum() for limit in THRESHOLDS_DEG.values()])
    histogram = torch.bincount((angle[valid] / _BIN_DEG).long(), minlength=_BINS)
    return below, histogram, limbs(angle, _ANGLE_UNIT, valid), limbs(angle.square(), _SQUARE_UNIT, valid)


def compute(
    below: Int64[Tensor, "3"], histogram: Int64[Tensor, "18001"], angle: Int64[Tensor, "2"], square: Int64[Tensor, "2"]
) -> dict[str, int | float]:
    """The metrics from the sums; NaN where no pixel was valid."""
    pixels = int(histogram.sum())
    if pixels == 0:
        names = (*THRESHOLDS_DEG, "rmse", "mean", "median")
        return dict.fromkeys(names, math.nan) | {"pixels": 0}
    shares = {name: count / pixels for name, count in zip(THRESHOLDS_DEG, below.tolist(), strict=True)}
    return shares | {
        "rmse": math.sqrt(total(square, _SQUARE_UNIT) / pixels),
        "mean": total(angle, _ANGLE_UNIT) / pixels,
        "median": _median(histogram, pixels),
        "pixels": pixels,
    }


def _median(histogram: Int64[Tensor, "18001"], pixels: int) -> float:
    """Mean of the two middle angles, each taken at the middle of its bin: off by at most 0.005°."""
    middle = torch.tensor([(pixels - 1) // 2, pixels // 2], device=histogram.device)
    bins = torch.searchsorted(histogram.cumsum(0), middle, right=True)
    return min(_BIN_DEG * (float(bins.double().mean()) + 0.5), 180.0)


class NormalsMetric(Metric):
    """Shares of pixels below 11.25°, 22.5° and 30° (strictly), RMSE, mean and median of the angle in degrees.

    All valid pixels of all images count alike (pooled; not averaged per image). The numbers are the same to the bit for
    any batch size, order and number of processes. `compute()` gives `below_11_25`, `below_22_5`, `below_30` (0 … 1),
    `rmse`, `mean`, `median` and `pixels`, how many counted.
    """

    full_state_update = False
    higher_is_better = None
    below: Tensor
    histogram: Tensor
    angle: Tensor
    square: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, length in (("below", len(THRESHOLDS_DEG)), ("histogram", _BINS), ("angle", 2), ("square", 2)):
            self.add_state(name, torch.zeros(length, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Adds a batch of predictions and labels, both (b, 3, h, w)."""
        new = update(prediction, label)
        for state, values in zip(("below", "histogram", "angle", "square"), new, strict=True):
            setattr(self, state, getattr(self, state) + values.to(self.device))

    def compute(self) -> dict[str, int | float]:
        """The metrics over all that has been added; NaN where no pixel was valid."""
        return compute(self.below, self.histogram, self.angle, self.square)
