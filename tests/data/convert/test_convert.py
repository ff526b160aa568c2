"""`headfreeze data convert`: what comes out is what went in; killed and called again; damage; splits; classes."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from headfreeze.cli import run
from headfreeze.data.convert import Choice, convert, verify, workplace
from headfreeze.data.convert.splits import assigned, limited, parse_fractions
from headfreeze.data.folder import open_dataset
from headfreeze.data.images import read_image
from headfreeze.data.readers.base import Frame
from headfreeze.errors import InputError
from tests.worlds import CLASSES, TinyPair


def labels_of(root: Path) -> dict[str, dict[str, np.ndarray]]:
    """By split/id, every image and label of a dataset."""
    dataset = open_dataset(root)
    found = {}
    for split in ("train", "val", "test"):
        if dataset.has_split(split):
            for sample in dataset.samples(split, dataset.tasks):
                labels = {name: dataset.tasks[name].read(path).numpy() for name, path in sample.labels.items()}
                found[f"{split}/{sample.id}"] = {"image": read_image(sample.image), **labels}
    return found


def same(one: dict[str, dict[str, np.ndarray]], other: dict[str, dict[str, np.ndarray]]) -> bool:
    return one.keys() == other.keys() and all(
        values.keys() == other[key].keys()
        and all(np.allclose(value, other[key][name], atol=1e-4) for name, value in values.items())
        for key, values in one.items()
    )


@pytest.mark.parametrize("packed", [False, True])
def test_what_comes_out_is_what_went_in(packed: bool, tiny_pair: TinyPair, tmp_path: Path) -> None:
    made = convert("folder", tiny_pair.source, tmp_path / "made", packed=packed)
    assert dict(made.counts) == {"train": 16, "val": 6, "test": 6}
    out = tmp_path / "made"
    if packed:
        assert sorted(path.name for path in out.iterdir()) == [
            "SHA256SUMS",
            "dataset.yaml",
            "test-000000.tar",
            "train-000000.tar",
            "val-000000.tar",
        ]
        with tarfile.open(out / "val-000000.tar") as tar:
            assert "0000.normals.png" in tar.getnames()
        convert("packed", out, tmp_path / "again")
        out = tmp_path / "again"
    assert same(labels_of(out), labels_of(tiny_pair.source))
    assert verify(out) == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_packing_twice_gives_the_same_bytes(tiny_pair: TinyPair, tmp_path: Path) -> None:
    for name in ("one", "other"):
        convert("folder", tiny_pair.source, tmp_path / name, packed=True)
    one, other = ((tmp_path / name / "SHA256SUMS").read_text() for name in ("one", "other"))
    assert one == other


def test_sha256sum_reads_the_manifest_too(tiny_pair: TinyPair, tmp_path: Path) -> None:
    convert("folder", tiny_pair.source, tmp_path / "made")
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=tmp_path / "made", check=True)


def test_verify_names_what_is_missing_changed_or_new(
    tiny_pair: TinyPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made"
    convert("folder", tiny_pair.source, out)
    assert run(["data", "verify", str(out)]) == 0
    (out / "val/image/0001.png").unlink()
    (out / "val/depth/0002.png").write_bytes(b"changed")
    (out / "val/depth/new.png").write_bytes(b"")
    assert run(["data", "verify", str(out)]) == 2
    said = capsys.readouterr()
    assert "val/image/0001.png: missing" in said.out
    assert "val/depth/0002.png: has changed" in said.out
    assert "val/depth/new.png: was not there" in said.out
    assert "3 files are not as they were converted" in said.err


def test_a_damaged_frame_ends_it_and_leaves_nothing_at_out(tiny_pair: TinyPair, tmp_path: Path) -> None:
    pair = tiny_pair.copy(tmp_path)
    bad = pair.source / "train/normals/0003.png"
    bad.write_bytes(bad.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"0003.png: PNG cut off .*--skip-bad goes on without such frames"):
        convert("folder", pair.source, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_damaged_frames_are_skipped_and_listed(
    tiny_pair: TinyPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair, out = tiny_pair.copy(tmp_path), tmp_path / "made"
    for name in ("train/normals/0003.png", "test/depth/0001.png"):
        path = pair.source / name
        path.write_bytes(path.read_bytes()[:60])
    assert run(["data", "convert", "folder", str(pair.source), str(out), "--skip-bad"]) == 0
    said = capsys.readouterr().out
    assert "15 train, 6 val, 5 test images; 2 were left out" in said
    listed = (out / "skipped.txt").read_text().splitlines()
    assert len(listed) == 2
    assert "train/normals/0003.png: PNG cut off" in listed[0]
    assert "train/0003" not in labels_of(out)


SLOW = """
import time
from headfreeze.data.readers import folder
read = folder.Folder.read
def slow(self, frame):
    time.sleep(0.15)
    return read(self, frame)
