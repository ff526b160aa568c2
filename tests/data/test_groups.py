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
        (r"\d{4}", {"00285": "0028", "00289": "0028", "00290": "0029"}),  # docs/statistics.md
        (r".*_\d{4}", {"my_walk_000012": "my_walk_0000", "my_walk_000099": "my_walk_0000", "a_000100": "a_0001"}),
        (r".*_(\d+)", {"left_7": "7", "right_7": "7"}),  # docs/data.md
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


def test_a_file_of_a_spreadsheet_says_it_too(tmp_path: Path) -> None:
    text = "\ufeffsplit,id,group\r\ntest,0001,hall\r\ntest,0002,hall\r\ntest,0001,hall\r\ntest,0003,\r\n\r\n"
    (tmp_path / "Groups.CSV").write_bytes(text.encode())
    found = declared(tmp_path, "Groups.CSV")
    assert found
    assert [found.of("test", f"000{k}") for k in (1, 2, 3)] == ["hall", "hall", "test/0003"]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("'(b'", r"groups is '\(b', which is no pattern \(.*\); write groups: '\[\^_\]\+' for what ids"),
        ("'a{99999999999999}'", r"groups is 'a\{9+\}', which is no pattern \(the repetition number is too large\)"),
        (f"'{3000 * '('}{3000 * ')'}'", r"groups is '\(+\)+', which is no pattern \("),
        ("[a, b]", r"groups is \['a', 'b'\]; write groups: "),
        ("''", r"groups is ''; write groups: "),
        ("", r"groups is None; write groups: "),
        ('"a\\nb["', r"groups is 'a\\nb\['; write groups: "),
        (
            "other/groups.csv",
            r"groups is 'other/groups\.csv', a file elsewhere; name one beside it, such as groups\.csv",
        ),
        ("scenes.csv", r"scenes\.csv: no such file, which dataset\.yaml names as the groups of its images"),
    ],
)
def test_what_means_nothing_is_one_line(groups: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as refused:
        declared(tmp_path, groups)
    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.filterwarnings("error")
def test_a_pattern_that_python_may_read_otherwise_one_day_is_no_warning(tmp_path: Path) -> None:
    assert declared(tmp_path, "'[[0]0*'")


SHOULD = "it should be CSV with a line split,id,group, and then one of those three for each image"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"empty; {SHOULD}"),
        ("id,group\n0001,hall\n", f"line 1: 'id,group'; {SHOULD}"),
        ("split,id,group\n\ntest,0001,hall\ntest,0002\n", f"line 4: 'test,0002'; {SHOULD}"),
        ("split;id;group\ntest;0001;hall\n", f"line 1: 'split;id;group'; {SHOULD}"),
        ('split,id,group\ntest,1,"hall\ntest,2,hall\n', f"line 3: unexpected end of data; {SHOULD}"),
        ('split,id,group\ntest,1,"a\nb"\n', r"line 3: control characters in the group 'a\\nb'; rename it"),
        ("split,id,group\ntest,1,a\ntest,1,b\n", "line 3: test/1 is in 'b' and 'a'; keep one of them"),
    ],
)
def test_a_file_of_another_form_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(InputError, match=rf"groups\.csv(: |, ){message}") as refused:
        declared(tmp_path, "groups.csv")
    assert "\n" not in str(refused.value)


def test_a_file_in_another_encoding_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_bytes("split,id,group\ntest,1,Küche\n".encode("latin-1"))
    with pytest.raises(InputError, match=rf"groups\.csv: cannot be read \(.*\); {SHOULD}, in UTF-8"):
        declared(tmp_path, "groups.csv")
