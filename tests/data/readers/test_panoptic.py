"""COCO's panoptic masks: a colour is a number, a number is a segment, a segment has a class."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headfreeze.data.convert import convert
from headfreeze.data.folder import open_dataset
from headfreeze.errors import InputError
from tests.damage import DAMAGES, assert_refused, spoil

SETTINGS = {"kind": "panoptic"}
IDS = np.array([[0, 7, 7, 300], [300, 300, 70_000, 70_000]])
WANTED = [[255, 1, 1, 0], [0, 0, 1, 1]]


def write_panoptic(root: Path, change: Callable[[dict[str, Any]], object] = lambda _: None) -> None:
    for folder in ("images", "panoptic"):
        (root / folder).mkdir()
    Image.fromarray(np.zeros((2, 4, 3), np.uint8)).save(root / "images/a.jpg")
    Image.fromarray(np.zeros((2, 4, 3), np.uint8)).save(root / "images/b.jpg")
    colours = np.stack([IDS % 256, IDS // 256 % 256, IDS // 65536], -1)
    Image.fromarray(colours.astype(np.uint8)).save(root / "panoptic/a.png")
    segments = [{"id": 7, "category_id": 90}, {"id": 300, "category_id": 5}, {"id": 70_000, "category_id": 90}]
    content: dict[str, Any] = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
        "categories": [{"id": 5, "name": "wall", "isthing": 0}, {"id": 90, "name": "chair", "isthing": 1}],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": segments}],
    }
    change(content)
    (root / "annotations.json").write_text(json.dumps(content))


def test_pixels_get_the_class_of_their_segment_and_void_is_invalid(tmp_path: Path) -> None:
    (tmp_path / "coco").mkdir()
    write_panoptic(tmp_path / "coco")
    convert("coco", tmp_path / "coco", tmp_path / "made", settings=SETTINGS)
    dataset = open_dataset(tmp_path / "made")
    assert dataset.task("segmentation").options() == {"classes": ["wall", "chair"]}
    labelled, without = dataset.samples("train", ["segmentation"])
    assert dataset.task("segmentation").read(labelled.labels["segmentation"])[0].tolist() == WANTED
    assert not without.labels


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["annotations"][0]["segments_info"].pop(), r"a.png: has a segment 70000, which annotations.json"),
        (lambda c: c["annotations"][0]["segments_info"][0].update(category_id=6), r"a.png is of category 6, which"),
        (lambda c: c["annotations"][0]["segments_info"][0].update(id="7"), r"a segment of a.png has no id"),
        (lambda c: c["annotations"][0].update(file_name="../a.png"), r"image 1 has no file_name and segments_info"),
        (lambda c: c["annotations"][0].pop("segments_info"), r"is it panoptic\? --settings kind=segmentation reads"),
    ],
)
def test_what_does_not_go_together_is_one_line(
    change: Callable[[dict[str, Any]], object], message: str, tmp_path: Path
) -> None:
    write_panoptic(tmp_path, change)
    with pytest.raises(InputError, match=message):
        convert("coco", tmp_path, tmp_path / "made", settings=SETTINGS, workers=1)


@pytest.mark.parametrize("attack", DAMAGES)
def test_a_damaged_file_is_one_line_that_names_it(attack: str, tmp_path: Path) -> None:
    for number, pattern in enumerate(("images/a.jpg", "panoptic/a.png", "annotations.json")):
        if attack == "another picture" and pattern == "images/a.jpg":
            continue  # of another size than its mask, which is said of the image
        root = tmp_path / str(number)
        root.mkdir()
        write_panoptic(root)
        assert_refused("coco", root, spoil(root, pattern, DAMAGES[attack]), SETTINGS)