folder.Folder.read = slow
from headfreeze.cli import main
main()
"""


def test_killed_and_called_again_it_goes_on_and_ends_the_same(tiny_pair: TinyPair, tmp_path: Path) -> None:
    out = tmp_path / "made"
    command = [sys.executable, "-c", SLOW, "data", "convert", "folder", str(tiny_pair.source), str(out), "--workers=1"]
    started = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(Path.cwd())})
    deadline = time.monotonic() + 180
    while len(done := list(tmp_path.glob(".made.converting-*/data/train/image/[0-9]*.png"))) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    started.send_signal(signal.SIGKILL)
    started.wait()
    kept = {path: path.stat().st_mtime_ns for path in done[0].parent.glob("[0-9]*.png")}
    assert not out.exists()
    convert("folder", tiny_pair.source, out)
    assert {out / "train/image" / path.name: at for path, at in kept.items()} == {
        path: path.stat().st_mtime_ns for path in (out / "train/image" / path.name for path in kept)
    }, "what was there has been written again"
    convert("folder", tiny_pair.source, tmp_path / "whole")
    assert (out / "SHA256SUMS").read_text() == (tmp_path / "whole/SHA256SUMS").read_text()


def test_what_is_unfinished_is_kept_where_much_was_done_and_not_mixed_with_another_conversion(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, out = tiny_pair.copy(tmp_path), tmp_path / "made"
    bad = pair.source / "val/normals/0003.png"
    whole = bad.read_bytes()
    bad.write_bytes(b"")
    with pytest.raises(InputError, match=r"0003.png: empty file"):
        convert("folder", pair.source, out)
    assert not list(tmp_path.glob(".made*")), "a minute's work is not kept"
    monkeypatch.setattr(workplace, "WORTH_KEEPING_S", 0.0)
    with pytest.raises(InputError, match=r"0003.png: empty file"):
        convert("folder", pair.source, out)
    assert len(list(tmp_path.glob(".made.converting-*/data/train/image/*.png"))) == 16
    convert("folder", pair.source, out, choice=Choice(limit=5))
    assert len(labels_of(out)) == 5
    bad.write_bytes(whole)
    shutil.rmtree(out)
    convert("folder", pair.source, out)
    assert same(labels_of(out), labels_of(pair.source))
    assert not list(tmp_path.glob(".made*"))


def test_classes_are_changed_by_one_table(tiny_pair: TinyPair, tmp_path: Path) -> None:
    file = tmp_path / "classes.yaml"
    file.write_text("task: segmentation\nclasses: [ball, rest]\nmap: {ball: [red, blue], rest: '*'}\n")
    convert("folder", tiny_pair.target, tmp_path / "made", choice=Choice(classes=str(file), tasks=["segmentation"]))
    assert yaml.safe_load((tmp_path / "made/dataset.yaml").read_text())["tasks"] == {
        "segmentation": {"classes": ["ball", "rest"]}
    }
    table = np.array([CLASSES.index("background") != number for number in range(3)])
    for key, values in labels_of(tiny_pair.target).items():
        old, new = values["segmentation"], labels_of(tmp_path / "made")[key]["segmentation"]
        wanted = np.where(old == 255, 255, np.where(table[np.minimum(old, 2)], 0, 1))
        assert np.array_equal(new, wanted)
        break


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "should hold task, classes, map, for example"),
        ("task: segmentation\nclasses: [a]\nmap: [b]", "should hold task, classes, map"),
        ("task: segmentation\nclasses: a\nmap: {}", "classes is 'a'; give a list of names"),
        ("task: segmentation\nclasses: [a]\nmap: {b: red}", "unknown class 'b'"),
        (
            "task: segmentation\nclasses: [a]\nmap: {a: reed}",
            "unknown class of segmentation 'reed': did you mean",
        ),
        ("task: segmentation\nclasses: [a, b]\nmap: {a: red, b: red}", "'red' goes to 'a' and to 'b'; keep one"),
        ("task: depth\nclasses: [a]\nmap: {a: red}", "unknown task with classes 'depth'"),
        ("task: [", "not valid YAML"),
        ("[" * 5000, r"classes.yaml: not valid YAML \(nested too deeply\)"),
        ("a: 2001-99-99", r"classes.yaml: not valid YAML \(month must be in 1..12\)"),
        ("{task: segmentation, classes: [a, a], map: {a: red}}", "class 'a' is listed twice"),
    ],
)
def test_classes_that_cannot_be_say_why(text: str, message: str, tiny_pair: TinyPair, tmp_path: Path) -> None:
    (tmp_path / "classes.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        convert("folder", tiny_pair.source, tmp_path / "made", choice=Choice(classes=str(tmp_path / "classes.yaml")))
    assert not (tmp_path / "made").exists()


def frames_of(sizes: list[int]) -> list[Frame]:
    return [Frame(f"{g}/{n}", f"scene{g}") for g, size in enumerate(sizes) for n in range(size)]


@pytest.mark.parametrize("shares", [(0.7, 0.15, 0.15), (0.9, 0.05, 0.05), (0.5, 0.0, 0.5)])
def test_splits_have_their_shares_and_no_scene_in_two(shares: tuple[float, ...]) -> None:
    rng = np.random.default_rng(0)
    frames = assigned(frames_of(rng.integers(5, 30, 200).tolist()), shares)
    found = [sum(frame.split == split for frame in frames) / len(frames) for split in ("train", "val", "test")]
    assert np.allclose(found, shares, atol=0.01)
    assert len({(frame.group, frame.split) for frame in frames}) == 200
    assert assigned(frames[::-1], shares)[::-1] == frames, "the order of the frames has no part in it"
    assert assigned(frames, shares, seed=1) != frames


def test_a_limit_takes_from_all_scenes_in_turn() -> None:
    chosen = limited(frames_of([10, 2, 10]), 6)
    assert [frame.id for frame in chosen] == ["0/0", "0/1", "1/0", "1/1", "2/0", "2/1"]


@pytest.mark.parametrize("given", [["0.7", "0.2"], ["a"], ["0.5", "0.6", "-0.1"], ["0.25"] * 4])
def test_shares_that_do_not_add_up_are_refused(given: list[str]) -> None:
    with pytest.raises(InputError, match=rf"splits is '{','.join(given)}'; give shares of train, val, test"):
        parse_fractions(given)


WRONG: dict[str, tuple[list[str], str]] = {
    "format": (["nyu2", "SRC", "OUT"], "unknown format 'nyu2': did you mean 'nyuv2'?"),
    "source": (["folder", "nowhere", "OUT"], "nowhere: no such file or folder"),
    "setting": (["folder", "SRC", "OUT", "--settings", "a=b"], "folder has no setting 'a'"),
    "pair": (["folder", "SRC", "OUT", "--settings", "a"], "settings holds 'a'; give NAME=VALUE"),
    "out": (["folder", "SRC", "SRC"], "exists already; name a folder that does not"),
    "task": (["folder", "SRC", "OUT", "--tasks", "normal"], "unknown task of folder 'normal': did you mean 'normals'"),
    "workers": (["folder", "SRC", "OUT", "--workers", "-1"], "workers is -1"),
    "classes": (["folder", "SRC", "OUT", "--classes", "none.yaml"], "none.yaml: cannot be read (no such file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_words_are_one_line(
    case: str, tiny_pair: TinyPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, message = WRONG[case]
    names = {"SRC": str(tiny_pair.source), "OUT": str(tmp_path / "made")}
    assert run(["data", "convert", *(names.get(word, word) for word in words)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "made").exists()


def case_clash(root: Path) -> None:
    for kind in ("image", "normals", "depth", "segmentation"):
        folder = root / "train" / kind
        (folder / "A.png").write_bytes((folder / "0000.png").read_bytes())
        (folder / "a.png").write_bytes((folder / "0001.png").read_bytes())


def not_utf8(root: Path) -> None:
    folder = root / "train/image"
    os.rename(os.fsencode(folder / "0001.png"), os.fsencode(folder) + b"/\xff\xfe.png")


def link_out(root: Path) -> None:
    path = root / "train/normals/0002.png"
    path.unlink()
    path.symlink_to(Path(__file__))


ATTACKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "ids that differ by case": (case_clash, "has frame 'a' and 'A', which differ by case alone"),
    "a name that is no UTF-8": (not_utf8, "bytes that are no UTF-8, in its name; rename the file"),
    "no config": (lambda root: (root / "dataset.yaml").unlink(), "no dataset.yaml in it"),
    "no images": (lambda root: [p.unlink() for p in (root / "train/image").iterdir()], "no images in it"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_strange_data_is_one_line(
    attack: str, tiny_pair: TinyPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = tiny_pair.copy(tmp_path)
    change, message = ATTACKS[attack]
    change(pair.source)
    assert run(["data", "convert", "folder", str(pair.source), str(tmp_path / "made")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.splitlines()[-1].startswith("headfreeze: error: ")


def test_members_of_a_shard_lead_nowhere(tiny_pair: TinyPair, tmp_path: Path) -> None:
    convert("folder", tiny_pair.source, tmp_path / "made", packed=True)
    with tarfile.open(tmp_path / "made/val-000000.tar", "w") as tar:
        info = tarfile.TarInfo("../../escaped.image.png")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(InputError, match=r"val-000000.tar: member '../../escaped.image.png' is no ID.TASK.EXT"):
        convert("packed", tmp_path / "made", tmp_path / "again")
