import numpy as np
import pytest

from headfreeze.synth.building import draw_room
from headfreeze.synth.camera import HAND, LEVEL, Camera, picture
from headfreeze.synth.raycast import blocked, cast
from headfreeze.synth.scene import CLASSES, Niches, Room
from headfreeze.synth.shapes import BALL, BOX, CYLINDER, IDENTITY, WEDGE, Shapes, f32, rotation
from tests.synth.hand_made import box_room, shapes

SIZE = 32


def look(room: Room, camera: Camera, size: int = SIZE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normals in the camera's frame, depth and classes, as pictures."""
    hits = cast(room, camera.position, camera.rays(size))
    normals = np.einsum("ia,ir->ar", camera.frame, hits.normal)
    return picture(normals, size), picture(hits.distance, size), picture(room.surface_label[hits.surface], size)


def grid(camera: Camera, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels' centres lie on a plane at a depth of 1: x right, y up."""
    at = (2 * (np.arange(size) + 0.5) / size - 1) * np.tan(np.deg2rad(camera.fov_deg / 2))
    return np.broadcast_to(at, (size, size)), np.broadcast_to(-at[:, None], (size, size))


def inside(solids: Shapes, index: int, points: np.ndarray) -> np.ndarray:
    """How far points (n, 3) lie outside of a solid's surface in its unit frame (negative: inside), in float64."""
    axes, half = solids.axes[index].astype(float), solids.half[index].astype(float)
    x, y, z = (((points - solids.centre[index]) @ axes) / half).T
    cube = np.max(np.abs([x, y, z]), axis=0) - 1
    return {
        BOX: cube,
        WEDGE: np.maximum(cube, x + z),
        CYLINDER: np.maximum(np.hypot(x, y) - 1, np.abs(z) - 1),
        BALL: np.sqrt(x * x + y * y + z * z) - 1,
    }[int(solids.kind[index])]


@pytest.mark.parametrize("pitch_deg", [-50.0, -20.0, 0.0])
def test_a_floor_seen_from_a_known_height(pitch_deg: float) -> None:
    camera = Camera.aimed((0, 0, 1.5), yaw_deg=35, pitch_deg=pitch_deg, roll_deg=0, fov_deg=60)
    normals, depth, classes = look(box_room(20, 3), camera)
    s, c = np.sin(np.deg2rad(pitch_deg)), np.cos(np.deg2rad(pitch_deg))
    _, y = grid(camera)
    falls = -(y * c + s)  # metres that a ray falls for each metre of depth
    expected = np.where(falls > 0, 1.5 / np.where(falls > 0, falls, 1), np.inf)
    floor = expected < 10  # nearer than any wall
    assert (classes[floor] == CLASSES.index("floor")).all()
    np.testing.assert_allclose(depth[floor], expected[floor], rtol=1e-4)
    np.testing.assert_allclose(normals[floor], np.tile([0, c, -s], (floor.sum(), 1)), atol=1e-5)


def test_a_wall_straight_ahead_is_one_depth_and_faces_the_viewer() -> None:
    camera = Camera.aimed((0, -1, 1.5), yaw_deg=0, pitch_deg=0, roll_deg=0, fov_deg=30)
    normals, depth, classes = look(box_room(2, 3), camera)
    np.testing.assert_allclose(depth, 3, rtol=1e-5)
    np.testing.assert_allclose(normals, np.tile([0, 0, 1], (SIZE, SIZE, 1)), atol=1e-6)
    assert (classes == CLASSES.index("wall")).all()


def test_a_wall_on_the_right_has_normals_that_point_left_and_roll_turns_them() -> None:
    half = np.sqrt(0.5)
    for roll_deg, expected in ((0, (-half, 0, half)), (90, (0, half, half))):  # anticlockwise: its right goes up
        camera = Camera.aimed((1.9, 0, 15), yaw_deg=-45, pitch_deg=0, roll_deg=roll_deg, fov_deg=20)
        normals, _, _ = look(box_room(2, 30), camera)
        np.testing.assert_allclose(normals[SIZE // 2, SIZE // 2], expected, atol=1e-5)


def test_a_ball_has_the_normals_and_depths_of_a_ball() -> None:
    ball = shapes((BALL, (0, 2, 1.5), IDENTITY, (0.6, 0.6, 0.6), "lamp"))
    camera = Camera.aimed((0, 0, 1.5), yaw_deg=0, pitch_deg=0, roll_deg=0, fov_deg=45)
    normals, depth, classes = look(box_room(4, 3, ball), camera, 64)
    x, y = grid(camera, 64)
    d = np.stack([x, y, np.full_like(x, -1.0)], axis=-1)
    d2, b = (d**2).sum(-1), 2 * d[..., 2] * -1  # |t d + (0, 0, 2)|² = 0.36 in the camera's frame
    inside_root = (2 * b) ** 2 / 4 - d2 * (4 - 0.36)
    hit = inside_root > 1e-3
    t = (b - np.sqrt(np.maximum(inside_root, 0))) / d2
    expected = (t[..., None] * d - [0, 0, -2]) / 0.6
    assert ((classes == CLASSES.index("lamp"))[hit]).all()
    assert (classes[inside_root < -1e-3] != CLASSES.index("lamp")).all()
    np.testing.assert_allclose(depth[hit], t[hit], rtol=1e-4)
    np.testing.assert_allclose(normals[hit], expected[hit], atol=5e-3)


def test_a_wedge_shows_its_slope() -> None:
    ramp = shapes((WEDGE, (0, 0, 0.5), IDENTITY, (1, 1, 0.5), "object"))  # rises from x = 1 to 1 m at x = -1
    camera = Camera.aimed((2.5, 0, 1.0), yaw_deg=90, pitch_deg=-15, roll_deg=0, fov_deg=20)
    normals, _, classes = look(box_room(4, 3, ramp), camera)
    assert classes[SIZE // 2, SIZE // 2] == CLASSES.index("object")
    slope = rotation(1, 15) @ f32([1, 0, 2]) / np.sqrt(5)  # in the world, then pitched into the camera's frame
    expected = np.array([0, slope[2], slope[0]])
    np.testing.assert_allclose(normals[SIZE // 2, SIZE // 2], expected, atol=1e-5)


def test_a_window_is_behind_its_wall_and_its_jambs_belong_to_the_wall() -> None:
    hole = shapes((BOX, (0, 2.15, 1.5), IDENTITY, (0.5, 0.15, 0.5), "window"))  # 30 cm deep in the wall at y = 2
    room = box_room(2, 3, niches=Niches(hole, np.array([3])))
    camera = Camera.aimed((1.5, 0, 1.5), yaw_deg=np.rad2deg(np.arctan2(1.5, 2)), pitch_deg=0, roll_deg=0, fov_deg=60)
    hits = cast(room, camera.position, camera.rays(64))
    end = (camera.position[:, None] + camera.rays(64) * hits.distance).T
    label = room.surface_label[hits.surface]
    back, jamb = label == CLASSES.index("window"), (end[:, 1] > 2 + 1e-4) & (end[:, 1] < 2.3 - 1e-4)
    assert 20 < back.sum() == (end[:, 1] > 2.3 - 1e-3).sum()
    np.testing.assert_allclose(end[back, 1], 2.3, atol=1e-5)
    assert jamb.sum() > 5
    assert (label[jamb] == CLASSES.index("wall")).all()
    np.testing.assert_allclose(hits.normal[:, back].T, np.tile([0, -1, 0], (back.sum(), 1)), atol=1e-6)
    left = jamb & (np.abs(end[:, 2] - 1.5) < 0.4)
    assert left.any()
    np.testing.assert_allclose(end[left, 0], -0.5, atol=1e-5)  # the camera on the right sees the left jamb
    np.testing.assert_allclose(hits.normal[:, left].T, np.tile([1, 0, 0], (left.sum(), 1)), atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_rays_end_at_the_first_surface_of_any_solid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = sorted(rng.integers(0, 4, 12))
    turns = [rotation(2, a) @ rotation(0, b) @ rotation(1, c) for a, b, c in rng.uniform(0, 360, (12, 3))]
    centres = rng.uniform(0.6, 2.4, (12, 3)) * rng.choice([-1, 1], (12, 3))
    solids = shapes(*zip(kinds, centres, turns, rng.uniform(0.05, 0.5, (12, 3)), ["object"] * 12, strict=True))
    room = box_room(3, 3, solids)
    room.plane_offset[:2] = 3, 3  # a cube around the origin
    rays = f32(rng.normal(size=(3, 800)))
    hits = cast(room, f32([0, 0, 0]), rays)
    end = (rays * hits.distance).T.astype(float)
    np.testing.assert_array_less(np.abs(end), 3 + 1e-4)
    on_boundary = hits.surface < 6
    np.testing.assert_allclose(np.abs(end[on_boundary]).max(1), 3, rtol=1e-5)
    assert len(np.unique(hits.surface)) > 12  # six walls and most of the solids
    for i in range(12):
        rows = hits.surface == room.first_solid + i
        np.testing.assert_allclose(inside(solids, i, end[rows]), 0, atol=2e-4)
    for share in np.linspace(0.01, 0.99, 60):  # nothing stands on the way
        assert all((inside(solids, i, end * share) > -0.05).all() for i in range(12))


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_rays_changes_nothing_but_the_speed(seed: int) -> None:
    room, camera = draw_room(np.random.default_rng(seed), [HAND])
    rays = camera.rays(64)
    order = np.random.default_rng(seed).permutation(rays.shape[1])  # cones so wide that no solid is passed over
    hits, mixed = cast(room, camera.position, rays), cast(room, camera.position, rays[:, order])
    np.testing.assert_array_equal(mixed.surface, hits.surface[order])
    np.testing.assert_array_equal(mixed.distance, hits.distance[order])
    np.testing.assert_array_equal(mixed.normal, hits.normal[:, order])


@pytest.mark.parametrize("seed", range(4))
def test_a_shadow_falls_where_a_ray_from_the_lamp_ends_too_early(seed: int) -> None:
    room, camera = draw_room(np.random.default_rng(seed), [HAND])
    rays = camera.rays(SIZE)
    hits = cast(room, camera.position, rays)
    to_point = camera.position[:, None] + rays * hits.distance - room.light[:, None]
    reached = cast(room, room.light, to_point).distance
    shadow = blocked(room.solids, room.light, to_point)
    # Walls cast no shadow into their niches; what ends within half a percent of the point is the point's own solid.
    clear = (hits.surface < room.first_niche) & (np.abs(reached - 1) > 0.01)
    assert (shadow[clear] == (reached[clear] < 1)).all()
    assert 0 < shadow.mean() < 1


@pytest.mark.parametrize("seed", range(12))
def test_normals_are_of_unit_length_and_face_the_viewer(seed: int) -> None:
    room, camera = draw_room(np.random.default_rng(seed), [LEVEL])
    rays = camera.rays(64)
    normal = cast(room, camera.position, rays).normal
    np.testing.assert_allclose((normal**2).sum(0), 1, atol=1e-5)
    assert ((normal * rays).sum(0) < 0).all()


def test_normals_of_flat_parts_are_those_of_the_points_behind_the_depths() -> None:
    checked = 0
    for seed in range(12):
        room, camera = draw_room(np.random.default_rng(seed), [HAND])
        hits = cast(room, camera.position, camera.rays(64))
        normals, depth, _ = look(room, camera, 64)
        surface = picture(hits.surface, 64)
        x, y = grid(camera, 64)
        points = np.stack([x * depth, y * depth, -depth], axis=-1).astype(float)
        right, up = points[1:-1, 2:] - points[1:-1, :-2], points[:-2, 1:-1] - points[2:, 1:-1]
        across = np.cross(right, up)
        across /= np.linalg.norm(across, axis=-1, keepdims=True)
        flat = np.ones((62, 62), bool)
        for dy, dx in ((0, 1), (2, 1), (1, 0), (1, 2)):  # one surface, and one face of it
            around = slice(dy, dy + 62), slice(dx, dx + 62)
            flat &= (surface[around] == surface[1:-1, 1:-1]) & (normals[around] == normals[1:-1, 1:-1]).all(-1)
        cosine = np.clip((across * normals[1:-1, 1:-1]).sum(-1)[flat], -1, 1)
        assert np.rad2deg(np.arccos(cosine)).max() < 1
        checked += flat.sum()
    assert checked > 12 * 62 * 62 / 2
