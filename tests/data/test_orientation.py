"""Normals and depth tell how cameras are pitched, in scenes whose rays are computed exactly, whatever else differs."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from headfreeze.data.batch import DeviceBatch
from headfreeze.data.orientation import orientation
from headfreeze.data.pitch import pitch_difference
from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task
from tests.corridor import FOV_DEG, SIDE, corridor

NORMALS, DEPTH = make_task("normals"), make_task("depth")
SEGMENTATION = make_task("segmentation", {"classes": ["floor", "wall", "ceiling"]})
TASKS = {task.name: task for task in (NORMALS, DEPTH, SEGMENTATION)}


def batch_of(source: np.ndarray, target: np.ndarray, heights_m: tuple[float, float] = (1.5, 1.5)) -> DeviceBatch:
    """Labels of both domains' cameras: of these pitches, at these heights."""
    labels: dict[tuple[str, str], Tensor] = {}
    for domain, pitches, height_m in zip(("source", "target"), (source, target), heights_m, strict=True):
        views = [corridor(float(pitch), height_m) for pitch in pitches]
        for name, task in TASKS.items():
            values = torch.from_numpy(np.stack([np.atleast_3d(view[name].T).T for view in views]))
            kind = torch.uint8 if task is SEGMENTATION else torch.float32
            labels[domain, name] = task.wrap(values.to(kind), (SIDE, SIDE))
    return DeviceBatch(torch.zeros(len(source) + len(target), 3, SIDE, SIDE), labels, len(source))


def held(mean: float, spread: float, count: int = 24, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, spread, count)


@pytest.mark.parametrize("task", [NORMALS, DEPTH])
@pytest.mark.parametrize("pitch_deg", [-35, -8, 0, 20])
def test_the_mean_pitch_is_that_of_the_cameras_however_they_spread(task: Task, pitch_deg: float) -> None:
    for spread in (1, 12):
        pitches = held(pitch_deg, spread)
        found = orientation([batch_of(pitches, pitches)], task, "target", FOV_DEG)
        assert found.pitch_deg == pytest.approx(pitches.mean(), abs=1.5)
        assert found.error_deg == pytest.approx(pitches.std() / math.sqrt(24), abs=0.8)
        assert found.of_surfaces


@pytest.mark.parametrize("anchors", [[NORMALS], [DEPTH], [SEGMENTATION, DEPTH]])
def test_a_camera_that_stands_higher_is_not_taken_for_one_that_looks_down(anchors: list[Task]) -> None:
    batch = batch_of(held(0, 4), held(-12, 4, seed=1), heights_m=(0.4, 2.2))
    told = pitch_difference([batch], anchors, FOV_DEG)
    assert told.sure
    assert told.deg == pytest.approx(-12, abs=2.5)
    assert abs(pitch_difference([batch], [SEGMENTATION], FOV_DEG).deg + 12) > 8, "rows are fooled, or it proves nothing"


def test_of_few_cameras_that_spread_normals_are_not_sure_and_yet_the_ones_that_tell() -> None:
    ours, theirs = held(0, 14, count=12), held(-12, 14, count=12, seed=1)
    told = pitch_difference([batch_of(ours, theirs, heights_m=(0.4, 2.2))], [NORMALS], FOV_DEG)
    assert not told.sure
    assert told.deg == pytest.approx(theirs.mean() - ours.mean(), abs=2)


def test_depth_may_be_in_any_unit_noisy_and_full_of_holes() -> None:
    batch, generator = batch_of(held(0, 4), held(-12, 4, seed=1)), torch.Generator().manual_seed(0)
    depth = batch.labels["target", "depth"].as_subclass(Tensor)
    depth *= 1000 * (1 + 0.01 * torch.randn(depth.shape, generator=generator))
    depth[torch.rand(depth.shape, generator=generator) < 0.02] = 0
    assert pitch_difference([batch], [DEPTH], FOV_DEG).deg == pytest.approx(-12, abs=2.5)


