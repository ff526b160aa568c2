import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from headfreeze.synth import looks, photo, textures
from headfreeze.synth.building import draw_room
from headfreeze.synth.camera import HAND, LEVEL, Camera, picture
from headfreeze.synth.materials import GAMMA, STUFF, clean_materials, photographic_materials
from headfreeze.synth.shapes import BALL, BOX, IDENTITY, f32
from tests.synth.hand_made import box_room, shapes

SIZE = 48
FACING_A_WALL = Camera.aimed((0, -1, 1.5), yaw_deg=0, pitch_deg=0, roll_deg=0, fov_deg=30)


def roughness(image: np.ndarray) -> float:
    """Mean difference between neighbours that a smooth gradient does not explain."""
    bright = image.astype(float).mean(2)
    return float(np.abs(bright - (np.roll(bright, 1, 1) + np.roll(bright, -1, 1)) / 2)[:, 1:-1].mean())


def test_a_bare_wall_is_smooth_in_the_clean_look_and_never_in_a_photograph() -> None:
    for seed in range(8):
        rendered = looks.clean(box_room(2, 3), FACING_A_WALL, SIZE, np.random.default_rng(seed))
        photograph = looks.photographic(box_room(2, 3), FACING_A_WALL, SIZE, np.random.default_rng(seed))
        assert roughness(rendered) < 0.4
        assert roughness(photograph) > 1


def test_a_thing_between_lamp_and_floor_casts_a_shadow_with_soft_edges() -> None:
    room = box_room(2, 3, shapes((BOX, (0, 0, 1), IDENTITY, (0.4, 0.4, 0.02), "table")))
    at = np.linspace(-1.9, 1.9, 400)
    point = f32([np.repeat(at, 4), np.zeros(1600), np.zeros(1600)])  # four samples a place
    up = np.repeat(f32([[0], [0], [1]]), 1600, axis=1)
    lamp = f32([[-0.1, 0.1, -0.05, 0.05], [0, 0, 0, 0], [2.5] * 4])
    diffuse, _ = looks._lamp_light(room, lamp, point, up, up, np.ones(1600, np.float32))
    lit = (diffuse.reshape(400, 4) > 0).sum(1)
    # A board 1 m up, 1.5 m below a lamp of 20 cm: it hides all of it up to 0.6 m off the middle, and none from 0.74 m.
    assert (lit[np.abs(at) < 0.59] == 0).all()
    assert (lit[np.abs(at) > 0.74] == 4).all()
    assert set(lit) == {0, 1, 2, 3, 4}


def test_a_mirror_direction_shines_and_others_do_not() -> None:
    point, up = np.zeros((3, 4), np.float32), np.repeat(f32([[0], [0], [1]]), 4, axis=1)
    lamp = np.repeat(f32([[1], [0], [1]]), 4, axis=1)
    view = f32([[-1, 1, 0, 0], [0, 0, 1, 0], [1, 1, 1, 1]])
    view /= np.linalg.norm(view, axis=0)
    diffuse, mirrored = looks._lamp_light(box_room(2, 3), lamp, point, up, view, np.full(4, 50, np.float32))
    np.testing.assert_allclose(diffuse, diffuse[0])
    assert mirrored[0] == pytest.approx(diffuse[0] / np.sqrt(0.5), rel=1e-5)
    assert (mirrored[1:] < mirrored[0] / 10).all()


def test_less_ambient_light_reaches_corners_and_the_ground_under_things() -> None:
    room = box_room(2, 3, shapes((BOX, (0, 0, 0.2), IDENTITY, (0.5, 0.5, 0.05), "table")))
    places = f32([[1.2, 1.2, 0], [1.95, 1.2, 0], [1.95, 1.95, 0], [0, 0, 0]])  # open floor, by a wall, corner, below
    point = np.repeat(places, 4, axis=0).T.copy()
    up = np.repeat(f32([[0], [0], [1]]), 16, axis=1)
    open_, wall, corner, below = looks._openness(room, point, up).reshape(4, 4).mean(1)
    assert open_ > wall > corner
    assert open_ > below
    assert open_ == pytest.approx(1, abs=1e-5)


def test_edges_are_smoothed_between_the_colours_of_both_sides() -> None:
    ball = shapes((BALL, (0, 1, 1.5), IDENTITY, (0.3, 0.3, 0.3), "lamp"))
    room = box_room(2, 3, ball)
    fine, smoothed = (
        (looks.clean(room, FACING_A_WALL, size, np.random.default_rng(1)) / 255) ** GAMMA for size in (8 * SIZE, SIZE)
    )
    averaged = fine.reshape(SIZE, 8, SIZE, 8, 3).mean((1, 3))
    one_ray = fine[4::8, 4::8]
    assert np.abs(smoothed - averaged).mean() < 0.6 * np.abs(one_ray - averaged).mean()


