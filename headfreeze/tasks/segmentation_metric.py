"""Overlap of predicted and true classes, pooled over all valid pixels of a set."""

import math

import torch
from jaxtyping import Int64, Integer
from torch import Tensor
from torchmetrics import Metric


def update(
    prediction: Integer[Tensor, "b 1 h w"], label: Integer[Tensor, "b 1 h w"], classes: int
) -> tuple[Int64[Tensor, " c"], Int64[Tensor, " c"], Int64[Tensor, " c"]]:
    """Pixels of each class that are hit, that the label has, and that the prediction has; valid pixels only.

    These are the diagonal and the margins of the confusion matrix, all that the metrics need of it. A prediction
    outside of the classes hits nothing and is no class's false alarm.
    """
    p, t = prediction.detach().flatten().long(), label.detach().flatten().long()
    valid = t < classes
    p, t = p[valid], t[valid]
    return (
        torch.bincount(t[p == t], minlength=classes),
        torch.bincount(t, minlength=classes),
        torch.bincount(p[(p >= 0) & (p < classes)], minlength=classes),
    )


def compute(
    hits: Int64[Tensor, " c"], labelled: Int64[Tensor, " c"], predicted: Int64[Tensor, " c"], names: tuple[str, ...]
) -> dict[str, int | float]:
    """The metrics from the counts; NaN where no pixel was valid, and for classes in neither label nor prediction."""
    pixels = int(labelled.sum())
    union = labelled + predicted - hits
    overlaps = [h / u if u else math.nan for h, u in zip(hits.tolist(), union.tolist(), strict=True)]
    present = [iou for iou in overlaps if not math.isnan(iou)]
    return {
        "miou": sum(present) / len(present) if present else math.nan,
        "pixel_accuracy": int(hits.sum()) / pixels if pixels else math.nan,
        **{f"iou_{name}": iou for name, iou in zip(names, overlaps, strict=True)},
        "pixels": pixels,
    }


class SegmentationMetric(Metric):
    """`miou`, `pixel_accuracy` and `iou_CLASS` for each class, from counts over all valid pixels of all images.

    IoU = hits / (labelled + predicted − hits). A class in neither label nor prediction is NaN and left out of the mean.
    A prediction of no class (the invalid index) at a valid pixel is wrong.
    """

    full_state_update = False
    higher_is_better = None
    hits: Tensor
    labelled: Tensor
    predicted: Tensor

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names
        for state in ("hits", "labelled", "predicted"):
            self.add_state(state, torch.zeros(len(names), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Adds a batch of predictions and labels, class indices, both (b, 1, h, w)."""
        new = update(prediction, label, len(self.names))
        for state, values in zip(("hits", "labelled", "predicted"), new, strict=True):
            setattr(self, state, getattr(self, state) + values.to(self.device))

    def compute(self) -> dict[str, int | float]:
        """The metrics over all that has been added."""
        return compute(self.hits, self.labelled, self.predicted, self.names)
