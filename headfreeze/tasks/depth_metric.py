"""Depth error, pooled over all valid pixels of a set, as predicted and after scaling each image to its median."""

import math

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torchmetrics import Metric

from headfreeze.tasks.sums import in_double, limbs, total

THRESHOLD = 1.25  # of max(prediction / label, label / prediction); its square and cube too
_SCALES = ("", "_median_scaled")
_RELATIVE_UNIT = 1e-9
_SQUARE_UNIT = 1e-9  # metres²


def update(
    prediction: Float[Tensor, "b 1 h w"], label: Float[Tensor, "b 1 h w"]
) -> tuple[Int64[Tensor, "2 3"], Int64[Tensor, "2 2"], Int64[Tensor, "2 2"], Int64[Tensor, ""]]:
    """Counts below the thresholds, sums of relative errors and of squares (each as predicted, scaled); pixels."""
    p, t = _metres(prediction), _metres(label)
    valid = t > 0
    scaled = p * _median_ratios(p, t, valid)[:, None, None, None]
    counts, relative, square = zip(*(_sums(x, t, valid) for x in (p, scaled)), strict=True)
    return torch.stack(counts), torch.stack(relative), torch.stack(square), valid.sum()


def relative_errors(
    prediction: Float[Tensor, "*b 1 h w"], label: Float[Tensor, "*b 1 h w"]
) -> Float[Tensor, "*b 1 h w"]:
    """|d − d*| / d*, float64; NaN where the label is invalid. A missing prediction counts as a depth of 0."""
    p, t = _metres(prediction), _metres(label)
    return torch.where(t > 0, (p - t).abs() / t, torch.nan)


def _metres(depth: Float[Tensor, "*b 1 h w"]) -> Float[Tensor, "*b 1 h w"]:
    return in_double(depth).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).clamp(min=0)


def _median_ratios(
    p: Float[Tensor, "b 1 h w"], t: Float[Tensor, "b 1 h w"], valid: Bool[Tensor, "b 1 h w"]
) -> Float[Tensor, " b"]:
    """Per image, median of the label over that of the prediction; 1 where an image has none."""
    ratios = []
    for one_p, one_t, one_valid in zip(p, t, valid, strict=True):
        above, below = _median(one_t[one_valid]), _median(one_p[one_valid])
        ratios.append(torch.where(below > 0, above / below, 1.0))
    return torch.stack(ratios)


def _median(values: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    """The mean of the two middle values; 0 of none."""
    n = len(values)
    return values.sort().values[[(n - 1) // 2, n // 2]].mean() if n else values.sum()


def _sums(
    p: Float[Tensor, "b 1 h w"], t: Float[Tensor, "b 1 h w"], valid: Bool[Tensor, "b 1 h w"]
) -> tuple[Int64[Tensor, "3"], Int64[Tensor, "2"], Int64[Tensor, "2"]]:
    ratio = torch.maximum(p / t, t / p)
    counts = torch.stack([((ratio < THRESHOLD**k) & valid).sum() for k in (1, 2, 3)])
    error = (p - t).abs()
    return counts, limbs(error / t, _RELATIVE_UNIT, valid), limbs(error.square(), _SQUARE_UNIT, valid)


def compute(
    counts: Int64[Tensor, "2 3"],
    relative: Int64[Tensor, "2 2"],
    square: Int64[Tensor, "2 2"],
    pixels: Int64[Tensor, ""],
) -> dict[str, int | float]:
    """The metrics from the sums; NaN where no pixel was valid."""
    n = int(pixels)
    metrics: dict[str, int | float] = {}
    for i, suffix in enumerate(_SCALES):
        metrics[f"abs_rel{suffix}"] = total(relative[i], _RELATIVE_UNIT) / n if n else math.nan
        metrics[f"rmse{suffix}"] = math.sqrt(total(square[i], _SQUARE_UNIT) / n) if n else math.nan
        for k, count in enumerate(counts[i].tolist(), 1):
            metrics[f"delta_{k}{suffix}"] = count / n if n else math.nan
    return metrics | {"pixels": n}


class DepthMetric(Metric):
    """`abs_rel` (mean of |d − d*| / d*), `rmse` in metres, `delta_1 … 3`: shares with max(d/d*, d*/d) < 1.25, ², ³.

    The same with the suffix `_median_scaled`, where each image's prediction is first multiplied by its median(d*) /
    median(d) over the valid pixels, as is usual where the scale cannot be known (metrics: Eigen et al. 2014, arXiv
    1406.2283; scaling: Zhou et al. 2017, arXiv 1704.07813). All valid pixels of all images count alike; a missing
    prediction (0 or not finite) counts as a depth of 0. The numbers are the same to the bit for any batch size, order
    and number of processes; single errors saturate at 2.8 · 10⁵ (relative) and 2.8 · 10⁵ m² (squared).
    """

    full_state_update = False
    higher_is_better = None
    counts: Tensor
    relative: Tensor
    square: Tensor
    pixels: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, shape in (("counts", (2, 3)), ("relative", (2, 2)), ("square", (2, 2)), ("pixels", ())):
            self.add_state(name, torch.zeros(shape, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Adds a batch of predictions and labels in metres, both (b, 1, h, w)."""
        new = update(prediction, label)
        for state, values in zip(("counts", "relative", "square", "pixels"), new, strict=True):
            setattr(self, state, getattr(self, state) + values.to(self.device))

    def compute(self) -> dict[str, int | float]:
        """The metrics over all that has been added; NaN where no pixel was valid."""
        return compute(self.counts, self.relative, self.square, self.pixels)
