import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from headfreeze.annotate.lines import CLASSES, UNDECIDED, annotate_lines, classified_lines, line_map
from headfreeze.annotate.vanishing import Lines, directions
from headfreeze.data.folder import open_dataset
from headfreeze.errors import InputError
from tests.boxroom import BoxView, box_view

HEIGHT, WIDTH, FOCAL_PX = 240, 320, 200.0
FOV_DEG = 2 * math.degrees(math.atan(WIDTH / 2 / FOCAL_PX))
TILE_M = 0.6


def places(view: BoxView) -> np.ndarray:
    """What each pixel sees, (h, w, 3), in the room's axes: x right, y up, z back."""
    height, width = view.depth_m.shape
    right = (np.arange(width) + 0.5 - width / 2) / FOCAL_PX
    up = -(np.arange(height) + 0.5 - height / 2) / FOCAL_PX
    rays = np.stack(np.broadcast_arrays(right, up[:, None], -1.0), axis=-1)
    return view.depth_m[..., None] * rays @ view.to_world.T


def tiled(number: int) -> tuple[np.ndarray, BoxView]:
    """A box room with tiles on all its sides, whose joints run along the room's three axes; and what it was made of."""
    view = box_view(number, HEIGHT, WIDTH, FOCAL_PX)
    odd = (np.floor(places(view) / TILE_M + 1e-3).sum(-1) % 2).astype(bool)
    return np.where(odd[..., None], view.image // 2, view.image).astype(np.uint8), view


def axes(view: BoxView) -> np.ndarray:
    """Rows: the room's vertical, its horizontal axis nearest to the view, the other one; in the camera's frame."""
    x, y, z = view.to_world
    along, across = sorted((x, z), key=lambda axis: -abs(axis[2]))
    return np.stack([y, along, across])


def degrees_between(a: np.ndarray, b: np.ndarray) -> float:
    return math.degrees(math.acos(min(1.0, abs(float(a @ b)))))


@pytest.mark.parametrize("number", range(6))
def test_the_directions_of_a_room_are_found_within_2_degrees(number: int) -> None:
    image, view = tiled(number)
    _, _, found = classified_lines(image, FOV_DEG)
    assert max(degrees_between(a, b) for a, b in zip(found.stacked(), axes(view), strict=True)) < 2
    np.testing.assert_allclose(found.stacked() @ found.stacked().T, np.eye(3), atol=1e-9)
    assert found.vertical[1] > 0
    assert found.along[2] < 0
    assert found.across[0] > 0


@pytest.mark.parametrize("number", range(6))
def test_each_line_has_the_class_of_its_direction_in_space(number: int) -> None:
    image, view = tiled(number)
    segments, classes, _ = classified_lines(image, FOV_DEG)
    assert len(segments) > 30
    seen = places(view) @ view.to_world  # camera frame; a box is convex, so depth goes on across its edges
    columns, rows = (segments[:, i::2].astype(int).clip(0, end - 1) for i, end in ((0, WIDTH), (1, HEIGHT)))
    ends = seen[rows, columns]
    runs = ends[:, 1] - ends[:, 0]
    runs /= np.linalg.norm(runs, axis=1, keepdims=True)
    cosines = np.abs(runs @ axes(view).T)
    clear = cosines.max(1) > math.cos(math.radians(8))  # the rest crosses from one side of the room to another
    assert clear.mean() > 0.8
    decided = clear & (classes != UNDECIDED)
    assert decided.sum() > 0.8 * clear.sum()
    assert (classes == cosines.argmax(1) + 1)[decided].mean() > 0.97
    assert set(classes[decided]) >= {1, 2, 3}


def test_what_fits_two_directions_is_left_undecided() -> None:
    image = np.full((120, 160, 3), 200, np.uint8)
    image[:60, 110:] = 40  # its lower border, at the height of the horizon, may run along the view or across it
    drawn = line_map(image)
    assert set(drawn[20:40, 108:113].ravel()) == {0, 1}
    assert set(drawn[58:63, 130:150].ravel()) == {0, UNDECIDED}
    image[:60] = 40  # through the vanishing point itself nothing runs along the view
    assert set(line_map(image)[58:63].ravel()) == {0, 3}


def test_pixels_of_the_rooms_edges_have_their_class() -> None:
    image, view = tiled(0)
    drawn = line_map(image, FOV_DEG)
    names = {axis: CLASSES[i + 1] for i, axis in enumerate((1, 2, 0))}  # view 0 looks along z
    assert abs(view.to_world[2, 2]) > abs(view.to_world[0, 2])
    seen = 0
    low, high = np.array([-1.3, -1.1, -3.7]), np.array([2.2, 1.4, 0.9])  # the corners of the box
    for axis, name in names.items():
        others = [a for a in range(3) if a != axis]
        for sides in ((0, 0), (0, 1), (1, 0), (1, 1)):
            points = np.zeros((200, 3))
            points[:, axis] = np.linspace(low[axis], high[axis], 200)
            for other, side in zip(others, sides, strict=True):
                points[:, other] = (low, high)[side][other]
            camera = points @ view.to_world
            camera = camera[camera[:, 2] < -0.1]
            x = FOCAL_PX * camera[:, 0] / -camera[:, 2] + WIDTH / 2
            y = HEIGHT / 2 - FOCAL_PX * camera[:, 1] / -camera[:, 2]
            inside = (x > 4) & (x < WIDTH - 4) & (y > 4) & (y < HEIGHT - 4)
            near = cv2.dilate(np.isin(drawn, (CLASSES.index(name), UNDECIDED)).astype(np.uint8), np.ones((5, 5)))
            if inside.sum() > 20:
                seen += 1
                assert near[y[inside].astype(int), x[inside].astype(int)].mean() > 0.7, (name, sides)
    assert seen >= 5


@pytest.mark.parametrize("number", range(3))
def test_a_mirrored_image_has_the_mirrored_map(number: int) -> None:
    image, _ = tiled(number)
    drawn, mirrored = line_map(image, FOV_DEG), line_map(np.ascontiguousarray(image[:, ::-1]), FOV_DEG)[:, ::-1]
    for index in (1, 2, 3):  # the detector itself is off by a pixel here and there
        near = cv2.dilate((mirrored == index).astype(np.uint8), np.ones((3, 3)))
        assert near[drawn == index].mean() > 0.93, CLASSES[index]


def test_exact_lines_give_exact_directions_whatever_their_order() -> None:
    view = box_view(3, HEIGHT, WIDTH, FOCAL_PX)
    rng = np.random.default_rng(0)
    segments = []
    for axis in np.repeat(np.arange(3), (6, 8, 5)):
        start = rng.uniform([-1.2, -1, -3.5], [1.2, 1, -2.5])
        pair = np.stack([start, start + 0.5 * np.eye(3)[axis]]) @ view.to_world
        x, y = FOCAL_PX * pair[:, 0] / -pair[:, 2] + WIDTH / 2, HEIGHT / 2 - FOCAL_PX * pair[:, 1] / -pair[:, 2]
        segments.append([x[0], y[0], x[1], y[1]])
    for order in (np.arange(19), rng.permutation(19)):
        found = directions(Lines(np.array(segments)[order], (HEIGHT, WIDTH), FOV_DEG))
        np.testing.assert_allclose(np.abs((found.stacked() * axes(view)).sum(1)), 1, atol=1e-9)


def test_clutter_does_not_turn_the_room() -> None:
    image, view = tiled(1)
    rng = np.random.default_rng(0)
    for _ in range(25):
        ends = rng.uniform(0, (WIDTH, HEIGHT), (2, 2)).astype(int)
        cv2.line(image, ends[0].tolist(), ends[1].tolist(), rng.integers(0, 255, 3).tolist(), 2)
    _, classes, found = classified_lines(image, FOV_DEG)
    assert max(degrees_between(a, b) for a, b in zip(found.stacked(), axes(view), strict=True)) < 2
    assert (classes == CLASSES.index("other")).sum() > 10


def test_a_door_seen_straight_on_by_a_level_camera() -> None:
    image = np.full((100, 140, 3), 220, np.uint8)
    image[30:, 50:90] = 60
    drawn = line_map(image, thickness=0.02)
    assert set(drawn[60, 46:54]) == {0, 1}
    assert set(drawn[60, 86:94]) == {0, 1}
    assert set(drawn[26:34, 70]) == {0, 3}
    assert not drawn[60, 55:85].any()


def test_a_slanted_border_alone_is_other() -> None:
    image = np.full((120, 160, 3), 30, np.uint8)
    cv2.fillPoly(image, [np.array([(0, 110), (160, 20), (160, 120), (0, 120)])], (250, 250, 250))
    assert set(np.unique(line_map(image))) == {0, CLASSES.index("other")}


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (3, 5), (15, 200), (16, 16), (60, 80)])
def test_even_images_and_tiny_ones_have_no_lines(size: tuple[int, int]) -> None:
    drawn = line_map(np.full((*size, 3), 99, np.uint8))
    assert drawn.shape == size
    assert drawn.dtype == np.uint8
    assert not drawn.any()
    line_map(np.random.default_rng(0).integers(0, 255, (*size, 3)).astype(np.uint8))  # no matter what


