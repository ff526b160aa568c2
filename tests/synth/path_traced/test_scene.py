"""Mitsuba against what is known otherwise: our ray caster's labels, and light in closed form."""

from dataclasses import replace

import numpy as np
import pytest

from headfreeze.synth.building import RICH, draw_room
from headfreeze.synth.camera import ANY, Camera, picture
from headfreeze.synth.materials import Materials, photographic_materials
from headfreeze.synth.path_traced.engine import mitsuba
from headfreeze.synth.path_traced.lighting import Disc, Lighting, Sun, draw_lighting
from headfreeze.synth.path_traced.scene import build_scene, trace, trace_guides
from headfreeze.synth.raycast import cast
from headfreeze.synth.scene import Niches, Room
from headfreeze.synth.shapes import BALL, BOX, IDENTITY, f32
from headfreeze.synth.textures import PATTERNS, look_up
from tests.synth.hand_made import box_room, shapes

pytest.importorskip("mitsuba", reason="Mitsuba is not installed: pip install 'headfreeze[synth]'")

DARK = Lighting(view=np.zeros((2, 2, 3), np.float32), sun=None, disc=None, shades=np.zeros(3, np.float32))
LAMP = Disc(f32([0, 0, 2.998]), f32([0, 0, -1]), radius=0.05, radiance=f32([400, 200, 100]))


def plain(room: Room, reflectance: float, glow: tuple[float, ...] = ()) -> Materials:
    """Matt materials of one grey."""
    count, none = len(room.materials), np.zeros(len(room.materials), np.float32)
    return Materials(
        colours=np.full((3, 2, count), reflectance, np.float32),
        pattern=np.zeros(count, np.int64),
        period_m=none + 1,
        shine=none,
        sharpness=none + 1,
        glow=f32(glow) if glow else none,
    )


def looking_down(at: tuple[float, float] = (0, 0)) -> Camera:
    return Camera.aimed((*at, 1.5), yaw_deg=0, pitch_deg=-90, roll_deg=0, fov_deg=60)


def windowed(view: np.ndarray) -> tuple[Room, Lighting]:
    """A room with a window of 1 m × 1 m, 0.1 m deep, 1 m to 2 m high in the wall towards y, and what it shows."""
    niche = Niches(shapes((BOX, (0, 2.05, 1.5), IDENTITY, (0.5, 0.05, 0.5), "window")), np.array([3]))
    niche.shapes.material[:] = 3
    room = replace(box_room(2, 3, niches=niche), materials=("floor", "ceiling", "wall", "window"))
    return room, Lighting(f32(view), None, None, np.zeros(3, np.float32))


@pytest.mark.parametrize("seed", range(8))
def test_mitsuba_sees_our_labels_at_the_centres_of_pixels(seed: int) -> None:
    size = 24
    rng = np.random.default_rng(seed)
    room, camera = draw_room(rng, ANY, RICH)
    materials = photographic_materials(room.materials, rng)
    position, normal = np.zeros((2, size, size, 3))
    with mitsuba() as mi:
        scene = build_scene(mi, room, camera, materials, draw_lighting(room, materials.glow, rng), size)
        for row, column in np.ndindex(size, size):
            centre = [(column + 0.5) / size, (row + 0.5) / size]
            ray, _ = scene.sensors()[0].sample_ray(0.0, 0.5, centre, [0.5, 0.5])
            hit = scene.ray_intersect(ray)
            position[row, column], normal[row, column] = np.array(hit.p), np.array(hit.sh_frame.n)
    hits = cast(room, camera.position, camera.rays(size))
    depth = (position - camera.position) @ -camera.frame[:, 2]
    assert (np.abs(depth - picture(hits.distance, size)) < 0.01).mean() > 0.99  # edges included
    cosine = (normal * picture(hits.normal, size)).sum(-1)
    assert (cosine > np.cos(np.deg2rad(1))).mean() > 0.99


def test_solids_around_the_camera_are_not_there() -> None:
    camera = looking_down()
    room = box_room(2, 3, shapes((BALL, camera.position, IDENTITY, (0.4, 0.4, 0.4), "object")))
    with mitsuba() as mi:
        _, _, position = trace_guides(mi, build_scene(mi, room, camera, plain(room, 0.5), DARK, 16), 1, 0)
    assert np.abs(position[..., 2]).max() < 1e-3  # the floor


def test_a_lamp_lights_a_floor_as_the_inverse_square_says() -> None:
    """Black walls: all light is direct. Radiance = reflectance / π · L · area · cos² / distance²."""
    room, camera = box_room(2, 3), looking_down()
    materials = plain(room, 0.0)
    materials.colours[:, :, room.plane_material[0]] = 0.5
    lighting = Lighting(DARK.view, None, LAMP, DARK.shades)
    with mitsuba() as mi:
        scene = build_scene(mi, room, camera, materials, lighting, 16)
        light = trace(mi, scene, 64, 1)
        _, _, position = trace_guides(mi, scene, 64, 1)
    square = ((position - LAMP.centre) ** 2).sum(-1)
    cosine = LAMP.centre[2] / np.sqrt(square)
    expected = 0.5 / np.pi * np.pi * LAMP.radius**2 * cosine**2 / square
    np.testing.assert_allclose(light, expected[..., None] * LAMP.radiance, rtol=0.02)


