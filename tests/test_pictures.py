"""Grids of pictures: what is where, and that labels keep their colours."""

import numpy as np
import pytest

from headfreeze.pictures import grid, image_cell, label_cell, spread


def test_rows_and_columns_are_where_the_titles_say() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [90, 90, 90]]], np.uint8)
    rows = [[label_cell(np.broadcast_to(colour, (10, 20, 3)).copy()) for colour in row] for row in colours]
    picture = np.asarray(grid(["left", "right"], rows))
    height, width = picture.shape[:2]
    for k, row in enumerate(colours):
        for i, colour in enumerate(row):
            y, x = 20 + (height - 20) * (2 * k + 1) // 4, width * (2 * i + 1) // 4
            np.testing.assert_array_equal(picture[y, x], colour)


def test_a_long_title_widens_its_column() -> None:
    cell = label_cell(np.zeros((50, 10, 3), np.uint8))
    assert grid(["a title longer than its cells"], [[cell]]).width > 2 * cell.width


def test_a_title_of_parts_goes_on_below() -> None:
    cell = label_cell(np.full((50, 50, 3), 200, np.uint8))
    plain, parts = (grid(["baseline", name], [[cell, cell]]) for name in ("headfreeze", "mtl-both+aligned+privileged"))
    assert parts.width == plain.width
    lines = parts.height - plain.height
    assert lines > 0
    assert (np.asarray(parts)[: 20 + lines, cell.width + 8 :].min(axis=(1, 2)) < 128).sum() > 20, "two lines of letters"
    assert np.array_equal(np.asarray(parts)[20 + lines :], np.asarray(plain)[20:])


def test_labels_are_scaled_without_new_colours_and_images_smoothly() -> None:
    stripes = np.repeat([[[0, 0, 0], [255, 255, 255]]], 3, axis=0).astype(np.uint8)
    assert set(np.unique(np.asarray(label_cell(stripes)))) == {0, 255}
    assert len(np.unique(np.asarray(image_cell(stripes)))) > 10


@pytest.mark.parametrize(
    ("count", "chosen"), [(0, []), (1, [0]), (3, [0, 4, 9]), (10, [*range(10)]), (99, [*range(10)])]
)
def test_a_spread_keeps_equal_distances(count: int, chosen: list[int]) -> None:
    assert spread(range(10), count) == chosen
    assert spread([], count) == []
