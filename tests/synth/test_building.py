from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfreeze.synth.building import RICH, draw_room
from headfreeze.synth.camera import ANY, HAND, LEVEL, Camera
from headfreeze.synth.floorplan import FloorPlan, Plane, Spot
from headfreeze.synth.materials import STUFF
from headfreeze.synth.pieces import Part, Piece, moved, tube
from headfreeze.synth.raycast import cast
from headfreeze.synth.rich_furniture import RICH_PIECES, curtain, radiator, rug
from headfreeze.synth.scene import CLASSES, Room
from headfreeze.synth.shapes import BALL, CYLINDER

ROOMS = 100
STANDING = [make for make in RICH_PIECES if make not in (rug, radiator, curtain)]
RICH_PIECES_BY_NAME = {make.__name__: make for make in RICH_PIECES}
SEES_MOSTLY = 32


@pytest.fixture(scope="module")
def rooms() -> list[tuple[Room, Camera]]:
    return [draw_room(np.random.default_rng(seed), [HAND]) for seed in range(ROOMS)]


def pitch_deg(camera: Camera) -> float:
    return float(np.rad2deg(np.arcsin(-camera.frame[2, 2])))


def in_unit(room: Room, points: np.ndarray) -> np.ndarray:
    """Points (3, n) in the unit frame of each solid: 3, solids, n."""
    shapes = room.solids
    return np.einsum("apj,jpn->apn", shapes.to_unit, points[:, None] - shapes.centre.T[:, :, None])


