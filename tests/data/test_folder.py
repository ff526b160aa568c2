"""The folder format: what is found, what is refused, and what a fingerprint sees."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfreeze.data.folder import Sample, fingerprint, open_dataset
from headfreeze.errors import InputError
from tests.worlds import COUNTS, TinyPair


def test_samples_come_in_the_order_of_their_ids_with_the_labels_asked_for(tiny_pair: TinyPair) -> None:
    samples = open_dataset(tiny_pair.source).samples("train", ["normals"])
    assert [s.id for s in samples] == [f"{k:04d}" for k in range(16)]
    assert all(set(s.labels) == {"normals"} and (s.height, s.width) == (48, 48) for s in samples)


def test_a_missing_label_file_is_a_missing_label(tiny_pair: TinyPair, tmp_path: Path) -> None:
    root = tiny_pair.copy(tmp_path).source
    (root / "train/normals/0003.png").unlink()
    samples = open_dataset(root).samples("train", ["normals", "depth"])
    assert set(samples[3].labels) == {"depth"}
    assert set(samples[2].labels) == {"normals", "depth"}


def test_ids_may_lie_in_subfolders_and_hold_dots(tiny_pair: TinyPair, tmp_path: Path) -> None:
    root = tiny_pair.copy(tmp_path).source
    for task in ("image", "normals"):
        (root / "train" / task / "walk.1").mkdir()
        shutil.move(root / "train" / task / "0000.png", root / "train" / task / "walk.1" / "a.b.png")
    found = {s.id: s for s in open_dataset(root).samples("train", ["normals"])}
    assert found["walk.1/a.b"].labels["normals"] == root / "train/normals/walk.1/a.b.png"


def test_labels_that_are_not_asked_for_are_not_even_listed(
    tiny_pair: TinyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []
    real = os.walk
    monkeypatch.setattr(os, "walk", lambda top, *a, **k: listed.append(Path(top).name) or real(top, *a, **k))
    open_dataset(tiny_pair.target).samples("train", ["segmentation"])
    assert sorted(listed) == ["image", "segmentation"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks: [unclosed", r"dataset\.yaml: not valid YAML"),
        ("", r"dataset\.yaml: no tasks in it; it should hold something like 'tasks: \{normals"),
        ("tasks: {norms: {}}", r"dataset\.yaml: .*unknown kind 'norms': did you mean 'normals'\?"),
        ("tasks: {segmentation: {}}", r"dataset\.yaml: .*classes"),
    ],
)
def test_a_config_that_cannot_be_understood_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "dataset.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        open_dataset(tmp_path)


def test_what_is_missing_is_named_with_the_repair(tiny_pair: TinyPair, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such folder"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no dataset\.yaml in it; write one such as 'tasks:"):
        open_dataset(tmp_path)
    dataset = open_dataset(tiny_pair.source)
    with pytest.raises(InputError, match=r"no folder validation/image; images lie in ROOT/validation/image"):
        dataset.samples("validation")
    with pytest.raises(InputError, match=r"unknown task 'normal': did you mean 'normals'\?"):
        dataset.task("normal")


def test_a_task_without_any_label_is_refused(tiny_pair: TinyPair, tmp_path: Path) -> None:
    root = tiny_pair.copy(tmp_path).target
    shutil.rmtree(root / "train/segmentation")
    with pytest.raises(
        InputError, match=r"train/segmentation: no label files; 'segmentation' labels lie in ROOT/train"
    ):
        open_dataset(root).samples("train", ["segmentation"])
    (root / "train/segmentation").mkdir()
    shutil.copy(root / "val/segmentation/0000.png", root / "train/segmentation/other.png")
    with pytest.raises(InputError, match="none of its files is named like an image"):
        open_dataset(root).samples("train", ["segmentation"])


def test_a_label_of_another_size_is_refused(tiny_pair: TinyPair, tmp_path: Path) -> None:
    root = tiny_pair.copy(tmp_path).target
    path = root / "train/segmentation/0005.png"
    Image.open(path).resize((20, 31)).save(path)
    with pytest.raises(InputError, match=r"0005\.png: 31x20 pixels, but its image 0005\.png has 48x48"):
        open_dataset(root).samples("train", ["segmentation"])


def test_two_images_of_one_id_are_refused(tiny_pair: TinyPair, tmp_path: Path) -> None:
    root = tiny_pair.copy(tmp_path).target
    Image.open(root / "train/image/0000.png").save(root / "train/image/0000.jpg")
    with pytest.raises(InputError, match=r"second file with the id '0000'"):
        open_dataset(root).samples("train")


def test_the_fingerprint_follows_contents_and_names_but_not_place_or_time(tiny_pair: TinyPair, tmp_path: Path) -> None:
    def print_of(root: Path, task: str = "segmentation") -> str:
        return fingerprint(open_dataset(root).samples("train", [task]), root)

    root = tiny_pair.copy(tmp_path).target
    before = print_of(tiny_pair.target)
    assert print_of(root) == before
    os.utime(root / "train/image/0000.png", (0, 0))
    (root / "train/normals/0000.png").write_bytes(b"withheld, so whatever")
    assert print_of(root) == before
    label = root / "train/segmentation/0000.png"
    label.write_bytes(label.read_bytes()[:-1] + b"?")
    assert print_of(root) != before


@pytest.mark.parametrize("place", [0, 50_000, 99_999])
def test_the_fingerprint_sees_any_change_of_values_in_a_large_file(place: int, tmp_path: Path) -> None:
    values = np.zeros(100_000, np.uint8)
    pictures = {".png": 0, ".npy": 0, ".bmp": 0, ".tif": 0}
    for ending in pictures:
        path = tmp_path / f"large{ending}"
        prints = set()
        for value in (0, 1, 0):
            values[place] = value
            if ending == ".npy":
                np.save(path, values)
            else:
                Image.fromarray(values.reshape(250, 400)).save(path, compress_level=0)
            prints.add(fingerprint([Sample("large", path, {}, 250, 400)], tmp_path))
        pictures[ending] = len(prints)
    assert pictures == dict.fromkeys(pictures, 2)


def test_linked_folders_are_refused_but_for_those_of_splits_and_of_what_they_hold(
    tiny_pair: TinyPair, tmp_path: Path
) -> None:
    root = shutil.copytree(tiny_pair.source, tmp_path / "linked")
    plain = open_dataset(tiny_pair.source)
    for name in ("train/image", "train/normals", "val"):
        elsewhere = tmp_path / name.replace("/", "-")
        shutil.move(root / name, elsewhere)
        (root / name).symlink_to(elsewhere)
    dataset = open_dataset(root)
    for split in ("train", "val"):
        assert [s.labels.keys() for s in dataset.samples(split, ["normals"])] == [{"normals"}] * COUNTS[split]
        found, expected = dataset.all_files(split), plain.all_files(split)
        assert [file.relative_to(root) for file in found] == [p.relative_to(plain.root) for p in expected]
    (tmp_path / "train-image/more").symlink_to(tmp_path)
    for listing in (lambda: dataset.samples("train"), lambda: dataset.all_files("train")):
        with pytest.raises(InputError, match=r"train/image/more: a link to a folder, which is not followed; put the"):
            listing()
