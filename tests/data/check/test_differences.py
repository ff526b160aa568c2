"""How label distributions differ, on distributions of known distance; poses, on cameras and heads of known pose."""

from functools import reduce
from operator import add

import numpy as np
import pytest
import torch

from headfreeze.data.check.differences import HEAD_DEG, Difference, advice, differences
from headfreeze.data.check.poses import camera_pitch_deg, head_pose_deg
from headfreeze.data.check.statistics import KeypointsStatistics
from headfreeze.tasks import make_task

SIX = (30, 8, 36, 45, 48, 54)
HEAD = [(0, 0, 0), (0, -330, -65), (-225, 170, -135), (225, 170, -135), (-150, -150, -125), (150, -150, -125)]
KEYPOINTS = make_task("keypoints", {"count": 68, "order": "multi-pie"})


def turned(yaw_deg: float, pitch_deg: float) -> np.ndarray:
    """Landmarks of a head that looks to the right of the picture by the yaw, up by the pitch, in pixels."""
    a, b = np.radians([yaw_deg, pitch_deg])
    pitch = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    yaw = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    points = np.full((68, 4), np.nan, np.float32)
    x, y, _ = yaw @ pitch @ np.array(HEAD, float).T
    points[list(SIX), 0], points[list(SIX), 1] = 0.1 * x + 50, -0.1 * y + 60
    return points


@pytest.mark.parametrize("yaw", [-50, 0, 20])
@pytest.mark.parametrize("pitch", [-25, 0, 15])
def test_the_pose_of_a_head_is_found_from_its_points_in_the_plane(yaw: float, pitch: float) -> None:
    found_yaw, found_pitch, roll = head_pose_deg(turned(yaw, pitch))
    assert found_yaw == pytest.approx(yaw, abs=0.5)
    assert found_pitch == pytest.approx(pitch, abs=0.5)
    if not (yaw and pitch):
        assert roll == pytest.approx(0, abs=0.5)


def test_a_head_without_its_points_has_no_pose() -> None:
    assert np.isnan(head_pose_deg(np.full((68, 4), np.nan))).all()


@pytest.mark.parametrize("pitch", [-40, -10, 0, 25])
@pytest.mark.parametrize("floor", [1, -1])
def test_the_pitch_of_a_camera_is_found_from_a_floor_or_a_ceiling(pitch: float, floor: int) -> None:
    a = np.radians(pitch)
    up = np.array([0, np.cos(a), -np.sin(a)])  # a camera that looks up sees floors turned away
    normals = np.concatenate([np.tile(floor * up, (30, 1)), np.tile([1.0, 0, 0], (70, 1))]).T
    assert camera_pitch_deg(normals) == pytest.approx(pitch, abs=1e-6)


def test_walls_alone_tell_no_pitch() -> None:
    assert np.isnan(camera_pitch_deg(np.tile([1.0, 0, 0], (100, 1)).T))


def heads(yaw_deg: float) -> KeypointsStatistics:
    labels = [KEYPOINTS.wrap(torch.from_numpy(turned(yaw_deg + number % 5, 0)), (120, 100)) for number in range(20)]
    return reduce(add, (KeypointsStatistics.of(label, KEYPOINTS) for label in labels))


@pytest.mark.parametrize("by", [0, HEAD_DEG - 3, HEAD_DEG + 3, 40])
def test_turned_heads_are_as_far_apart_as_they_are_turned(by: float) -> None:
    yaw, pitch, _ = differences("keypoints", heads(0), heads(by))
    assert float(yaw.distance.split("°")[0]) == pytest.approx(by, abs=1.1)
    assert yaw.much == (by > HEAD_DEG)
    assert not pitch.much
    lines = list(advice([yaw, pitch]))
    assert len(lines) == (by > HEAD_DEG)
    if lines:
        assert lines[0].startswith("labels are distributed much differently (keypoints: head's yaw): adversaries hurt")


def test_a_difference_reads_as_one_line() -> None:
    shown = Difference("normals: camera looks up by", "-4° ± 9°", "-13° ± 11°", "9.5° apart", much=True).line
    assert shown == "normals: camera looks up by: -4° ± 9° → -13° ± 11°; 9.5° apart (much)"
