"""Contact sheets: where they go, what the ball and the legend say, what stands for a file that cannot be read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from headfreeze.data.check import check_datasets
from headfreeze.data.check.sheet import _near_to_far, ball
from headfreeze.tasks import make_task
from tests.worlds import TinyPair

CELL, MARGIN, TITLE = 128, 4, 20


def cell(sheet: np.ndarray, row: int, column: int) -> np.ndarray:
    """A cell of a sheet whose cells are all square."""
    top, left = TITLE + MARGIN + row * (CELL + MARGIN), MARGIN + column * (CELL + MARGIN)
    return sheet[top : top + CELL, left : left + CELL]


def sheet_of(root: Path, out: Path, split: str = "train") -> np.ndarray:
    check_datasets([root], out)
    return np.asarray(Image.open(out / f"{root.name}-{split}.png"))


def test_the_ball_shows_the_frame() -> None:
    normals = ball()
    length = normals.square().sum(0).sqrt()
    torch.testing.assert_close(length, (length > 0).float())
    middle = CELL // 2
    for (y, x), expected in {
        (middle, middle): (0, 0, 1),
        (middle, -2): (1, 0, 0),
        (middle, 1): (-1, 0, 0),
        (1, middle): (0, 1, 0),
        (-2, middle): (0, -1, 0),
    }.items():
        torch.testing.assert_close(normals[:, y, x], torch.tensor(expected, dtype=torch.float32), atol=0.25, rtol=0)


def test_a_sheet_has_the_key_six_images_and_a_column_for_each_task(tiny_pair: TinyPair, tmp_path: Path) -> None:
    sheet = sheet_of(tiny_pair.source, tmp_path)
    assert sheet.shape == (TITLE + 7 * (CELL + MARGIN) + MARGIN, 4 * (CELL + MARGIN) + MARGIN, 3)
    np.testing.assert_array_equal(cell(sheet, 0, 1), make_task("normals").render(ball()))
    first = np.asarray(Image.open(tiny_pair.source / "train/normals/0000.png"))
    last = np.asarray(Image.open(tiny_pair.source / "train/normals/0015.png"))
    for row, label in ((1, first), (6, last)):
        np.testing.assert_allclose(
            cell(sheet, row, 1)[1::8, 1::8][2, 3], label[int(17 * 48 / 128), int(25 * 48 / 128)], atol=2
        )


def test_the_legend_has_the_colours_of_the_classes(tiny_pair: TinyPair, tmp_path: Path) -> None:
    legend = cell(sheet_of(tiny_pair.source, tmp_path), 0, 3)
    shown = {tuple(colour) for colour in legend.reshape(-1, 3).tolist()}
    task = make_task("segmentation", {"classes": ["background", "red", "blue"]})
    for index in range(3):
        colour = task.render(torch.full((1, 1, 1), index, dtype=torch.uint8))[0, 0]
        assert tuple(colour.tolist()) in shown


@pytest.mark.parametrize("damage", ["missing", "unreadable"])
def test_what_cannot_be_shown_is_grey(tiny_pair: TinyPair, tmp_path: Path, damage: str) -> None:
    root = tiny_pair.copy(tmp_path).source
    path = root / "train/depth/0000.png"
    path.unlink() if damage == "missing" else path.write_bytes(b"no picture")
    shown = cell(sheet_of(root, tmp_path / "out"), 1, 2)
    assert (shown[:, :32] == 225).all()


def test_a_task_without_labels_in_a_split_has_no_column(tiny_pair: TinyPair, tmp_path: Path) -> None:
    root = tiny_pair.copy(tmp_path).source
    for path in (root / "val/depth").iterdir():
        path.unlink()
    assert sheet_of(root, tmp_path / "out", "val").shape[1] == 3 * (CELL + MARGIN) + MARGIN


def test_the_key_of_a_depth_runs_from_near_to_far() -> None:
    task = make_task("depth")
    key = np.asarray(_near_to_far(task)).astype(int)
    near, far = key[64, 2], key[64, -3]
    assert near[0] > near[2] + 50, "turbo's red"
    assert far.max() < 90, "turbo's dark end"
    assert (key[76:90, :64] < 100).any(), "words below both ends"
    assert (key[76:90, 64:] < 100).any()
