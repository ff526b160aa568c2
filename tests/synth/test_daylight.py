"""The sun and the mirror in a room known in closed form: 4 × 4 × 3 m, a window of 1 × 1 m in the wall at y = 2."""

import numpy as np
import pytest

from headfreeze.synth.daylight import FLOOR, fresnel, mirrored, sunlight
from headfreeze.synth.raycast import cast
from headfreeze.synth.scene import Niches, Room
from headfreeze.synth.shapes import BOX, Shapes, f32

SUN = f32([0, np.cos(np.deg2rad(45)), np.sin(np.deg2rad(45))])
UP = f32([[0], [0], [1]])


def shapes(centres: list[list[float]], halves: list[list[float]], material: int) -> Shapes:
    n = len(centres)
    return Shapes(
        kind=np.full(n, BOX),
        centre=f32(centres).reshape(-1, 3),
        axes=np.tile(np.eye(3, dtype=np.float32), (n, 1, 1)),
        half=f32(halves).reshape(-1, 3),
        label=np.zeros(n, np.int64),
        material=np.full(n, material),
    )


def room(solids: Shapes) -> Room:
    normals = [[0, 0, 1], [0, 0, -1], [-1, 0, 0], [0, -1, 0], [1, 0, 0], [0, 1, 0]]
    return Room(
        plane_normal=f32(normals),
        plane_offset=f32([0, 3, 2, 2, 2, 2]),
        plane_label=np.zeros(6, np.int64),
        plane_material=np.zeros(6, np.int64),
        niches=Niches(shapes([[0, 2.05, 1.5]], [[0.5, 0.05, 0.5]], 1), np.array([3])),
        solids=solids,
        materials=("wall", "window"),
        light=f32([0, 0, 2.8]),
        sun=SUN,
        polish=0.05,
    )


EMPTY = shapes([[0, 0, 50]], [[0.01, 0.01, 0.01]], 0)


def floor_points() -> np.ndarray:
    x, y = np.meshgrid(np.linspace(-1.9, 1.9, 77), np.linspace(-1.9, 1.9, 77))
    return f32([x.ravel(), y.ravel(), np.zeros(x.size)])


def test_the_sun_lights_the_window_s_shadow_on_the_floor() -> None:
    points = floor_points()
    light = sunlight(room(EMPTY), points, np.tile(UP, points.shape[1]), np.random.default_rng(0))
    # At 45° a point at height h of the wall at y = 2 has its shadow at y = 2 - h.
    inside = (np.abs(points[0]) < 0.45) & (points[1] > 0.05) & (points[1] < 0.95)
    outside = (np.abs(points[0]) > 0.55) | (points[1] < -0.05) | (points[1] > 1.05)
    np.testing.assert_allclose(light[inside], np.sin(np.deg2rad(45)), atol=0.02)
    assert not light[outside].any()


def test_a_solid_takes_the_sun_away_behind_it() -> None:
    points = floor_points()
    post = shapes([[0, 0.9, 0.5]], [[0.1, 0.02, 0.5]], 0)  # its shadow: from y = 0.9 towards -y, as long as it is high
    light = sunlight(room(post), points, np.tile(UP, points.shape[1]), np.random.default_rng(0))
    assert not light[(np.abs(points[0]) < 0.06) & (points[1] > 0.1) & (points[1] < 0.85)].any()
    assert light[(np.abs(points[0]) > 0.14) & (np.abs(points[0]) < 0.45) & (points[1] > 0.1) & (points[1] < 0.85)].all()


def test_surfaces_turned_away_from_the_sun_stay_dark() -> None:
    points = floor_points()
    assert not sunlight(room(EMPTY), points, np.tile(-UP, points.shape[1]), np.random.default_rng(0)).any()


def test_the_floor_mirrors_what_a_ray_that_bounces_off_it_meets() -> None:
    box = shapes([[0, 1, 0.6]], [[0.4, 0.3, 0.2]], 0)
    here = room(box)
    origin = f32([0.3, -1.5, 1.4])
    rng = np.random.default_rng(1)
    rays = f32([rng.uniform(-1.5, 1.5, 500), np.ones(500), rng.uniform(-3, 0.3, 500)])
    hits = cast(here, origin, rays)
    rows, seen, place = mirrored(here, origin, rays, hits, 0.0, rng)
    np.testing.assert_array_equal(rows, np.flatnonzero(hits.surface == FLOOR))
    assert len(set(seen.surface.tolist())) > 3  # walls, ceiling, the box
    for i, row in enumerate(rows):
        bounce = origin + rays[:, row] * hits.distance[row]
        onward = rays[:, row : row + 1] * f32([[1], [1], [-1]])
        again = cast(here, bounce + f32([0, 0, 1e-4]), onward)
        assert again.surface[0] == seen.surface[i]
        np.testing.assert_allclose(bounce + onward[:, 0] * again.distance[0], place[:, i], atol=2e-3)


@pytest.mark.parametrize("straight", [0.02, 0.1])
def test_a_flat_look_at_a_surface_sees_a_mirror_and_a_straight_one_hardly(straight: float) -> None:
    shares = fresnel(f32([1, 0.5, 0]), straight)
    assert shares[0] == pytest.approx(straight)
    assert shares[2] == pytest.approx(1)
    assert straight < shares[1] < 0.2
