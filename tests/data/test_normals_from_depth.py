"""Normals from depth against closed forms: planes, a sphere, a room, a sensor's noise."""

from pathlib import Path

import numpy as np
import pytest

from headfreeze.data.normals_from_depth import normals_from_depth
from headfreeze.data.readers import open_reader
from headfreeze.errors import InputError
from tests.boxroom import FOCAL_PX, angles_deg, box_view

FOCAL, CENTRE = (140.0, 150.0), (75.0, 66.0)
RIGHT = (np.arange(160) + 0.5 - CENTRE[0]) / FOCAL[0]
UP = -(np.arange(120)[:, None] + 0.5 - CENTRE[1]) / FOCAL[1]
RAYS = np.stack(np.broadcast_arrays(RIGHT, UP, -1.0), axis=-1)


@pytest.mark.parametrize("normal", [(0.0, 0.0, 1.0), (0.5, 0.2, 0.8), (-0.6, 0.5, 0.5), (0.1, -0.9, 0.4)])
def test_of_a_plane_they_are_exact_and_of_a_noisy_one_within_two_degrees(normal: tuple[float, ...]) -> None:
    unit = np.array(normal) / np.linalg.norm(normal)
    facing = RAYS @ unit < -0.05
    depth = np.where(facing, -2 / np.where(facing, RAYS @ unit, -1), 0)
    found = normals_from_depth(depth, FOCAL, CENTRE)
    assert found.any(-1).mean() > 0.9 * facing.mean()
    assert angles_deg(found, np.broadcast_to(unit, found.shape)).max() < 0.1
    noisy = depth * (1 + np.random.default_rng(0).normal(0, 0.003, depth.shape))
    assert angles_deg(normals_from_depth(noisy, FOCAL, CENTRE, 5), np.broadcast_to(unit, found.shape)).mean() < 2


def test_of_a_sphere_they_point_from_its_centre() -> None:
    centre, radius = np.array([0.2, -0.1, -4.0]), 1.2
    b, a, c = RAYS @ centre, (RAYS**2).sum(-1), centre @ centre - radius**2
    hit = b * b - a * c > 0
    depth = np.where(hit, (b - np.sqrt(np.where(hit, b * b - a * c, 0))) / a, 0)
    true = np.where(hit[..., None], RAYS * depth[..., None] - centre, 0) / radius
    found = normals_from_depth(depth, FOCAL, CENTRE)
    assert np.percentile(angles_deg(found, true), 90) < 2
    assert not found[~hit].any()


def test_in_a_room_a_window_does_not_reach_over_edges_and_holes_stay_holes() -> None:
    view = box_view()
    depth = view.depth_m.copy()
    depth[10:14, 20:30] = 0
    depth[30, 30] = np.nan
    found = normals_from_depth(depth, (FOCAL_PX, FOCAL_PX), radius_px=1)
    assert np.percentile(angles_deg(found, view.normals), 80) < 0.1
    assert not found[10:14, 20:30].any()
    assert not found[30, 30].any()


@pytest.mark.parametrize("radius", [0, -1, 33, 100_000])
def test_a_window_that_no_memory_holds_is_refused(radius: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"radius_px is {radius}; give pixels from 1 to 32"):
        normals_from_depth(np.ones((4, 4)), FOCAL, radius_px=radius)
    for name in ("nyuv2", "scannet"):
        with pytest.raises(InputError, match=rf"smooth_px is {radius}; give pixels from 1 to 32"):
            open_reader(name, tmp_path, {"smooth_px": str(radius)})
