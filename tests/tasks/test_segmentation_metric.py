import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score

from headfreeze.tasks.segmentation import SegmentationTask
from headfreeze.tasks.segmentation_metric import SegmentationMetric

NAMES = ("floor", "wall", "bed", "sky")


def maps(images: int, seed: int = 0, invalid: float = 0.2, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, (images, 1, 7, 9))
    prediction = np.where(rng.random(label.shape) < 0.5, label, rng.integers(0, classes, label.shape))
    label[rng.random(label.shape) < invalid] = 255
    return torch.from_numpy(prediction.astype(np.uint8)), torch.from_numpy(label.astype(np.uint8))


@pytest.mark.parametrize("seed", range(3))
def test_the_metrics_equal_scikit_learns_over_all_valid_pixels_pooled(seed: int) -> None:
    prediction, label = maps(5, seed)
    metric = SegmentationMetric(NAMES)
    metric.update(prediction, label)
    got = metric.compute()
    p, t = prediction[label != 255].numpy(), label[label != 255].numpy()
    overlaps = jaccard_score(t, p, average=None, labels=range(4))
    assert list(got) == ["miou", "pixel_accuracy", *(f"iou_{name}" for name in NAMES), "pixels"]
    assert [got[f"iou_{name}"] for name in NAMES] == pytest.approx(overlaps.tolist())
    assert got["miou"] == pytest.approx(overlaps.mean())
    assert got["pixel_accuracy"] == pytest.approx(accuracy_score(t, p))
    assert got["pixels"] == len(t)


def test_the_counts_are_the_margins_of_scikit_learns_confusion_matrix() -> None:
    prediction, label = maps(3)
    metric = SegmentationMetric(NAMES)
    metric.update(prediction, label)
    confusion = confusion_matrix(label[label != 255], prediction[label != 255], labels=range(4))
    assert metric.hits.tolist() == confusion.diagonal().tolist()
    assert metric.labelled.tolist() == confusion.sum(1).tolist()
    assert metric.predicted.tolist() == confusion.sum(0).tolist()


def test_a_class_in_neither_label_nor_prediction_is_nan_and_no_part_of_the_mean() -> None:
    prediction, label = maps(2, classes=3)
    metric = SegmentationMetric(NAMES)
    metric.update(prediction, label)
    got = metric.compute()
    assert math.isnan(got["iou_sky"])
    assert got["miou"] == pytest.approx(np.mean([got[f"iou_{name}"] for name in NAMES[:3]]))


def test_a_class_that_is_only_predicted_counts_as_0() -> None:
    metric = SegmentationMetric(NAMES)
    metric.update(torch.tensor([0, 3]).view(1, 1, 1, 2), torch.tensor([0, 0]).view(1, 1, 1, 2))
    assert metric.compute()["iou_sky"] == 0
    assert metric.compute()["miou"] == 0.25


def test_a_prediction_of_no_class_is_wrong() -> None:
    metric = SegmentationMetric(NAMES)
    label = torch.tensor([0, 0, 1, 255], dtype=torch.uint8).view(1, 1, 1, 4)
    metric.update(torch.tensor([0, 255, 1, 0], dtype=torch.uint8).view(1, 1, 1, 4), label)
    got = metric.compute()
    assert (got["iou_floor"], got["iou_wall"], got["pixel_accuracy"], got["pixels"]) == (0.5, 1, 2 / 3, 3)


@given(st.permutations(range(6)), st.integers(1, 6))
def test_the_result_is_the_same_for_any_order_and_batch_size(order: list[int], size: int) -> None:
    prediction, label = maps(6)
    whole, parts = SegmentationMetric(NAMES), SegmentationMetric(NAMES)
    whole.update(prediction, label)
    for at in range(0, 6, size):
        parts.update(prediction[order[at : at + size]], label[order[at : at + size]])
    assert parts.compute() == whole.compute()


def test_calling_the_metric_gives_the_batch_and_adds_it() -> None:
    task = SegmentationTask(classes=list(NAMES))
    prediction, label = maps(3)
    metric = task.metric()
    rows = [metric(prediction[i : i + 1], label[i : i + 1]) for i in range(3)]
    assert sum(row["pixels"] for row in rows) == metric.compute()["pixels"]
    right = (prediction[1] == label[1])[label[1] != 255].double().mean().item()
    assert rows[1]["pixel_accuracy"] == pytest.approx(right)
    assert task.score in rows[0]


def test_without_a_valid_pixel_all_is_nan_and_pixels_0() -> None:
    task = SegmentationTask(classes=[f"thing {i}" for i in range(300)])
    metric = task.metric()
    metric.update(torch.zeros(1, 1, 3, 3, dtype=torch.int32), task.invalid(3, 3)[None])
    got = metric.compute()
    assert got.pop("pixels") == 0
    assert len(got) == 302
    assert all(math.isnan(value) for value in got.values())
