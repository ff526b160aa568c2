"""Errors of single pixels against plain numpy; what is not labelled has none."""

import math

import numpy as np
import pytest
import torch

from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task


def normals_case() -> tuple[Task, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    label = rng.normal(size=(3, 5, 7))
    label /= np.linalg.norm(label, axis=0)
    prediction = label + rng.normal(0, 0.5, label.shape)
    label[:, 0, :3], prediction[:, 4, 6] = 0, 0
    cos = (prediction * label).sum(0) / np.linalg.norm(prediction, axis=0).clip(1e-12)
    expected = np.degrees(np.arccos(cos.clip(-1, 1)))
    expected[4, 6] = 90  # nothing was predicted there
    expected[0, :3] = math.nan
    return make_task("normals"), prediction, label, expected


def depth_case() -> tuple[Task, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    label, prediction = rng.uniform(1, 4, (1, 5, 7)), rng.uniform(1, 4, (1, 5, 7))
    label[0, 0, 0], prediction[0, 1, 1] = 0, math.nan
    expected = np.abs(prediction - label)[0] / np.where(label[0], label[0], 1)
    expected[0, 0], expected[1, 1] = math.nan, 1
    return make_task("depth"), prediction, label, expected


def segmentation_case() -> tuple[Task, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    label, prediction = rng.integers(0, 3, (2, 1, 5, 7)).astype(np.uint8)
    label[0, 0, 0], prediction[0, 1, 1] = 255, 255
    expected = (label != prediction)[0].astype(float)
    expected[0, 0] = math.nan
    return make_task("segmentation", {"classes": ["a", "b", "c"]}), prediction, label, expected


@pytest.mark.parametrize("case", [normals_case, depth_case, segmentation_case])
def test_every_pixel_has_the_error_that_numpy_finds_and_none_where_nothing_is_labelled(case) -> None:  # type: ignore[no-untyped-def]
    task, prediction, label, expected = case()
    dtype = torch.uint8 if task.kind == "segmentation" else torch.float32
    size = label.shape[1:]
    given = (task.wrap(torch.from_numpy(value).to(dtype), size) for value in (prediction, label))
    np.testing.assert_allclose(task.errors(*given).numpy(), expected, atol=1e-4)


def test_keypoints_have_no_errors_of_pixels() -> None:
    task = make_task("keypoints", {"count": 4, "mirror": []})
    assert task.error is None
    with pytest.raises(NotImplementedError, match="'keypoints' has no error of a single pixel"):
        task.errors(torch.zeros(4, 4), torch.zeros(4, 4))