@pytest.mark.parametrize(("side", "wide"), [(64, 1), (200, 2), (600, 6)])
def test_lines_are_as_wide_as_the_image_is_large(side: int, wide: int) -> None:
    image = np.full((side, side, 3), 200, np.uint8)
    image[:, side // 3 :] = 20
    widths = (line_map(image)[side // 4 : -side // 4] > 0).sum(1)
    assert abs(np.median(widths) - wide) <= 1
    assert (line_map(image, thickness=0.05) > 0).sum() > 2 * (line_map(image) > 0).sum()


def test_every_image_gets_a_map_and_the_task_is_declared(tmp_path: Path) -> None:
    image, _ = tiled(0)
    for split, key in (("train", "a"), ("test", "walk/b")):
        path = tmp_path / split / "image" / f"{key}.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(image).save(path)
    assert annotate_lines(tmp_path, fov_deg=FOV_DEG) == 2
    dataset = open_dataset(tmp_path)
    assert dataset.task("lines").options() == {"kind": "segmentation", "classes": list(CLASSES)}
    for split, key in (("train", "a"), ("test", "walk/b")):
        label = dataset.task("lines").read(tmp_path / split / "lines" / f"{key}.png")
        np.testing.assert_array_equal(label[0].numpy(), line_map(image, FOV_DEG))


def test_settings_out_of_range_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "train/image").mkdir(parents=True)
    Image.new("RGB", (40, 40)).save(tmp_path / "train/image/a.png")
    for fov in (0.5, 180.0, math.nan):
        with pytest.raises(InputError, match=rf"fov_deg is {fov}; give the angle of view .* 1 … 170 degrees"):
            annotate_lines(tmp_path, fov_deg=fov)
    with pytest.raises(InputError, match=r"thickness is 0; give a share of the image's longer side, above 0"):
        annotate_lines(tmp_path, thickness=0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["train"]