def test_another_pitch_changes_nothing_else() -> None:
    for seed in range(10):
        (a, from_a), (b, from_b) = (draw_room(np.random.default_rng(seed), [by]) for by in (LEVEL, HAND))
        for name in ("plane_normal", "plane_offset", "materials", "surface_label", "surface_material"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        for first, second in zip(a.surface_frame, b.surface_frame, strict=True):
            np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(from_a.position, from_b.position)
        assert from_a.fov_deg == from_b.fov_deg
        yaw_a, yaw_b = (np.arctan2(*camera.frame[:2, 2]) for camera in (from_a, from_b))
        assert yaw_a == pytest.approx(yaw_b, abs=1e-5)
        assert pitch_deg(from_a) != pitch_deg(from_b)


def test_target_cameras_look_further_down_and_vary_more(rooms: list[tuple[Room, Camera]]) -> None:
    drawn = {
        "source": np.array([pitch_deg(draw_room(np.random.default_rng(i), [LEVEL])[1]) for i in range(ROOMS)]),
        "target": np.array([pitch_deg(camera) for _, camera in rooms]),
    }
    for domain, (mean, spread) in {"source": LEVEL.pitch_deg, "target": HAND.pitch_deg}.items():
        assert abs(drawn[domain].mean() - mean) < 4 * spread / np.sqrt(ROOMS)
        assert abs(drawn[domain].std() - spread) < 4 * spread / np.sqrt(2 * ROOMS)
    assert drawn["target"].mean() < drawn["source"].mean() - 7
    assert drawn["target"].std() > 1.5 * drawn["source"].std()


def test_cameras_and_lamps_are_inside_the_room(rooms: list[tuple[Room, Camera]]) -> None:
    for room, camera in rooms:
        for place in (camera.position, room.light):
            assert (room.plane_normal @ place + room.plane_offset).min() > 0.04


def test_cameras_are_in_no_solid_and_see_none_at_arms_length(rooms: list[tuple[Room, Camera]]) -> None:
    for room, camera in rooms:
        assert (np.abs(in_unit(room, camera.position[:, None])).max(0) > 1).all()
        assert cast(room, camera.position, camera.rays(16)).distance.min() > 0.1


def extent(part: Part) -> np.ndarray:
    """Half extents of a part along the axes of its piece."""
    axes = part.turn * np.array(part.half)  # columns: the unit shape's axes
    if part.kind == BALL:
        return np.sqrt((axes**2).sum(1))
    if part.kind == CYLINDER:
        return np.hypot(axes[:, 0], axes[:, 1]) + np.abs(axes[:, 2])
    return np.abs(axes).sum(1)


@pytest.mark.parametrize("make", STANDING, ids=lambda make: make.__name__)
def test_a_piece_stands_on_the_floor_and_on_its_own_ground(make: Callable[[np.random.Generator], Piece]) -> None:
    for seed in range(60):
        piece = make(np.random.default_rng(seed))
        low = min(part.centre[2] - extent(part)[2] for part in piece.parts)
        assert low == pytest.approx(0, abs=3e-3)
        for part in piece.parts:
            x, y, _ = np.abs(part.centre) + extent(part)
            assert x < piece.half_width + 0.06  # leaves and things on tables may stick out
            assert y < piece.half_depth + 0.06


def test_walls_stand_around_all_furniture(rooms: list[tuple[Room, Camera]]) -> None:
    for room, _ in rooms:
        walls = room.plane_label == CLASSES.index("wall")
        to_wall = room.plane_normal[walls] @ room.solids.centre.T + room.plane_offset[walls][:, None]
        assert to_wall[:, room.solids.label != CLASSES.index("window")].min() > 0  # sills lie in the wall


def test_things_do_not_run_into_the_camera(rooms: list[tuple[Room, Camera]]) -> None:
    for room, camera in rooms:
        beside = np.hypot(*(room.solids.centre - camera.position)[:, :2].T)
        on_floor = room.solids.centre[:, 2] < 0.5
        assert beside[on_floor].min(initial=9) > HAND.clearance_m[0] - 0.15


def test_rooms_show_every_class_and_pictures_are_mostly_furnished(rooms: list[tuple[Room, Camera]]) -> None:
    seen = np.zeros(len(CLASSES))
    for room, camera in rooms:
        hits = cast(room, camera.position, camera.rays(SEES_MOSTLY))
        seen += np.bincount(room.surface_label[hits.surface], minlength=len(CLASSES)) / SEES_MOSTLY**2
    share = seen / ROOMS
    assert share.min() > 0.002, dict(zip(CLASSES, share.round(4), strict=True))
    assert share[3:].sum() > 0.2, "rooms look empty"
    assert share[:3].max() < 0.5, "one flat boundary fills the pictures"


def test_furniture_names_only_classes_and_materials_that_exist() -> None:
    for make in RICH_PIECES:
        for seed in range(20):
            piece = make(np.random.default_rng(seed))
            assert {part.label for part in piece.parts} <= set(CLASSES)
            assert {part.material for part in piece.parts} <= set(STUFF)
            assert all(min(part.half) > 0 for part in piece.parts)


SPOTS = st.builds(
    Spot, st.floats(-2, 2), st.floats(-2, 2), st.floats(0.1, 1.5), st.floats(0.1, 1.5), st.floats(-180, 180)
)


def points_of(spot: Spot, shrunk: float) -> np.ndarray:
    """A grid of points (n, 2) in a spot."""
    c, s = np.cos(np.deg2rad(spot.yaw_deg)), np.sin(np.deg2rad(spot.yaw_deg))
    u, v = np.meshgrid(*[np.linspace(-shrunk, shrunk, 41)] * 2)
    x, y = u.ravel() * spot.half_width, v.ravel() * spot.half_depth
    return np.stack([spot.x + c * x - s * y, spot.y + s * x + c * y], axis=1)


def holds(spot: Spot, points: np.ndarray) -> np.ndarray:
    c, s = np.cos(np.deg2rad(spot.yaw_deg)), np.sin(np.deg2rad(spot.yaw_deg))
    x, y = (points - [spot.x, spot.y]).T
    return (np.abs(c * x + s * y) < spot.half_width) & (np.abs(c * y - s * x) < spot.half_depth)


def test_a_spot_is_free_where_it_shares_no_point_with_one_that_is_taken() -> None:
    rng = np.random.default_rng(0)
    outcomes = []
    for _ in range(1500):
        a, b = (Spot(*rng.uniform(-1.5, 1.5, 2), *rng.uniform(0.1, 1.2, 2), rng.uniform(-180, 180)) for _ in range(2))
        free = FloorPlan(taken=[b]).free(a)
        outcomes.append(free)
        if free:
            assert not holds(b, points_of(a, 0.999)).any()
        else:  # the grid of points may miss a small overlap, but not by much
            grown = b._replace(half_width=b.half_width + 0.07, half_depth=b.half_depth + 0.07)
            assert holds(grown, points_of(a, 1)).any()
    assert 0.2 < np.mean(outcomes) < 0.8


@given(SPOTS, st.floats(-180, 180), st.floats(-3, 3))
def test_a_spot_is_inside_where_all_its_corners_are(spot: Spot, direction_deg: float, offset: float) -> None:
    nx, ny = np.cos(np.deg2rad(direction_deg)), np.sin(np.deg2rad(direction_deg))
    plan = FloorPlan([Plane((nx, ny, 0.0), offset, "wall", 0)])
    margin = (points_of(spot, 1) @ [nx, ny] + offset).min()
    assert plan.inside(spot) == (margin > 0.01) or abs(margin - 0.01) < 1e-6


@given(SPOTS, st.floats(20, 70), st.floats(0.5, 4))
def test_headroom_is_the_lowest_point_of_a_slanted_ceiling(spot: Spot, slope_deg: float, height: float) -> None:
    s, c = np.sin(np.deg2rad(slope_deg)), np.cos(np.deg2rad(slope_deg))
    plan = FloorPlan([Plane((0, 0, -1), 30.0, "ceiling", 0), Plane((-s, 0.0, -c), c * height, "ceiling", 0)])
    lowest = (height - points_of(spot, 1)[:, 0] * s / c).min()  # z ≤ height - x · tan(slope)
    assert plan.headroom_m(spot) == pytest.approx(lowest, abs=1e-6)


def test_a_tube_leads_from_one_point_to_the_other() -> None:
    rng = np.random.default_rng(0)
    ends = [*rng.uniform(-1, 1, (50, 2, 3)), np.array([[0, 0, 1], [0, 0, 0]]), np.array([[0, 0, 0], [1e-9, 0, 1]])]
    for start, end in ends:
        part = tube(tuple(start), tuple(end), 0.02, "seat", "metal")
        np.testing.assert_allclose(part.turn.T @ part.turn, np.eye(3), atol=1e-6)
        assert np.linalg.det(part.turn) == pytest.approx(1, abs=1e-6)  # right-handed, or its normals would look inwards
        for sign, place in ((-1, start), (1, end)):
            np.testing.assert_allclose(part.centre + sign * part.turn[:, 2] * part.half[2], place, atol=1e-6)


def test_what_is_moved_keeps_its_shape() -> None:
    chair = RICH_PIECES_BY_NAME["tube_chair"](np.random.default_rng(1)).parts
    there = moved(moved(chair, 1.0, -2.0, 30.0), 0.0, 0.0, -30.0)
    shift = np.array(there[0].centre) - chair[0].centre
    assert np.hypot(*shift[:2]) == pytest.approx(np.hypot(1, 2))
    for before, after in zip(chair, there, strict=True):
        np.testing.assert_allclose(after.turn, before.turn, atol=1e-6)
        np.testing.assert_allclose(np.array(after.centre) - before.centre, shift, atol=1e-6)


def test_rich_rooms_are_seen_from_everywhere_and_have_more_in_them() -> None:
    drawn = [draw_room(np.random.default_rng(seed), ANY, RICH) for seed in range(60)]
    pitch = np.array([pitch_deg(camera) for _, camera in drawn])
    height = np.array([camera.position[2] for _, camera in drawn])
    assert pitch.min() < -35
    assert pitch.max() > 0
    assert height.min() < 0.8
    assert height.max() > 1.6
    for room, camera in drawn:
        assert (room.plane_normal @ camera.position + room.plane_offset).min() > 0.04
        assert (np.abs(in_unit(room, camera.position[:, None])).max(0) > 1).all()
    simple = [draw_room(np.random.default_rng(seed), [HAND])[0] for seed in range(60)]
    assert np.median([len(room.solids) for room, _ in drawn]) > 2 * np.median([len(room.solids) for room in simple])
    floors = [room.materials[room.plane_material[0]] for room, _ in drawn]
    assert {"floor", "carpet"} == set(floors)
    for (room, _), floor in zip(drawn, floors, strict=True):
        assert not room.polish or floor == "floor"
        if room.sun is not None:
            assert np.linalg.norm(room.sun) == pytest.approx(1, abs=1e-5)
            assert room.sun[2] > 0.1
    assert {room.sun is None for room, _ in drawn} == {room.polish == 0 for room, _ in drawn} == {True, False}
    assert all(room.sun is None and room.polish == 0 for room in simple)


def test_skirtings_run_along_the_walls_and_leave_the_doors_free() -> None:
    doors = 0
    for seed in range(40):
        room, _ = draw_room(np.random.default_rng(seed), ANY, RICH)
        paint = [i for i, name in enumerate(room.materials) if name == "paint"]
        boards = (
            np.isin(room.solids.material, paint) & (room.solids.half.min(1) < 0.007) & (room.solids.half[:, 2] < 0.08)
        )
        assert boards.sum() >= 4
        for i, material in enumerate(room.niches.shapes.material):
            if room.materials[material] == "door":
                doors += 1
                middle = room.niches.shapes.centre[i] - room.niches.shapes.axes[i][:, 1] * room.niches.shapes.half[i][1]
                low = np.array([*middle[:2], 0.02], np.float32)[:, None]
                assert (np.abs(in_unit(room, low)[:, boards]).max(0) > 1).all()
    assert doors > 10
