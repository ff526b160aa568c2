"""Any format becomes the folder format: what is written is read back, and what cannot be is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headfreeze.data.folder import open_dataset
from headfreeze.data.images import read_image
from headfreeze.data.write import LabelledImage, write_dataset
from headfreeze.errors import InputError

TASKS: dict[str, dict[str, Any]] = {
    "normals": {},
    "depth": {},
    "segmentation": {"classes": ["a", "b"]},
    "corners": {"kind": "keypoints", "count": 3, "mirror": []},
}


def image_of(number: int, split: str = "train", **labels: Any) -> LabelledImage:
    rng = np.random.default_rng(number)
    return LabelledImage(split, f"scene/{number}", rng.integers(0, 256, (6, 8, 3), np.uint8), labels)


def labels_of(number: int) -> dict[str, Any]:
    rng = np.random.default_rng(number)
    normals = rng.normal([0, 0, 2], 1, (6, 8, 3))
    return {
        "normals": normals / np.linalg.norm(normals, axis=-1, keepdims=True),
        "depth": rng.uniform(1, 5, (6, 8)),
        "segmentation": rng.integers(0, 2, (6, 8)),
        "corners": rng.uniform(0, 6, (3, 2)),
    }


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    images = [image_of(0, **labels_of(0)), image_of(1), image_of(2, "val", **labels_of(2))]
    assert write_dataset(tmp_path / "data", TASKS, iter(images)) == {"train": 2, "val": 1}
    dataset = open_dataset(tmp_path / "data")
    assert {name: task.options() for name, task in dataset.tasks.items()}.keys() == TASKS.keys()
    samples = dataset.samples("train", TASKS)
    assert [(s.id, sorted(s.labels)) for s in samples] == [("scene/0", sorted(TASKS)), ("scene/1", [])]
    np.testing.assert_array_equal(read_image(samples[0].image), images[0].image)
    wanted = labels_of(0)
    found = {name: dataset.tasks[name].read(path) for name, path in samples[0].labels.items()}
    np.testing.assert_allclose(found["normals"].movedim(0, -1), wanted["normals"], atol=0.01)
    np.testing.assert_allclose(found["depth"][0], wanted["depth"], atol=0.001)
    np.testing.assert_array_equal(found["segmentation"][0], wanted["segmentation"])
    np.testing.assert_allclose(found["corners"][:, :2], wanted["corners"], rtol=1e-6)
    assert torch.isnan(found["corners"][:, 2:]).all()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (LabelledImage("training", "a", np.zeros((6, 8, 3), np.uint8)), "image 'a': unknown split 'training'"),
        (LabelledImage("train", "../a", np.zeros((6, 8, 3), np.uint8)), r"image '\.\./a': an id is a name"),
        (LabelledImage("train", "/a", np.zeros((6, 8, 3), np.uint8)), "image '/a': an id is a name"),
        (LabelledImage("train", "", np.zeros((6, 8, 3), np.uint8)), "image '': an id is a name"),
        (image_of(0, norms=np.zeros((6, 8, 3))), "image 'scene/0': unknown task 'norms': did you mean 'normals'"),
        (image_of(0, depth=np.zeros((8, 6))), r"'depth' is \(8, 6\); for an image of 6x8 it must be \(6, 8\)"),
        (image_of(0, normals=np.zeros((6, 8))), r"'normals' is \(6, 8\); .* must be \(6, 8, 3\)"),
        (image_of(0, corners=np.zeros((4, 2))), r"'corners' is \(4, 2\); .* must be \(3, 2 … 4\)"),
    ],
)
def test_an_image_that_cannot_be_is_refused_and_nothing_is_left(
    image: LabelledImage, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        write_dataset(tmp_path / "data", TASKS, [image_of(9), image])
    assert not list(tmp_path.iterdir())


def test_images_are_8_bit_rgb(tmp_path: Path) -> None:
    grey = LabelledImage.__new__(LabelledImage)  # past the type checker that the tests put around the package
    vars(grey).update(split="train", id="a", image=np.zeros((6, 8), np.uint8), labels={})
    with pytest.raises(InputError, match=r"image 'a': uint8 of shape \(6, 8\); give 8-bit RGB, \(height, width, 3\)"):
        write_dataset(tmp_path / "data", {}, [grey])


def test_a_second_image_of_an_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="image 'scene/1': there are two of this id in train; give each its own"):
        write_dataset(tmp_path / "data", TASKS, [image_of(1), image_of(1, "val"), image_of(1)])


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{tmp_path}: exists already"):
        write_dataset(tmp_path, TASKS, [image_of(1)])
    with pytest.raises(InputError, match="there are no images to write"):
        write_dataset(tmp_path / "data", TASKS, [])
    with pytest.raises(InputError, match="unknown kind 'norml'"):
        write_dataset(tmp_path / "data", {"norml": {}}, [image_of(1)])


def test_images_are_taken_one_at_a_time(tmp_path: Path) -> None:
    def images() -> Iterator[LabelledImage]:
        for number in range(3):
            yield image_of(number)
            (half,) = tmp_path.glob(".data.tmp-*")
            assert (half / f"train/image/scene/{number}.png").is_file()

    write_dataset(tmp_path / "data", {}, images())


def test_groups_are_a_pattern_that_dataset_yaml_then_has(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", TASKS, [image_of(1)], groups=r"hall\d+")
    groups = open_dataset(tmp_path / "data").groups
    assert groups
    assert groups.of("train", "hall7_left") == groups.of("train", "hall7_right") == "hall7"
    with pytest.raises(InputError, match=r"groups is '\(', which is no pattern"):
        write_dataset(tmp_path / "other", TASKS, [image_of(1)], groups="(")
    assert not (tmp_path / "other").exists()
