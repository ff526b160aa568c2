"""The report on datasets: what it finds in damaged copies, each fault in a line, and that it writes nothing unasked."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfreeze.cli import run
from headfreeze.data.check import check_datasets
from headfreeze.data.folder import open_dataset
from headfreeze.errors import InputError
from tests.worlds import CLASSES, COUNTS, TinyPair, draw_view

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def damaged(tiny_pair: TinyPair, tmp_path: Path) -> TinyPair:
    """A copy to damage."""
    return tiny_pair.copy(tmp_path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def smaller(path: Path) -> None:
    Image.open(path).resize((20, 31), Image.Resampling.NEAREST).save(path)


def named(root: Path, groups: str) -> None:
    """Says which images belong together."""
    (root / "dataset.yaml").write_text((root / "dataset.yaml").read_text() + f"groups: '{groups}'\n")


def filled(path: Path, value: int) -> None:
    Image.open(path).point(lambda _: value).save(path)


FAULTS: list[tuple[str, Callable[[Path], object], str]] = [
    ("train/image/0004.png", cut, r"train/image/0004.png: cannot be read as an image"),
    ("test/image/0001.png", empty, r"test/image/0001.png: cannot be read as an image \(empty"),
    ("val/segmentation/0002.png", empty, r"val/segmentation/0002.png: empty file; write"),
    ("train/depth/0009.png", cut, r"train/depth/0009.png: PNG cut off"),
    ("val/depth/0003.png", smaller, r"val/depth/0003.png: 31x20 pixels, but its image 0003.png has 48x48"),
    ("test/segmentation/0000.png", lambda p: filled(p, 77), r"test/segmentation/0000.png: class index 77, but"),
    ("val/normals/0005.png", lambda p: filled(p, 140), r"val/normals/0005.png: 100% of the valid normals are not unit"),
    (
        "train/normals/0001.png",
        lambda p: p.rename(p.with_name("x.png")),
        r"train/normals: 1 labels without an image \(x.p",
    ),
    (
        "train/depth/0001.png",
        lambda p: p.rename(p.with_suffix(".exr")),
        r"train/depth: 1 files are passed over \(0001.exr",
    ),
    (
        "train/image/0001.png",
        lambda p: Image.open(p).save(p.with_suffix(".jpg")),
        r"0001.png: a second file with the id '0",
    ),
]


@pytest.mark.parametrize(("file", "damage", "line"), FAULTS, ids=[line[:34] for *_, line in FAULTS])
def test_a_fault_is_one_line_that_names_the_file(
    damaged: TinyPair, capsys: Capture, file: str, damage: Callable[[Path], object], line: str
) -> None:
    damage(damaged.source / file)
    assert check_datasets([damaged.source]) == 1
    output = capsys.readouterr().out
    assert "wrong (1):" in output
    assert len(re.findall(f"^  {damaged.source}/.*{line.partition('/')[2] or line}", output, re.MULTILINE)) == 1
    assert "nothing is wrong" not in output


def test_every_fault_is_listed_and_not_just_the_first(damaged: TinyPair, capsys: Capture) -> None:
    for number in (0, 3, 7, 15):
        cut(damaged.source / f"train/normals/{number:04d}.png")
        empty(damaged.source / f"train/segmentation/{number:04d}.png")
    smaller(damaged.target / "test/image/0002.png")  # its three labels disagree with it
    assert check_datasets([damaged.source, damaged.target]) == 11
    output = capsys.readouterr().out
    for number in (0, 3, 7, 15):
        assert f"train/normals/{number:04d}.png: PNG cut off" in output
        assert f"train/segmentation/{number:04d}.png: empty file" in output
    assert output.count("but its image 0002.png has 31x20") == 3


def test_a_good_pair_has_no_fault_and_figures_that_numpy_finds_too(tiny_pair: TinyPair, capsys: Capture) -> None:
    assert check_datasets([tiny_pair.source, tiny_pair.target]) == 0
    output = capsys.readouterr().out
    assert output.rstrip().endswith("nothing is wrong")
    assert "worth a look" not in output
    views = {d: [draw_view(d, "val", k) for k in range(COUNTS["val"])] for d in ("source", "target")}
    seen = {d: np.concatenate([v.segmentation[~v.hole] for v in vs]) for d, vs in views.items()}
    rows = table_rows(output)
    assert rows["files", 0] == ["16", "6", "6", "16", "6", "6"]
    assert rows["size", 0] == ["48x48"] * 6
    for number, name in enumerate(CLASSES):
        cells = rows[name, 0]
        for column, domain in ((1, "source"), (4, "target")):
            assert cells[column] == f"{100 * np.mean(seen[domain] == number):.1f} %"
    depths = np.concatenate([v.depth_m[~v.hole] for v in views["target"]])
    assert float(rows["median", 0][4].removesuffix(" m")) == pytest.approx(np.median(depths), rel=0.025)
    normals = np.concatenate([v.normals[~v.hole] for v in views["target"]])
    for axis, name in enumerate("xyz"):
        assert float(rows[f"mean {name}", 0][4]) == pytest.approx(normals[:, axis].mean(), abs=0.011)
    assert rows["valid", 0][:3] == ["100 %"] * 3
    valid = 1 - np.mean([v.hole for v in views["target"]])
    assert rows["valid", 0][4] == f"{100 * valid:.1f} %"


def table_rows(output: str) -> dict[tuple[str, int], list[str]]:
    """{(row, how many rows of that name stand above): cells}, in units as they are printed."""
    rows: dict[tuple[str, int], list[str]] = {}
    for line in output.split("\n\n")[1].splitlines():
        name, *cells = re.split(r" {2,}", line.strip())
        number = sum(known == name for known, _ in rows)
        rows[name, number] = cells
    return rows


def test_the_pair_says_what_can_be_main_and_anchor(damaged: TinyPair, capsys: Capture) -> None:
    for path in (damaged.target / "train/depth").iterdir():
        path.unlink()
    for path in (damaged.target / "test/normals").iterdir():
        path.unlink()
    assert check_datasets([damaged.source, damaged.target]) == 0
    output = capsys.readouterr().out
    assert "main task:   normals, depth, segmentation (" in output
    assert "anchor task: normals, segmentation (" in output
    assert "evaluation:  depth, segmentation (" in output


def test_a_pair_without_an_anchor_is_told_where_one_comes_from(damaged: TinyPair, capsys: Capture) -> None:
    for name in ("normals", "depth", "segmentation"):
        for path in (damaged.target / "train" / name).iterdir():
            path.unlink()
    assert check_datasets([damaged.source, damaged.target]) == 0
    output = capsys.readouterr().out
    assert "anchor task: none" in output
    assert "headfreeze annotate edges" in output


def test_class_shares_that_differ_are_summed_up(damaged: TinyPair, capsys: Capture) -> None:
    """Every pixel of the target becomes blue: all that was not blue in the source has moved."""
    for path in damaged.target.glob("*/segmentation/*.png"):
        filled(path, 2)
    check_datasets([damaged.source, damaged.target])
    counts = np.bincount(
        np.concatenate([draw_view("source", s, k).segmentation.ravel() for s, n in COUNTS.items() for k in range(n)])
    )
    moved = 1 - counts[2] / counts.sum()
    assert f"segmentation: classes differ in {moved:.0%} of the pixels, most: " in capsys.readouterr().out


def test_tasks_of_one_name_that_differ_are_a_fault(damaged: TinyPair, capsys: Capture) -> None:
    config = damaged.target / "dataset.yaml"
    config.write_text(config.read_text().replace("blue", "green"))
    assert check_datasets([damaged.source, damaged.target]) == 1
    assert re.search(r"'segmentation' is .*green.* here and .*blue.* in the source", capsys.readouterr().out)


DOUBTS: list[tuple[Callable[[Path], object], str]] = [
    (lambda root: (root / "train/edges").mkdir(), r"train/edges: dataset.yaml declares no task 'edges'"),
    (
        lambda root: filled(root / "train/segmentation/0003.png", 255),
        r"segmentation: 1 files without any .* \(0003.png\)",
    ),
    (lambda root: (root / "val/image/notes.txt").write_text("?"), r"val/image: 1 files are no images .* \(notes.txt\)"),
    (
        lambda root: (root / "test/image/0000.png").write_bytes((root / "train/image/0007.png").read_bytes()),
        r"test: 1 images are, byte for byte, in train too \(0000, …\)",
    ),
    (
        lambda root: (root / "dataset.yaml").write_text((root / "dataset.yaml").read_text() + "  far: {kind: depth}\n"),
        r"dataset.yaml: declares 'far', but no split has a label of it",
    ),
    (lambda root: named(root, "room"), r"test: groups is 'room', by which no two images belong together"),
]


@pytest.mark.parametrize(("change", "line"), DOUBTS, ids=[line[:24] for _, line in DOUBTS])
def test_a_doubt_is_worth_a_look_but_not_wrong(
    damaged: TinyPair, capsys: Capture, change: Callable[[Path], object], line: str
) -> None:
    change(damaged.source)
    assert check_datasets([damaged.source]) == 0
    output = capsys.readouterr().out
    assert "worth a look (1):" in output
    assert re.search(f"^  {damaged.source}/.*{line}", output, re.MULTILINE)


def test_a_dataset_that_cannot_be_opened_leaves_the_other_checked(damaged: TinyPair, capsys: Capture) -> None:
    (damaged.source / "dataset.yaml").write_text("tasks: [unclosed")
    (damaged.target / "train/image/0000.png").unlink()
    assert check_datasets([damaged.source, damaged.target]) == 4  # the YAML, and three labels without an image
    output = capsys.readouterr().out
    assert "source/dataset.yaml: not valid YAML" in output
    assert "target/train/depth: 1 labels without an image (0000.png)" in output


def test_a_folder_without_splits_or_without_images_is_a_fault(
    damaged: TinyPair, tmp_path: Path, capsys: Capture
) -> None:
    lone = tmp_path / "lone"
    lone.mkdir()
    (lone / "dataset.yaml").write_text("tasks: {normals: {}}")
    (damaged.source / "val/image").rename(damaged.source / "val/images")
    assert check_datasets([lone, damaged.source]) == 1 + 1 + 3
    output = capsys.readouterr().out
    assert "lone: no folder train, val or test in it" in output
    assert "val/image: no images in it" in output
    assert "val/images: dataset.yaml declares no task 'images'" in output


def test_a_sample_opens_images_at_equal_distances_only(damaged: TinyPair, capsys: Capture) -> None:
    cut(damaged.source / "train/image/0001.png")
    assert check_datasets([damaged.source], sample=4) == 0
    assert table_rows(capsys.readouterr().out)["opened", 0] == ["4", "4", "4"]
    cut(damaged.source / "train/image/0015.png")  # the last one is always opened
    assert check_datasets([damaged.source], sample=4) == 1
    with pytest.raises(InputError, match="sample is -2; give"):
        check_datasets([damaged.source], sample=-2)


def test_two_roots_of_one_name_get_columns_and_sheets_of_their_own(
    tiny_pair: TinyPair, tmp_path: Path, capsys: Capture
) -> None:
    check_datasets([tiny_pair.source, tiny_pair.source], out=tmp_path / "sheets", sample=2)
    assert f"source-2 = {tiny_pair.source}" in capsys.readouterr().out
    assert {p.name for p in (tmp_path / "sheets").iterdir()} == {
        *(f"{name}-{split}.png" for name in ("source", "source-2") for split in COUNTS),
        "index.html",
    }


def test_nothing_is_written_unasked(damaged: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    before = sorted(tmp_path.rglob("*"))
    digest = damaged.digest()
    check_datasets([damaged.source, damaged.target])
    assert sorted(tmp_path.rglob("*")) == before
    assert damaged.digest() == digest


def test_the_command_exits_with_2_and_the_number_of_faults(damaged: TinyPair, capsys: Capture) -> None:
    command = ["data", "check", str(damaged.source), str(damaged.target)]
    assert run(command) == 0
    cut(damaged.source / "val/depth/0001.png")
    empty(damaged.target / "val/depth/0001.png")
    assert run(command) == 2
    assert (
        capsys.readouterr()
        .err.rstrip()
        .endswith("error: faults in the data: 2, listed above; mend them and check again")
    )


def test_groups_are_counted_and_those_in_two_splits_named(damaged: TinyPair, capsys: Capture) -> None:
    named(damaged.source, r"\d{3}")
    assert check_datasets([damaged.source]) == 0
    output = capsys.readouterr().out
    dataset = open_dataset(damaged.source)
    assert dataset.groups
    groups = [{dataset.groups.of(s, key) for key in dataset.files(s, "image")} for s in ("train", "val", "test")]
    assert table_rows(output)["groups", 0] == [str(len(each)) for each in groups]
    assert re.search(
        rf"^  {damaged.source}/test: {len(groups[2] & groups[0])} of its {len(groups[2])} groups are in train too"
        r" \(000, …\); what is measured on them has been seen there$",
        output,
        re.MULTILINE,
    )


def test_images_that_groups_say_nothing_of_are_counted(damaged: TinyPair, capsys: Capture) -> None:
    for split in ("train", "val"):
        for path in list((damaged.source / split).rglob("*.*")):
            path.rename(path.with_stem(f"{split}-{path.stem}"))
    for path in list((damaged.source / "test").rglob("0003.*")):
        path.rename(path.with_stem("hall"))
    named(damaged.source, r"\d{3}")
    assert check_datasets([damaged.source]) == 0
    output = capsys.readouterr().out
    said = r"groups is '\\d\{3\}', which says nothing of 1 of 6 images \(hall, …\); each is its own group"
    assert re.search(rf"worth a look \(1\):\n  {damaged.source}/test: {said}$", output, re.MULTILINE)
