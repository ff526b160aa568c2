"""Figures of labels, against numpy; sums over images add up to those of all pixels together."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headfreeze.data.check.opening import STATISTICS
from headfreeze.data.check.statistics import DepthStatistics, SegmentationStatistics, percent
from headfreeze.tasks import TASKS, Task, make_task
from headfreeze.tasks.labels import Depth, Normals
from headfreeze.tasks.segmentation import SegmentationTask

DEPTH = make_task("depth")
KEYPOINTS = make_task("keypoints", {"count": 5, "mirror": []})
CLASSES = ("floor", "wall", "lamp")
SEGMENTATION = make_task("segmentation", {"classes": list(CLASSES)})


def depth(values: np.ndarray) -> torch.Tensor:
    return Depth(values.astype(np.float32)[None])


def classes(values: list[list[int]]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.uint8)[None]


def random_label(task: Task, rng: np.random.Generator) -> torch.Tensor:
    valid = rng.random((6, 8)) < 0.8
    if task.kind == "normals":
        normals = rng.normal(size=(3, 6, 8))
        return Normals((normals / np.linalg.norm(normals, axis=0) * valid).astype(np.float32))
    if task.kind == "depth":
        return depth(rng.uniform(0.5, 9, (6, 8)) * valid)
    if task.kind == "keypoints":
        points = rng.uniform(-2, 10, (5, 4)).astype(np.float32)
        points[rng.random(5) < 0.3] = np.nan
        return task.wrap(torch.from_numpy(points), (6, 8))
    return classes(np.where(valid, rng.integers(0, 3, (6, 8)), 255).tolist())


def test_every_kind_of_task_has_statistics() -> None:
    assert set(STATISTICS) == set(TASKS)


@pytest.mark.parametrize("task", [make_task("normals"), DEPTH, SEGMENTATION, KEYPOINTS], ids=lambda task: task.kind)
def test_sums_of_two_labels_add_up_in_any_order(task: Task) -> None:
    rng = np.random.default_rng(0)
    a, b, c = (STATISTICS[task.kind].of(random_label(task, rng), task) for _ in range(3))
    one, other = (a + b) + c, a + (c + b)
    for field in fields(one):
        if field.name != "task":
            np.testing.assert_allclose(getattr(one, field.name), getattr(other, field.name), rtol=1e-12)
    assert one.pixels == 3 * (48 if task.dense else 5)


@given(st.lists(st.floats(0.002, 900), min_size=1, max_size=200), st.floats(0.02, 0.98))
def test_quantiles_of_depth_are_right_to_a_step_of_the_histogram(values: list[float], share: float) -> None:
    statistics = DepthStatistics.of(depth(np.array([values])), DEPTH)
    expected = np.quantile(np.float32(values), share, method="inverted_cdf")
    assert statistics.quantile_m(share) == pytest.approx(expected, rel=0.024)


def test_quantiles_without_a_valid_pixel_are_not_a_number() -> None:
    statistics = DepthStatistics.of(DEPTH.invalid(4, 4), DEPTH)
    assert np.isnan(statistics.quantile_m(0.5))
    assert list(statistics.doubts()) == ["no pixel of any label is valid"]


@pytest.mark.parametrize(("metres", "said"), [(0.0031, "0.003"), (450.0, "45")])
def test_depths_in_another_unit_are_doubted(metres: float, said: str) -> None:
    (doubt,) = DepthStatistics.of(depth(np.full((4, 4), metres)), DEPTH).doubts()
    assert doubt.startswith(f"the median depth is {said}")
    assert doubt.endswith("is the unit right? .npy holds metres, a 16-bit PNG millimetres")


@pytest.mark.parametrize("metres", [0.3, 4.0, 60.0])
def test_depths_of_desks_rooms_and_streets_are_not(metres: float) -> None:
    assert not list(DepthStatistics.of(depth(np.full((4, 4), metres)), DEPTH).doubts())


def test_shares_of_classes_leave_out_invalid_pixels() -> None:
    statistics = SegmentationStatistics.of(classes([[0, 0, 0, 1], [1, 255, 255, 0]]), SEGMENTATION)
    assert statistics.shares == pytest.approx({"floor": 4 / 6, "wall": 2 / 6, "lamp": 0})
    assert statistics.rows() == {"valid": "75.0 %", "floor": "66.7 %", "wall": "33.3 %", "lamp": "0 %"}


def test_classes_that_no_pixel_shows_are_named() -> None:
    assert list(SegmentationStatistics.of(classes([[0, 1]]), SEGMENTATION).doubts()) == ["never seen: 'lamp'"]
    (doubt,) = SegmentationStatistics.of(classes([[1, 1]]), SEGMENTATION).doubts()
    assert doubt == "every valid pixel is 'wall'; nothing can be learnt from that"


def test_more_than_255_classes_are_counted_too() -> None:
    task = SegmentationTask(classes=[f"c{k}" for k in range(300)])
    statistics = SegmentationStatistics.of(torch.tensor([[[299, 299, 65535, 0]]], dtype=torch.int32), task)
    assert (statistics.valid, statistics.counts[299], statistics.counts[0]) == (3, 2, 1)


def test_few_valid_pixels_are_doubted() -> None:
    values = np.zeros((10, 10))
    values[0] = 2.0
    assert list(DepthStatistics.of(depth(values), DEPTH).doubts()) == ["only 10% of the pixels are valid"]


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (1e-5, "< 0.1 %"), (0.1234, "12.3 %"), (0.99999, "> 99.9 %"), (1, "100 %")]
)
def test_nothing_and_everything_are_said_only_where_they_are_exact(share: float, text: str) -> None:
    assert percent(share) == text


def points(*places: tuple[float, float, float], size: tuple[int, int] = (40, 80)) -> torch.Tensor:
    rows = [[x, y, z, 1.0] for x, y, z in places] + [[np.nan] * 4] * (5 - len(places))
    return KEYPOINTS.wrap(torch.tensor(rows, dtype=torch.float32), size)


def test_points_are_counted_and_the_object_is_measured() -> None:
    one = STATISTICS["keypoints"].of(points((10, 10, 1), (50, 30, 2), (90, 10, np.nan)), KEYPOINTS)
    other = STATISTICS["keypoints"].of(points(), KEYPOINTS)
    assert (one + other).rows() == {
        "valid": "30.0 %",
        "with z": "20.0 %",
        "outside of the image": "33.3 %",
        "size, share of the image": "100 %",
    }
    assert list((one + other).doubts()) == ["33.3 % of the points lie outside of their image; is x before y?"]


def test_flat_and_missing_points_are_doubted() -> None:
    flat = STATISTICS["keypoints"].of(points((10, 10, 0), (50, 30, 0)), KEYPOINTS)
    (doubt,) = (flat + flat).doubts()
    assert doubt == "in 2 labels every z is the same, which counts as not known; leave it out or write NaN"
    assert list(STATISTICS["keypoints"].of(points(), KEYPOINTS).doubts()) == ["no point of any label is valid"]


def test_points_that_are_no_pixels_are_doubted() -> None:
    shares = STATISTICS["keypoints"].of(points((0.2, 0.3, 0), (0.8, 0.5, 1)), KEYPOINTS)
    assert "are they shares of it? coordinates are pixels" in next(shares.doubts())
    beyond = STATISTICS["keypoints"].of(points((200, 300, 0), (-80, 50, 1)), KEYPOINTS)
    assert list(beyond.faults()) == [
        "every point lies outside of its image; coordinates are pixels of the image, x before y"
    ]
