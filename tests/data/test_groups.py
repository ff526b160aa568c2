"""Which images belong together, as dataset.yaml says it: by patterns, by files, and what is no pattern and no file."""

from pathlib import Path

import pytest

from headfreeze.data.folder import open_dataset
from headfreeze.data.groups import Groups, groups_csv
from headfreeze.errors import InputError

TASKS = "tasks: {normals: {}}\n"


def declared(root: Path, groups: str) -> Groups | None:
    (root / "dataset.yaml").write_text(f"{TASKS}groups: {groups}\n")
    return open_dataset(root).groups


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        (r"b\d+", {"b16_left": "b16", "b16_right": "b16", "b1_left": "b1", "a_b16": "test/a_b16"}),
        (r"[^/]+/", {"ai_001/cam_00/1": "ai_001/", "ai_001/cam_01/7": "ai_001/", "lone": "test/lone"}),
        (r"scan\d+_room(\d+)", {"scan1_room4_007": "4", "scan2_room4_001": "4", "scan2_hall": "test/scan2_hall"}),
        (r"(b)?(\d\d)", {"1234": "12", "b77": "b"}),
        (r"x*", {"xx1": "xx", "y": "test/y", "z": "test/z"}),
    ],
)
def test_a_pattern_says_what_ids_of_one_group_begin_with(pattern: str, groups: dict[str, str], tmp_path: Path) -> None:
    found = declared(tmp_path, f"'{pattern}'")
    assert found
    assert {key: found.of("test", key) for key in groups} == groups


def test_a_file_says_it_of_each_image_of_each_split(tmp_path: Path) -> None:
    rows = [("train", "0001", "hall"), ("test", "0001", 'a "kitchen", mine'), ("test", "0002", 'a "kitchen", mine')]
    (tmp_path / "scenes.csv").write_text(groups_csv(rows))
    found = declared(tmp_path, "scenes.csv")
    assert found
    assert [found.of(split, key) for split, key, _ in rows] == [group for _, _, group in rows]
    assert found.of("test", "0003") == "test/0003"


def test_without_a_word_of_groups_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "dataset.yaml").write_text(TASKS)
    assert open_dataset(tmp_path).groups is None


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("'(b'", r"dataset\.yaml: groups is '\(b', which is no pattern \(.*\); write groups: '\[\^_\]\+' for what ids"),
        ("[a, b]", r"dataset\.yaml: groups is \['a', 'b'\]; write groups: "),
        ("''", r"dataset\.yaml: groups is ''; write groups: "),
        ("", r"dataset\.yaml: groups is None; write groups: "),
        ("scenes.csv", r"scenes\.csv: no such file, which dataset\.yaml names as the groups of its images"),
    ],
)
def test_what_means_nothing_is_one_line(groups: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        declared(tmp_path, groups)


@pytest.mark.parametrize("text", ["", "id,group\n0001,hall\n", "split,id,group\ntest,0001\n", "split,id,group\n\n\n"])
def test_a_file_of_another_form_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(InputError, match=r"groups\.csv: should be CSV with a line split,id,group, and then one of"):
        declared(tmp_path, "groups.csv")


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_bytes(b"split,id,group\n\xff\xfe\0,b,c\n")
    with pytest.raises(InputError, match=r"groups\.csv: should be CSV"):
        declared(tmp_path, "groups.csv")