def test_directions_that_are_a_quarter_turn_wrong_do_no_harm() -> None:
    """As where lines of a desk, seen from above, were taken for upright ones."""
    batch = batch_of(held(0, 4), held(-12, 4, seed=1))
    normals = batch.labels["target", "normals"].as_subclass(Tensor)
    x, y, z = normals[::3].clone().unbind(1)
    normals[::3] = torch.stack([x, -z, y], 1)
    assert pitch_difference([batch], [NORMALS], FOV_DEG).deg == pytest.approx(-12, abs=2.5)


def test_labels_that_are_blank_tell_nothing_and_leave_it_to_the_others() -> None:
    batch = batch_of(held(0, 4), held(-12, 4, seed=1))
    batch.labels["target", "depth"].as_subclass(Tensor).zero_()
    assert orientation([batch], DEPTH, "target", FOV_DEG).error_deg == math.inf
    assert pitch_difference([batch], [SEGMENTATION, DEPTH], FOV_DEG).deg == pytest.approx(-12, abs=3)
    blank = torch.full((4, 3, 8, 8), 0.0)
    noise = torch.nn.functional.normalize(torch.randn(64, 3, 8, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    for values in (blank, noise):
        labels = {("source", "normals"): NORMALS.wrap(values, (8, 8))}
        nothing = DeviceBatch(torch.zeros(len(values), 3, 8, 8), labels, len(values))
        assert orientation([nothing], NORMALS, "source", FOV_DEG).error_deg == math.inf


@pytest.mark.parametrize(
    ("pitch_deg", "found"), [(-44, -36), (-50, -36), (-60, -36), (44, 36), (60, 36), (-30, -30), (30, 30)]
)
def test_a_camera_turned_far_is_not_taken_for_one_a_quarter_turn_away(pitch_deg: int, found: int) -> None:
    """Turns end at 36°; the sign is that of what lies where."""
    batch = batch_of(held(0, 3), held(pitch_deg, 3, seed=1))
    assert pitch_difference([batch], [DEPTH], FOV_DEG).deg == pytest.approx(found, abs=2)


def stated(pitches: np.ndarray) -> Tensor:
    """Maps of one direction each, as `annotate up` writes them: where up is for cameras of these pitches."""
    radians = torch.from_numpy(np.radians(pitches)).float()
    directions = torch.stack([torch.zeros_like(radians), radians.cos(), -radians.sin()], 1)
    return NORMALS.wrap(directions[..., None, None].expand(-1, -1, SIDE, SIDE).contiguous(), (SIDE, SIDE))


def test_maps_of_one_direction_state_a_pitch_and_are_never_sure() -> None:
    batch = batch_of(held(0, 4), held(-12, 4, seed=1))
    batch.labels["source", "up"], batch.labels["target", "up"] = stated(held(0, 4)), stated(held(-9, 4, seed=1))
    up = make_task("up", {"kind": "normals"})
    told = pitch_difference([batch], [up], FOV_DEG)
    assert not told.sure
    assert told.deg == pytest.approx(-9, abs=2)
    assert pitch_difference([batch], [up, DEPTH], FOV_DEG).deg == pytest.approx(-12, abs=2.5), "surfaces know better"
    batch.labels["target", "up"] = stated(held(0, 4))
    assert pitch_difference([batch], [up, SEGMENTATION], FOV_DEG).deg == pytest.approx(-12, abs=4), "so do classes"


def test_pitches_at_random_and_one_image_again_and_again_tell_nothing() -> None:
    rng, told = np.random.default_rng(0), 0
    for _ in range(60):
        labels = {("target", "normals"): stated(rng.uniform(-90, 90, 200))}
        batch = DeviceBatch(torch.zeros(200, 3, SIDE, SIDE), labels, 0)
        told += math.isfinite(orientation([batch], NORMALS, "target", FOV_DEG).error_deg)
    assert told <= 2
    again = DeviceBatch(torch.zeros(200, 3, SIDE, SIDE), {("target", "normals"): stated(np.full(200, -12.0))}, 0)
    assert orientation([again], NORMALS, "target", FOV_DEG).error_deg == math.inf
