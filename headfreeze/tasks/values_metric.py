"""Absolute error of any real values, pooled over all valid pixels of a set: exact sums, for tasks of one's own."""

import math

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torchmetrics import Metric

from headfreeze.tasks.labels import nonzero
from headfreeze.tasks.sums import in_double, limbs, total

_UNIT = 1e-9


def update(
    prediction: Float[Tensor, "b k h w"], label: Float[Tensor, "b k h w"]
) -> tuple[Int64[Tensor, "2"], Int64[Tensor, ""]]:
    """Sum of |prediction − label|, of each pixel its mean over channels, and the number of valid pixels.

    A prediction that is not finite counts as 0.
    """
    p, t = in_double(prediction).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0), in_double(label)
    valid: Bool[Tensor, "b 1 h w"] = nonzero(t)
    return limbs((p - t).abs().mean(1, keepdim=True), _UNIT, valid), valid.sum()


class AbsoluteErrorMetric(Metric):
    """`mae`, the mean absolute error, and `pixels`, how many counted; pixels that are zero in the label do not."""

    full_state_update = False
    higher_is_better = None
    error: Tensor
    pixels: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("error", torch.zeros(2, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("pixels", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Adds a batch of predictions and labels, both (b, k, h, w)."""
        error, pixels = update(prediction, label)
        self.error = self.error + error.to(self.device)
        self.pixels = self.pixels + pixels.to(self.device)

    def compute(self) -> dict[str, int | float]:
        """The metrics over all that has been added; NaN where no pixel was valid."""
        pixels = int(self.pixels)
        return {"mae": total(self.error, _UNIT) / pixels if pixels else math.nan, "pixels": pixels}
