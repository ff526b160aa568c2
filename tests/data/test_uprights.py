"""How upright lines converge, in scenes whose rays are computed exactly, and what it says against what rows say."""

import math

import numpy as np
import pytest
import torch

from headfreeze.data.batch import DeviceBatch
from headfreeze.data.pitch import pitch_difference
from headfreeze.data.uprights import convergence
from headfreeze.tasks import make_task

FOV_DEG = 65.0
PANELS = make_task("segmentation", {"classes": ["floor", "ceiling", "white", "grey", "black"]})
FLOORS = make_task("segmentation", {"classes": ["floor", "other"]})


def panelled_wall(rng: np.random.Generator, pitch_deg: float, height_m: float, side: int) -> np.ndarray:
    """Classes (side, side) of a wall 4 m ahead with panels of any width, between a floor and a ceiling 3 m above it."""
    reach = math.tan(math.radians(FOV_DEG) / 2)
    across = ((np.arange(side) + 0.5) / side * 2 - 1) * reach
    x, y = np.broadcast_arrays(across, -across[:, None])
    cos, sin = math.cos(math.radians(pitch_deg)), math.sin(math.radians(pitch_deg))
    up, ahead = y * cos + sin, cos - y * sin
    place, rise = 4 * x / ahead, 4 * up / ahead
    borders = np.sort(rng.uniform(-5, 5, 12))
    panels = 2 + rng.permutation(np.arange(13) % 3)[np.searchsorted(borders, place)]
    return np.where(rise < -height_m, 0, np.where(rise > 3 - height_m, 1, panels))


def pair(
    pitches_deg: tuple[float, float], heights_m: tuple[float, float], side: int = 48, floors: bool = False
) -> list[DeviceBatch]:
    """Some batches of a source and a target, pitched by these angles ± 4°, at these heights."""
    rng = np.random.default_rng(0)
    task, found = (FLOORS if floors else PANELS), []
    for _ in range(6):
        labels = {}
        for domain, pitch_deg, height_m in zip(("source", "target"), pitches_deg, heights_m, strict=True):
            views = np.stack([panelled_wall(rng, rng.normal(pitch_deg, 4), height_m, side) for _ in range(8)])
            views = (views > 0) if floors else views
            labels[domain, task.name] = task.wrap(torch.from_numpy(views[:, None].astype(np.uint8)), (side, side))
        found.append(DeviceBatch(torch.zeros(16, 3, side, side), labels, 8))
    return found


@pytest.mark.parametrize("pitch_deg", [-15, 0, 15])
def test_uprights_lean_as_far_as_the_camera_is_turned(pitch_deg: float) -> None:
    found = convergence(pair((pitch_deg, 0), (1.5, 1.5)), [PANELS], "source", FOV_DEG)
    tangent = math.tan(math.radians(pitch_deg))
    assert found.lean == pytest.approx(0.7 * tangent, abs=0.2 * abs(tangent) + 0.03)  # stairs of pixels hide some
    assert 0 < found.error < 0.05


@pytest.mark.parametrize(
    ("pitches_deg", "heights_m"), [((0, 0), (0.4, 2.2)), ((-12, 0), (2.2, 0.4)), ((0, -12), (0.4, 2.2))]
)
def test_a_higher_camera_is_not_taken_for_one_that_looks_down(
    pitches_deg: tuple[float, float], heights_m: tuple[float, float]
) -> None:
    true = pitches_deg[1] - pitches_deg[0]
    assert pitch_difference(pair(pitches_deg, heights_m), [PANELS], FOV_DEG).deg == pytest.approx(true, abs=4)
    fooled = pitch_difference(pair(pitches_deg, heights_m, floors=True), [FLOORS], FOV_DEG).deg
    assert abs(fooled - true) > 8, "rows alone are fooled, or this test proves nothing"


@pytest.mark.parametrize("side", [32, 48, 112])
def test_where_heights_agree_rows_have_their_say(side: int) -> None:
    assert pitch_difference(pair((0, -12), (1.5, 1.5), side), [PANELS], FOV_DEG).deg == pytest.approx(-12, abs=3)


def test_points_beside_the_anchor_are_no_hindrance() -> None:
    batches, points = pair((0, -12), (1.5, 1.5), side=112), make_task("keypoints", {"count": 68, "order": "multi-pie"})
    for batch in batches:
        batch.labels["source", "keypoints"] = points.wrap(torch.rand(8, 68, 4) * 112, (112, 112))
    assert pitch_difference(batches, [PANELS], FOV_DEG).deg == pytest.approx(-12, abs=3)


def test_labels_without_borders_are_sure_of_nothing() -> None:
    blank = PANELS.wrap(torch.zeros(4, 1, 48, 48, dtype=torch.uint8), (48, 48))
    found = convergence(
        [DeviceBatch(torch.zeros(4, 3, 48, 48), {("source", "segmentation"): blank}, 4)], [PANELS], "source", 65
    )
    assert (found.lean, found.error) == (0.0, math.inf)