def test_walls_give_one_another_their_light() -> None:
    """In a closed room each of its surfaces lights the others: far more than the lamp alone does."""
    room, camera = box_room(2, 3), looking_down()
    lighting = Lighting(DARK.view, None, LAMP, DARK.shades)
    means = []
    for reflectance in (0.1, 0.7):
        with mitsuba() as mi:
            light = trace(mi, build_scene(mi, room, camera, plain(room, reflectance), lighting, 16), 64, 1)
        means.append(light.mean() / reflectance)
    assert means[1] > 1.5 * means[0]


def test_patterns_lie_where_the_ray_cast_look_has_them() -> None:
    room, camera = box_room(2, 3), looking_down()
    materials = plain(room, 0.1)
    materials.colours[:, 1] = 0.9
    number = PATTERNS.index("painting")  # turned around, it is another
    materials.pattern[0], materials.period_m[0] = number, 1.3
    with mitsuba() as mi:
        albedo, _, position = trace_guides(mi, build_scene(mi, room, camera, materials, DARK, 64), 64, 0)
    places = f32(position[..., :2].reshape(-1, 2).T / 1.3 + 0.5)
    blur = np.full(64 * 64, camera.pixel_width(64) * 1.5 / 1.3, np.float32)
    expected = 0.1 + 0.8 * look_up(np.full(64 * 64, number), places, blur).reshape(64, 64)
    assert np.corrcoef(albedo[..., 0].ravel(), expected.ravel())[0, 1] > 0.95
    flipped = look_up(np.full(64 * 64, number), places * f32([[1], [-1]]), blur)
    assert np.corrcoef(albedo[..., 0].ravel(), flipped)[0, 1] < 0.8


def test_windows_show_the_view_the_right_way_up_and_light_the_room() -> None:
    room, lighting = windowed(np.stack([np.tile(f32([2, 0, 0]), (2, 1)), np.tile(f32([0, 0, 2]), (2, 1))]))
    camera = Camera.aimed((0, -1, 1.5), yaw_deg=0, pitch_deg=0, roll_deg=0, fov_deg=30)
    with mitsuba() as mi:
        scene = build_scene(mi, room, camera, plain(room, 0.5, (0, 0, 0, 1)), lighting, 32)
        light = trace(mi, scene, 36, 1)
    sky, ground, wall = light[12, 16], light[20, 16], light[1, 16]
    assert sky[2] > 1.5
    assert sky[0] < 0.1
    assert ground[0] > 1.5
    assert ground[2] < 0.1
    assert 0.001 < wall.mean() < 0.1


def test_the_sun_draws_the_window_on_the_floor() -> None:
    """At 45° its light falls 1 m to 2 m behind the wall's outer face, where the hole of 1 m lets it through."""
    room, night = windowed(np.zeros((2, 2, 3)))
    sun = Sun(f32([0, -np.sqrt(0.5), -np.sqrt(0.5)]), f32([3, 2, 1]))
    lighting = Lighting(night.view, sun, None, night.shades)
    camera = looking_down((0, 0.5))
    with mitsuba() as mi:
        scene = build_scene(mi, room, camera, plain(room, 0.2, (0, 0, 0, 1)), lighting, 48)
        light = trace(mi, scene, 64, 1)
        _, _, position = trace_guides(mi, scene, 64, 1)
    x, y = np.abs(position[..., 0]), 2 - position[..., 1]  # y: away from the wall
    direct = 0.2 / np.pi * np.sqrt(0.5) * sun.irradiance
    lit = (x < 0.45) & (y > 1.05) & (y < 1.85)  # the sill's and the lintel's 0.1 m take a little off its ends
    dark = (x > 0.55) | (y < 0.85) | (y > 2.15)
    assert lit.sum() > 50
    np.testing.assert_allclose(light[lit].mean(0), direct, rtol=0.1)
    assert light[dark].mean() < 0.1 * direct.mean()


def test_shades_glow_when_they_are_switched_on() -> None:
    room, camera = box_room(2, 3, shapes((BALL, (0, 0, 0.5), IDENTITY, (0.2, 0.2, 0.2), "lamp"))), looking_down()
    room.solids.material[:] = 1
    for shades, expected in ((0.0, 0.0), (2.0, 1.0)):
        lighting = Lighting(DARK.view, None, None, f32([shades] * 3))
        with mitsuba() as mi:
            light = trace(mi, build_scene(mi, room, camera, plain(room, 0.0, (0, 0.5, 0)), lighting, 17), 4, 1)
        np.testing.assert_allclose(light[8, 8], expected, atol=1e-5)
