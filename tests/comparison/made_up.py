"""Comparisons with made-up scores of images: normals, whose pooled metrics are those of the same angles."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from headfreeze.comparison.results import ImageRows, Results
from headfreeze.tasks import make_task

NAMES = ("below_11_25", "below_22_5", "below_30", "rmse", "mean", "median")


def metrics_of(angles: np.ndarray) -> dict[str, float]:
    """The six metrics of some angles in degrees."""
    shares = {name: float((angles < limit).mean()) for name, limit in zip(NAMES, (11.25, 22.5, 30.0), strict=False)}
    rmse = float(np.sqrt((angles**2).mean()))
    return shares | {"rmse": rmse, "mean": float(angles.mean()), "median": float(np.median(angles))}


def angles_results(
    means: Mapping[str, float],
    seeds: Sequence[int] = (0, 1, 2),
    images: int = 40,
    seed_std: float = 0.2,
    noise: float = 2.0,
    seed: int = 0,
    budget: int = 400,
) -> Results:
    """Images of 30 … 60 pixels; a recipe's angles are the images' own, scaled, and moved by its seeds and by chance."""
    results = Results(make_task("normals"), budget)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(30, 60, images)
    own = [rng.gamma(2, rng.gamma(8, 1 / 8), n) / 2 for n in pixels]
    for recipe, mean in means.items():
        for number in seeds:
            moved = rng.normal(0, seed_std)
            maps = [np.abs(mean * angles + moved + rng.normal(0, noise)) for angles in own]
            rows: ImageRows = [{"id": f"{k:03}", **metrics_of(a), "pixels": float(len(a))} for k, a in enumerate(maps)]
            pooled = np.concatenate(maps)
            results.add(recipe, number, metrics_of(pooled) | {"pixels": float(len(pooled))}, rows)
    return results


def normals_results(means: Mapping[str, Sequence[float]], noise: float = 0.1, images: int = 30) -> Results:
    """Recipes with these mean errors, a seed each; images spread about them, all with 100 pixels."""
    results = Results(make_task("normals"), budget=100)
    for recipe, values in means.items():
        for seed, mean in enumerate(values):
            rng = np.random.default_rng([seed, len(recipe)])
            errors = rng.normal(0, noise, images)
            errors += mean - errors.mean()
            rows: ImageRows = [{"id": str(k), "mean": float(e), "pixels": 100.0} for k, e in enumerate(errors)]
            results.add(recipe, seed, dict.fromkeys(NAMES, 0.5) | {"mean": mean, "pixels": 100.0 * images}, rows)
    return results


def segmentation_results(scores: Mapping[str, tuple[float, float]]) -> Results:
    """Recipes with these overlaps and accuracies, one seed; four images that are all alike."""
    results = Results(make_task("segmentation", {"classes": ["a", "b"]}), 10)
    for recipe, (miou, accuracy) in scores.items():
        row = {"miou": math.nan, "pixel_accuracy": accuracy, "pixels": 5.0}
        rows: ImageRows = [{"id": str(k)} | row for k in range(4)]
        metrics = {"miou": miou, "pixel_accuracy": accuracy, "iou_a": math.nan, "iou_b": miou, "pixels": 20.0}
        results.add(recipe, 0, metrics, rows)
    return results
