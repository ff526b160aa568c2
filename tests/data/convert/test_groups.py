"""Which images belong together is known to most published data sets, and stays known after a conversion."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headfreeze.data.convert import Choice, convert, verify
from headfreeze.data.folder import open_dataset
from headfreeze.data.readers import registry
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.write import LabelledImage
from tests.worlds import TinyPair


def groups_in(root: Path) -> dict[tuple[str, str], str]:
    with (root / "groups.csv").open(newline="") as file:
        return {(row["split"], row["id"]): row["group"] for row in csv.DictReader(file)}


def said(root: Path, pattern: str) -> Path:
    config = root / "dataset.yaml"
    config.write_text(f"{config.read_text()}groups: {pattern}\n")
    return root


@pytest.mark.parametrize("packed", [False, True])
def test_what_a_data_set_says_of_groups_is_written_beside_it(packed: bool, tiny_pair: TinyPair, tmp_path: Path) -> None:
    source = said(tiny_pair.copy(tmp_path).source, r"'\d{3}'")
    convert("folder", source, tmp_path / "made", packed=packed)
    made, original = open_dataset(tmp_path / "made"), open_dataset(source)
    assert made.groups
    assert original.groups
    for split in ("train", "val", "test"):
        keys = list(original.files(split, "image"))
        assert list(made.files(split, "image")) == keys
        assert [made.groups.of(split, key) for key in keys] == [original.groups.of(split, key) for key in keys]
    assert len(set(groups_in(tmp_path / "made").values())) < len(groups_in(tmp_path / "made")) == 28
    assert verify(tmp_path / "made") == []


def test_they_are_not_cut_in_two_by_splits_of_ones_own(tiny_pair: TinyPair, tmp_path: Path) -> None:
    source = said(tiny_pair.copy(tmp_path).source, r"'(?:.*/)?(\d{4})'")  # one number in two splits is one thing
    with pytest.raises(Exception, match="has frame '0000' twice"):
        convert("folder", source, tmp_path / "twice", choice=Choice(splits=(0.5, 0.0, 0.5)))
    for split in ("val", "test"):
        for path in list((source / split).rglob("*.*")):
            path.rename(path.with_stem(f"{path.stem}-{split}"))
    convert("folder", source, tmp_path / "made", choice=Choice(splits=(0.5, 0.0, 0.5)))
    splits: dict[str, set[str]] = {}
    for (split, _), group in groups_in(tmp_path / "made").items():
        splits.setdefault(group, set()).add(split)
    assert {len(found) for found in splits.values()} == {1}


def test_where_nothing_is_said_nothing_is_written(tiny_pair: TinyPair, tmp_path: Path) -> None:
    convert("folder", tiny_pair.source, tmp_path / "made")
    assert not (tmp_path / "made/groups.csv").exists()
    assert open_dataset(tmp_path / "made").groups is None


@dataclass(frozen=True)
class Scenes(Reader):
    """Six images of `scenes` scenes, one of which cannot be read."""

    scenes: int = 2
    name = "scenes-of-a-test"

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        return {"depth": {}}

    def frames(self) -> Sequence[Frame]:
        return [Frame(f"{k:04}", f"scene, {k % self.scenes}", "test", k) for k in range(6)]

    def read(self, frame: Frame) -> LabelledImage:
        depth = np.full((8 if frame.place != 3 else 9, 8), 2.0, np.float32)
        return LabelledImage("test", frame.id, np.full((8, 8, 3), 9, np.uint8), {"depth": depth})


@pytest.mark.parametrize("scenes", [2, 6])
def test_scenes_of_a_reader_are_groups_and_what_was_left_out_is_in_none(
    scenes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "reader_class", {Scenes.name: Scenes}.__getitem__)
    (tmp_path / "raw").mkdir()
    convert("scenes-of-a-test", tmp_path / "raw", tmp_path / "made", settings={"scenes": str(scenes)}, skip_bad=True)
    if scenes == 6:
        assert open_dataset(tmp_path / "made").groups is None, "each image its own"
    else:
        numbers = (0, 1, 2, 4, 5)
        assert groups_in(tmp_path / "made") == {("test", f"{k:04}"): f"scene, {k % 2}" for k in numbers}
