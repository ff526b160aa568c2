import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headfreeze.tasks.depth import DepthTask
from headfreeze.tasks.depth_metric import DepthMetric


def scene(images: int, invalid: float = 0.2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions that are off by a factor of their image's own and by noise; labels with holes."""
    rng = np.random.default_rng(seed)
    label = rng.uniform(0.5, 9, (images, 1, 11, 13))
    factor = rng.uniform(0.5, 2, (images, 1, 1, 1))
    prediction = label * factor * np.exp(rng.normal(0, 0.2, label.shape))
    label[rng.random(label.shape) < invalid] = 0
    return torch.from_numpy(prediction).float(), torch.from_numpy(label).float()


def in_numpy(prediction: torch.Tensor, label: torch.Tensor) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for suffix in ("", "_median_scaled"):
        pooled_p, pooled_t = [], []
        for p, t in zip(prediction.double().numpy(), label.double().numpy(), strict=True):
            p, t = p[t > 0], t[t > 0]
            pooled_p.append(p * np.median(t) / np.median(p) if suffix else p)
            pooled_t.append(t)
        p, t = np.concatenate(pooled_p), np.concatenate(pooled_t)
        metrics[f"abs_rel{suffix}"] = (np.abs(p - t) / t).mean()
        metrics[f"rmse{suffix}"] = np.sqrt(((p - t) ** 2).mean())
        for k in (1, 2, 3):
            metrics[f"delta_{k}{suffix}"] = (np.maximum(p / t, t / p) < 1.25**k).mean()
    return metrics | {"pixels": len(t)}


def test_the_metrics_equal_numpys_over_all_valid_pixels_pooled() -> None:
    prediction, label = scene(5)
    metric = DepthMetric()
    metric.update(prediction, label)
    got, expected = metric.compute(), in_numpy(prediction, label)
    assert list(got) == list(expected)
    assert got == pytest.approx(expected, rel=1e-7)


@given(st.permutations(range(6)), st.integers(1, 6))
def test_the_result_is_the_same_to_the_bit_for_any_order_and_batch_size(order: list[int], size: int) -> None:
    prediction, label = scene(6)
    whole, parts = DepthMetric(), DepthMetric()
    whole.update(prediction, label)
    for at in range(0, 6, size):
        parts.update(prediction[order[at : at + size]], label[order[at : at + size]])
    assert parts.compute() == whole.compute()


def test_a_wrong_scale_is_forgiven_only_after_median_scaling() -> None:
    _, label = scene(3)
    metric = DepthMetric()
    metric.update(label * torch.tensor([0.5, 2.0, 1.5])[:, None, None, None], label)
    got = metric.compute()
    assert got["abs_rel"] == pytest.approx(0.67, abs=0.05)
    assert got["delta_1"] == 0
    assert got["abs_rel_median_scaled"] == pytest.approx(0, abs=1e-6)
    assert got["delta_1_median_scaled"] == 1


def test_the_thresholds_are_strict() -> None:
    metric = DepthMetric()
    prediction = torch.tensor([1.25, 1.25**2, 1.25**3, 1 / 1.25], dtype=torch.float64).view(4, 1, 1, 1)
    metric.update(prediction, torch.ones(4, 1, 1, 1))
    got = metric.compute()
    assert [got[f"delta_{k}"] for k in (1, 2, 3)] == [0, 0.5, 0.75]


@pytest.mark.parametrize("missing", [0.0, math.nan, math.inf, -1.0])
def test_a_missing_prediction_counts_as_a_depth_of_0(missing: float) -> None:
    prediction, label = torch.full((1, 1, 2, 2), 2.0), torch.full((1, 1, 2, 2), 2.0)
    prediction[0, 0, 0, 0] = missing
    metric = DepthMetric()
    metric.update(prediction, label)
    got = metric.compute()
    assert (got["abs_rel"], got["rmse"], got["delta_3"], got["pixels"]) == (0.25, 1.0, 0.75, 4)


def test_an_image_without_any_prediction_is_finite() -> None:
    metric = DepthMetric()
    metric.update(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2))
    got = metric.compute()
    assert got["abs_rel_median_scaled"] == 1
    assert got["delta_3_median_scaled"] == 0


def test_images_without_a_label_change_nothing_and_alone_give_nan() -> None:
    prediction, label = scene(3)
    alone, beside = DepthMetric(), DepthMetric()
    alone.update(prediction, label)
    beside.update(torch.cat([prediction, prediction[:1]]), torch.cat([label, torch.zeros_like(label[:1])]))
    assert alone.compute() == beside.compute()
    empty = DepthTask().metric()
    empty.update(prediction, torch.zeros_like(label))
    got = empty.compute()
    assert got.pop("pixels") == 0
    assert len(got) == 10
    assert all(math.isnan(value) for value in got.values())


def test_calling_the_metric_gives_the_batch_and_adds_it() -> None:
    prediction, label = scene(3)
    metric = DepthMetric()
    rows = [metric(prediction[i : i + 1], label[i : i + 1]) for i in range(3)]
    assert rows[1] == pytest.approx(in_numpy(prediction[1:2], label[1:2]))
    assert metric.compute() == pytest.approx(in_numpy(prediction, label))
    assert DepthTask.score in rows[0]
