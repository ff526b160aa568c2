"""Errors of keypoints against plain numpy, image by image."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from headfreeze.tasks.keypoints_metric import KeypointsMetric

COUNT = 5


def data(images: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    label = rng.uniform(0, 100, (images, COUNT, 4))
    prediction = label + rng.normal(0, rng.uniform(0.5, 20, (images, 1, 1)), label.shape)
    label[rng.random((images, COUNT)) < 0.2] = np.nan
    label[rng.random((images, COUNT)) < 0.2, 2] = np.nan
    label[:, :2, :2] = rng.uniform(0, 100, (images, 2, 2))  # the eyes are known
    return torch.from_numpy(prediction).float(), torch.from_numpy(label).float()


def numpy_metrics(prediction: Tensor, label: Tensor, eyes: bool) -> dict[str, float]:
    rows = []
    for p, t in zip(prediction.double().numpy(), label.double().numpy(), strict=True):
        known = np.isfinite(t[:, :2]).all(1)
        box = math.sqrt(np.prod(np.ptp(t[known, :2], axis=0)))
        size = np.linalg.norm(t[0, :2] - t[1, :2]) if eyes else box
        flat = np.linalg.norm(p[known, :2] - t[known, :2], axis=1)
        deep = np.isfinite(t[:, 2])
        deep &= deep.sum() > 1  # one depth alone is no depth
        z = (p[:, 2] - p[deep, 2].mean()) - (t[:, 2] - t[deep, 2].mean()) if deep.any() else t[:, 2]
        both = known & deep
        solid = np.sqrt(((p[both, :2] - t[both, :2]) ** 2).sum(1) + z[both] ** 2)
        rows.append([flat.mean() / size, flat.mean() / box, solid.mean() / size if both.any() else np.nan])
    errors = np.array(rows)
    curve = np.linspace(0, 0.08, 200_001)
    below = np.searchsorted(np.sort(errors[:, 0]), curve) / len(errors)
    return {
        **dict(zip(("nme", "nme_box", "nme_3d"), np.nanmean(errors, axis=0), strict=True)),
        "auc_8": np.trapezoid(below, curve) / 0.08,
        "failure_rate": (errors[:, 0] > 0.08).mean(),
        "images": len(errors),
    }


@pytest.mark.parametrize("eyes", [(0, 1), None])
def test_the_metrics_are_those_of_plain_numpy(eyes: tuple[int, int] | None) -> None:
    prediction, label = data(60)
    metric = KeypointsMetric(eyes)
    metric.update(prediction, label)
    assert metric.compute() == pytest.approx(numpy_metrics(prediction, label, eyes is not None), rel=1e-4, abs=1e-5)


def test_the_numbers_are_the_same_for_any_order_and_batch_size() -> None:
    prediction, label = data(30)
    whole, parts = KeypointsMetric((0, 1)), KeypointsMetric((0, 1))
    whole.update(prediction, label)
    for i in reversed(range(30)):
        parts.update(prediction[i : i + 1], label[i : i + 1])
    assert whole.compute() == parts.compute()


def test_a_perfect_prediction_has_no_error_whatever_the_origin_of_its_z() -> None:
    _, label = data(4)
    moved = label.nan_to_num(3.0)
    moved[..., 2] += 11
    metric = KeypointsMetric((0, 1))
    metric.update(torch.where(label.isnan() & (torch.arange(4) != 2), 5.0, moved), label)
    found = metric.compute()
    assert (found["nme"], found["auc_8"], found["failure_rate"]) == (0, 1, 0)
    assert found["nme_3d"] == pytest.approx(0, abs=1e-6)


def test_a_missing_prediction_costs_the_size_and_a_set_without_labels_has_no_metrics() -> None:
    label = torch.tensor([[[0.0, 0, 0, 1], [10, 0, 0, 1], [5, 10, 0, 1]]])
    prediction = label.clone()
    prediction[0, 2] = math.nan
    metric = KeypointsMetric((0, 1))
    found = metric(prediction, label)
    assert [found[name] for name in ("nme", "nme_box")] == pytest.approx([1 / 3, 1 / 3])
    empty = KeypointsMetric((0, 1))
    empty.update(prediction, torch.full_like(label, math.nan))
    found = empty.compute()
    assert found.pop("images") == 0
    assert all(math.isnan(value) for value in found.values())
