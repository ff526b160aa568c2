"""Labels as maps that a network reads: each kind of label against what it must be."""

import pytest
import torch
from torch import Tensor

from headfreeze.tasks import make_task
from headfreeze.tasks.channels import as_channels, channels_of


def test_classes_have_a_channel_each_and_invalid_pixels_none() -> None:
    task = make_task("segmentation", {"classes": ["a", "b", "c"]})
    label = task.wrap(torch.tensor([[[[0, 2], [255, 1]]]], dtype=torch.uint8), (2, 2))
    found = as_channels(task, label, (2, 2))
    assert channels_of(task) == 4
    assert found[0].tolist() == [[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 1], [0, 0]], [[1, 1], [0, 1]]]


def test_depth_is_its_logarithm_where_it_is_known() -> None:
    task = make_task("depth")
    found = as_channels(task, task.wrap(torch.tensor([[[[1.0, 0.0, 20.0]]]]), (1, 3)), (1, 3))
    assert channels_of(task) == 2
    torch.testing.assert_close(found[0, 0, 0], torch.tensor([1.0, 1e-9, 20.0]).log() * torch.tensor([1.0, 0, 1]))
    assert found[0, 1, 0].tolist() == [1, 0, 1]


def test_normals_are_themselves() -> None:
    task = make_task("normals")
    values = torch.tensor([[0.0, 0.6, 0.8], [0, 0, 0]]).T.reshape(1, 3, 1, 2)
    found = as_channels(task, task.wrap(values, (1, 2)), (1, 2))
    assert torch.equal(found[:, :3], values)
    assert found[0, 3, 0].tolist() == [1, 0]


def test_points_are_spots_where_they_lie_and_nothing_where_they_are_not() -> None:
    task = make_task("keypoints", {"count": 2, "mirror": []})
    points = torch.tensor([[[10.5, 20.5, 0, 1], [float("nan"), float("nan"), 0, 0]]])
    found = as_channels(task, task.wrap(points, (32, 48)), (32, 48)).as_subclass(Tensor)
    assert channels_of(task) == found.shape[1] == 2
    assert found[0, 0, 20, 10] == 1
    assert int(found[0, 0].argmax()) == 20 * 48 + 10
    assert float(found[0, 0].sum()) == pytest.approx(2 * torch.pi, rel=0.05)  # of a Gaussian of one pixel
    assert not found[0, 1].any()