def test_a_pixel_that_covers_much_of_a_pattern_sees_its_mean() -> None:
    fine, coarse = ((np.stack(np.meshgrid(at, at)).reshape(2, -1)) for at in map(grid, (textures.SIDE, 4)))
    for number in range(len(textures.PATTERNS)):
        sharp = textures.look_up(np.full(fine.shape[1], number), fine, np.zeros(fine.shape[1], np.float32))
        blurred = textures.look_up(np.full(16, number), coarse, np.full(16, 0.25, np.float32))
        expected = sharp.reshape(4, textures.SIDE // 4, 4, textures.SIDE // 4).mean((1, 3))
        np.testing.assert_allclose(blurred.reshape(4, 4), expected, atol=1e-5)


def grid(count: int) -> np.ndarray:
    """Centres of equal parts of 0 … 1."""
    return f32((np.arange(count) + 0.5) / count)


def test_patterns_mix_between_their_colours_and_repeat() -> None:
    uv = f32(np.random.default_rng(0).uniform(-20, 20, (2, 4000)))
    for number, name in enumerate(textures.PATTERNS):
        pattern = np.full(4000, number)
        sharp = textures.look_up(pattern, uv, np.zeros(4000, np.float32))
        assert 0 <= sharp.min() <= sharp.max() <= 1
        again = textures.look_up(pattern, uv + f32([[1], [-2]]), np.zeros(4000, np.float32))
        assert (np.abs(again - sharp) < 1e-6).mean() > 0.99, f"{name} does not repeat"
    assert (textures.look_up(np.zeros(4000, int), uv, np.zeros(4000, np.float32)) == 0).all()  # flat is flat


def test_every_material_has_patterns_that_exist() -> None:
    for stuff in STUFF.values():
        assert {pattern for pattern, _ in stuff.patterns} <= set(textures.PATTERNS)


def test_materials_have_their_hues() -> None:
    names = ["leaves", "door", "window", "thing"] * 100
    red, green, blue = clean_materials(names, np.random.default_rng(0)).colours[:, 0].reshape(3, 100, 4).mean(1)
    assert green[0] > max(red[0], blue[0])
    assert red[1] > green[1] > blue[1]
    assert blue[2] > max(red[2], green[2])
    np.testing.assert_allclose([red[3], green[3], blue[3]], red[3], rtol=0.3)  # any hue


def test_colours_are_reflectances() -> None:
    names = list(STUFF) * 20
    for materials in (m(names, np.random.default_rng(0)) for m in (clean_materials, photographic_materials)):
        assert 0 <= materials.colours.min() <= materials.colours.max() <= 1


def test_a_lens_blurs_as_a_gaussian_does() -> None:
    image = f32(np.random.default_rng(0).uniform(0, 1, (20, 30, 3)))
    expected = gaussian_filter(image, (0.7, 0.7, 0), mode="nearest", radius=(2, 2, 0))
    np.testing.assert_allclose(photo._blurred(image, 0.7), expected, atol=1e-5)


def test_a_lens_lets_less_through_towards_the_corners() -> None:
    passed = photo._vignette(9, 9, 0.3)[:, :, 0]
    assert passed[4, 4] == 1
    assert (np.diff(passed[4, 4:]) < 0).all()
    assert passed[0, 0] == passed.min() == pytest.approx((1 + 0.3 * 2) ** -2)


def test_a_photograph_does_not_depend_on_the_unit_of_light() -> None:
    light = f32(np.random.default_rng(0).uniform(0.1, 1, (16, 16, 3)))
    dim, bright = (photo.develop(light * scale, np.random.default_rng(3)).astype(int) for scale in (0.01, 100))
    assert np.abs(dim - bright).max() <= 1


def test_photographs_of_one_room_differ_in_colour_and_brightness() -> None:
    light = np.full((16, 16, 3), 0.5, np.float32)
    means = np.array([photo.develop(light, np.random.default_rng(seed)).mean((0, 1)) for seed in range(30)])
    assert means.mean(1).std() > 5
    assert (means[:, 0] - means[:, 2]).std() > 5


@pytest.mark.parametrize("look", [looks.clean, looks.photographic])
@pytest.mark.parametrize("size", [16, 37, 50])
def test_any_size_can_be_drawn(look, size: int) -> None:
    room, camera = draw_room(np.random.default_rng(2), [HAND])
    image = look(room, camera, size, np.random.default_rng(0))
    assert image.shape == (size, size, 3)
    assert image.std() > 5


def test_pictures_of_different_sizes_show_the_same_view() -> None:
    room, camera = draw_room(np.random.default_rng(5), [LEVEL])
    small = looks.clean(room, camera, 16, np.random.default_rng(0)).astype(float)
    large = looks.clean(room, camera, 64, np.random.default_rng(0)).astype(float)
    assert np.abs(large.reshape(16, 4, 16, 4, 3).mean((1, 3)) - small).mean() < 4


def test_values_of_rays_get_to_their_pixels() -> None:
    camera = Camera.aimed((0, 0, 0), 0, 0, 0, 90)
    x, _, z = picture(camera.rays(40), 40).transpose(2, 0, 1)
    edges = (np.arange(40) + 0.5) / 20 - 1
    np.testing.assert_allclose(x, np.tile(edges, (40, 1)), atol=1e-6)
    np.testing.assert_allclose(z, np.tile(-edges[:, None], (1, 40)), atol=1e-6)
