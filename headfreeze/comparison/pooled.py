"""Which metrics can be resampled: those that are means over pixels or images, and what stands for the others."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

_STAND_INS = {"miou": "pixel_accuracy"}
"""Metrics that scores of images do not give, and the mean over pixels that is tested in their place."""
_HIGHER_IS_BETTER = ("below_", "delta_", "iou_", "miou", "pixel_accuracy", "auc_")
_LOWER_IS_BETTER = ("mean", "median", "rmse", "abs_rel", "nme", "failure_rate")
_ROOTS = "rmse"
Images = Mapping[str, Mapping[int, Sequence[Mapping[str, float | str]]]]
"""{recipe: {seed: a row for each image}}."""


def stand_in(metric: str) -> str:
    """What is tested for a metric: itself, where the pooled metric is a (root of a) mean over images.

    A pooled median is none either: the mean of the images' medians has the same name, and stands for it.
    """
    return "pixel_accuracy" if metric.startswith("iou_") else _STAND_INS.get(metric, metric)


def is_root(metric: str) -> bool:
    """Whether squares are pooled."""
    return metric.startswith(_ROOTS)


def direction(metric: str) -> int:
    """1 where lower is better, −1 where higher is, 0 for a metric of somebody's own task that says neither."""
    return metric.startswith(_LOWER_IS_BETTER) - metric.startswith(_HIGHER_IS_BETTER)


def image_scores(
    images: Images, metric: str, counted: str
) -> tuple[dict[str, dict[int, Float[np.ndarray, " n"]]], Float[np.ndarray, " n"]]:
    """A metric of every image and run, NaN where a row lacks it, and the weight of each image.

    Args:
        images: {recipe: {seed: a row for each image}}.
        metric: what to take from the rows.
        counted: what the weights are called.
    """
    scores = {
        recipe: {
            seed: np.array([float(row.get(metric, np.nan)) for row in rows], float) for seed, rows in seeds.items()
        }
        for recipe, seeds in images.items()
    }
    return scores, np.array([float(row[counted]) for row in first_rows(images)], float)


def image_groups(images: Images) -> list[str] | None:
    """Which group each image belongs to; None where the dataset did not say when it was evaluated."""
    rows = first_rows(images)
    return [str(row["group"]) for row in rows] if rows and "group" in rows[0] else None


def first_rows(images: Images) -> Sequence[Mapping[str, float | str]]:
    """The rows of one run; all have the same images in the same order."""
    return next((rows for seeds in images.values() for rows in seeds.values()), [])
