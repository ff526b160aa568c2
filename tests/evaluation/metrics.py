"""The metrics over all valid pixels, in plain numpy, from arrays (h, w) or (h, w, 3)."""

from collections.abc import Sequence

import numpy as np

Arrays = Sequence[np.ndarray]


def normals_metrics(predictions: Arrays, labels: Arrays) -> dict[str, float]:
    """Angles in degrees of all pixels with a label; a label of zeros is none."""
    p, t = (np.concatenate([a.reshape(-1, 3) for a in arrays]).astype(float) for arrays in (predictions, labels))
    p, t = p[(t != 0).any(1)], t[(t != 0).any(1)]
    cos = (p * t).sum(1) / np.linalg.norm(p, axis=1) / np.linalg.norm(t, axis=1)
    angles = np.degrees(np.arccos(cos.clip(-1, 1)))
    return {
        "below_11_25": float((angles < 11.25).mean()),
        "below_22_5": float((angles < 22.5).mean()),
        "below_30": float((angles < 30).mean()),
        "rmse": float(np.sqrt((angles**2).mean())),
        "mean": float(angles.mean()),
        "median": float(np.median(angles)),
        "pixels": len(angles),
    }


def depth_metrics(predictions: Arrays, labels: Arrays) -> dict[str, float]:
    """Metres; a label of zero is none. Scaled: each image's prediction times median(label) / median(prediction)."""
    metrics: dict[str, float] = {}
    ratios = [np.median(t[t > 0]) / np.median(p[t > 0]) for p, t in zip(predictions, labels, strict=True)]
    t = np.concatenate([label[label > 0] for label in labels]).astype(float)
    for suffix, scales in (("", [1.0] * len(ratios)), ("_median_scaled", ratios)):
        p = np.concatenate(
            [a[label > 0] * scale for a, label, scale in zip(predictions, labels, scales, strict=True)]
        ).astype(float)
        worst = np.maximum(p / t, t / p)
        metrics[f"abs_rel{suffix}"] = float((np.abs(p - t) / t).mean())
        metrics[f"rmse{suffix}"] = float(np.sqrt(((p - t) ** 2).mean()))
        metrics |= {f"delta_{k}{suffix}": float((worst < 1.25**k).mean()) for k in (1, 2, 3)}
    return metrics | {"pixels": len(t)}


def segmentation_metrics(predictions: Arrays, labels: Arrays, classes: Sequence[str]) -> dict[str, float]:
    """Class indices; a label of 255 is none. A class in neither label nor prediction is left out of the mean."""
    p, t = (np.concatenate([a.reshape(-1) for a in arrays]).astype(int) for arrays in (predictions, labels))
    p, t = p[t != 255], t[t != 255]
    overlaps = {}
    for index, name in enumerate(classes):
        union = ((p == index) | (t == index)).sum()
        overlaps[f"iou_{name}"] = float(((p == index) & (t == index)).sum() / union) if union else float("nan")
    return {
        "miou": float(np.nanmean(list(overlaps.values()))),
        "pixel_accuracy": float((p == t).mean()),
        **overlaps,
        "pixels": len(t),
    }
