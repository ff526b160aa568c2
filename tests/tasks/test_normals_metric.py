import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headfreeze.tasks.normals import NormalsTask
from headfreeze.tasks.normals_metric import NormalsMetric
from tests.tasks.scenes import plane, random_normals


def noisy(label: torch.Tensor, spread: float, seed: int = 1) -> torch.Tensor:
    return label + spread * torch.randn(label.shape, generator=torch.Generator().manual_seed(seed))


def tilted(angles_deg: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions of known angles to the labels (0, 0, 1): (1, 3, 1, n) each, in double precision."""
    angles = torch.tensor(angles_deg, dtype=torch.float64).deg2rad()
    prediction = torch.stack([angles.sin(), torch.zeros_like(angles), angles.cos()])[None, :, None]
    return prediction, plane((0, 0, 1), len(angles_deg))[None, :, :1].double()


def in_numpy(prediction: torch.Tensor, label: torch.Tensor) -> dict[str, float]:
    p = prediction.double().numpy().transpose(0, 2, 3, 1).reshape(-1, 3)
    t = label.double().numpy().transpose(0, 2, 3, 1).reshape(-1, 3)
    p, t = p[t.any(1)], t[t.any(1)]
    cos = (p * t).sum(1) / np.linalg.norm(p, axis=1) / np.linalg.norm(t, axis=1)
    e = np.degrees(np.arccos(cos.clip(-1, 1)))
    shares = {f"below_{str(d).replace('.', '_')}": (e < d).mean() for d in (11.25, 22.5, 30)}
    return shares | {"rmse": np.sqrt((e**2).mean()), "mean": e.mean(), "median": np.median(e), "pixels": len(e)}


@pytest.mark.parametrize("spread", [1e-4, 0.1, 0.5, 2.0])
def test_the_metrics_equal_numpys_over_all_valid_pixels_pooled(spread: float) -> None:
    label = random_normals(6, 3, 20, 24, invalid=0.2)
    prediction = noisy(label, spread)
    metric = NormalsMetric()
    metric.update(prediction, label)
    got, expected = metric.compute(), in_numpy(prediction, label)
    assert list(got) == list(expected)
    assert got["median"] == pytest.approx(expected.pop("median"), abs=0.005)
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, rel=1e-6, abs=1e-6), name


def test_images_with_more_valid_pixels_weigh_more() -> None:
    full, nearly_empty = random_normals(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)
    nearly_empty[..., 0, 0] = full[..., 0, 0]
    metric = NormalsMetric()
    metric.update(full, full)
    metric.update(-nearly_empty, nearly_empty)
    assert metric.compute()["mean"] == pytest.approx(180 / 65, abs=1e-4)


@given(st.permutations(range(7)), st.integers(1, 7))
def test_the_result_is_the_same_to_the_bit_for_any_order_and_batch_size(order: list[int], size: int) -> None:
    label = random_normals(7, 3, 5, 9, invalid=0.2)
    prediction = noisy(label, 0.3)
    whole, parts = NormalsMetric(), NormalsMetric()
    whole.update(prediction, label)
    for at in range(0, 7, size):
        parts.update(prediction[order[at : at + size]], label[order[at : at + size]])
    assert parts.compute() == whole.compute()


def test_the_thresholds_are_strict() -> None:
    below = np.nextafter(11.25, 0) - 1e-9
    prediction, label = tilted([below, 11.25 + 1e-9, 22.5 - 1e-9, 22.5 + 1e-9, 30 - 1e-9, 30 + 1e-9, 90, 180])
    metric = NormalsMetric()
    metric.update(prediction, label)
    got = metric.compute()
    assert [got[k] * 8 for k in ("below_11_25", "below_22_5", "below_30")] == [1, 3, 5]


def test_an_angle_equal_to_a_threshold_is_not_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    metric = NormalsMetric()
    angles = torch.tensor([[[11.25, 22.5, 30.0, 11.0]]], dtype=torch.float64)
    monkeypatch.setattr("headfreeze.tasks.normals_metric.angles_deg", lambda *_: (angles, angles > 0))
    metric.update(torch.zeros(1, 3, 1, 4), torch.zeros(1, 3, 1, 4))
    got = metric.compute()
    assert [got[k] for k in ("below_11_25", "below_22_5", "below_30")] == [0.25, 0.5, 0.75]


@given(st.lists(st.floats(0, 180), min_size=1, max_size=30))
def test_the_median_of_any_angles_is_within_0_005_degrees(angles: list[float]) -> None:
    metric = NormalsMetric()
    metric.update(*tilted(angles))
    assert metric.compute()["median"] == pytest.approx(np.median(angles), abs=0.00501)


@pytest.mark.parametrize("missing", [0.0, math.nan, math.inf, -math.inf])
def test_a_missing_prediction_counts_as_90_degrees(missing: float) -> None:
    prediction, label = plane((0, 0, 1), 2)[None], plane((0, 0, 1), 2)[None]
    prediction[0, :, 0, 0] = missing
    metric = NormalsMetric()
    metric.update(prediction, label)
    got = metric.compute()
    assert got["mean"] == pytest.approx(90 / 4)
    assert got["below_30"] == 0.75
    assert got["pixels"] == 4


def test_the_length_of_a_prediction_does_not_matter() -> None:
    label = random_normals(1, 3, 8, 8)
    prediction = noisy(label, 0.3)
    results = []
    for scale in (1e-12, 1.0, 1e12):
        metric = NormalsMetric()
        metric.update(prediction.double() * scale, label)
        results.append(metric.compute())
    for other in results[1:]:
        assert other == pytest.approx(results[0], rel=1e-9)


def test_pixels_invalid_in_the_label_do_not_count_whatever_is_predicted() -> None:
    label, prediction = random_normals(2, 3, 8, 8, invalid=0.5), random_normals(2, 3, 8, 8, seed=1)
    elsewhere = torch.where(label.any(1, keepdim=True), prediction, math.nan)
    metrics = [NormalsMetric(), NormalsMetric()]
    metrics[0].update(prediction, label)
    metrics[1].update(elsewhere, label)
    assert metrics[0].compute() == metrics[1].compute()


def test_calling_the_metric_gives_the_batch_and_adds_it() -> None:
    label = random_normals(4, 3, 6, 6)
    prediction = noisy(label, 0.4)
    metric = NormalsMetric()
    rows = [metric(prediction[i : i + 1], label[i : i + 1]) for i in range(4)]
    assert rows[2] == pytest.approx(in_numpy(prediction[2:3], label[2:3]), abs=0.006)
    assert metric.compute()["mean"] == pytest.approx(np.mean([row["mean"] for row in rows]))
    assert metric.compute()["pixels"] == 144
    assert all(type(value) in (float, int) for value in rows[0].values())


def test_without_a_valid_pixel_all_is_nan_and_pixels_0() -> None:
    metric = NormalsTask().metric()
    metric.update(random_normals(1, 3, 4, 4), torch.zeros(1, 3, 4, 4))
    got = metric.compute()
    assert got.pop("pixels") == 0
    assert len(got) == 6
    assert all(math.isnan(value) for value in got.values())


def test_the_memory_does_not_grow_with_the_number_of_images() -> None:
    metric = NormalsMetric()
    sizes = set()
    for _ in range(3):
        metric.update(random_normals(2, 3, 8, 8), random_normals(2, 3, 8, 8))
        sizes.add(sum(getattr(metric, name).numel() for name in ("below", "histogram", "angle", "square")))
    assert sizes == {3 + 18_001 + 2 + 2}


def test_the_task_ranks_by_a_metric_that_exists() -> None:
    metric = NormalsMetric()
    metric.update(random_normals(1, 3, 2, 2), random_normals(1, 3, 2, 2))
    assert NormalsTask.score in metric.compute()
