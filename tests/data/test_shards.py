"""Packed shards as a data set: the same bits as from the folder, withheld labels unread, damage in one line."""

import io
import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfreeze.annotate.edges import annotate_edges
from headfreeze.cli import run
from headfreeze.data.convert import convert
from headfreeze.data.folder import fingerprint, open_dataset
from headfreeze.data.images import image_size, read_image
from headfreeze.data.shards import Member
from headfreeze.errors import InputError
from headfreeze.evaluation.evaluate import evaluate
from headfreeze.stored import Part
from headfreeze.tasks.images import read_npy, size_of
from tests.runs import fit_tiny, same_bits, weights_of
from tests.worlds import TinyPair


@pytest.fixture(scope="module")
def pairs(tiny_pair: TinyPair, tmp_path_factory: pytest.TempPathFactory) -> tuple[TinyPair, TinyPair]:
    """The same files in folders, and in shards."""
    root = tmp_path_factory.mktemp("pairs")
    for domain in ("source", "target"):
        for name, packed in (("folders", False), ("shards", True)):
            convert("folder", getattr(tiny_pair, domain), root / name / domain, packed=packed)
    folders, shards = (TinyPair(root / name / "source", root / name / "target") for name in ("folders", "shards"))
    return folders, shards


def garbled(shard: Path, kind: str) -> None:
    """Every label of a kind in a shard becomes noise of the same length."""
    data = bytearray(shard.read_bytes())
    with tarfile.open(shard) as tar:
        for info in tar:
            if f".{kind}." in info.name:
                data[info.offset_data : info.offset_data + info.size] = os.urandom(info.size)
    shard.write_bytes(data)


def test_samples_are_those_of_the_folder_and_so_is_their_fingerprint(pairs: tuple[TinyPair, TinyPair]) -> None:
    folder, packed = (open_dataset(pair.target) for pair in pairs)
    for split in ("train", "val", "test"):
        one, other = (data.samples(split, ["normals", "segmentation"]) for data in (folder, packed))
        assert [(s.id, s.height, s.width, [*s.labels]) for s in one] == [
            (s.id, s.height, s.width, [*s.labels]) for s in other
        ]
        for a, b in zip(one, other, strict=True):
            assert a.image.read_bytes() == b.image.read_bytes()
            assert np.array_equal(read_image(a.image), read_image(b.image))
        assert fingerprint(one, folder.root) == fingerprint(other, packed.root)
    assert packed.splits() == ["train", "val", "test"]
    assert packed.has("train", "depth")
    assert not packed.has("train", "edges")


@pytest.mark.parametrize("workers", [0, 2])
def test_training_from_shards_gives_the_bits_of_training_from_folders(
    pairs: tuple[TinyPair, TinyPair], tmp_path: Path, workers: int
) -> None:
    runs = [fit_tiny("mtl-both", pair, tmp_path / str(n), steps=4, workers=workers) for n, pair in enumerate(pairs)]
    assert same_bits(weights_of(tmp_path / "0"), weights_of(tmp_path / "1"))
    keys = [[phase["key"] for phase in run.phases] for run in runs]
    assert keys[0] == keys[1], "what was trained from the folders is found, and not trained again"


def test_labels_that_are_withheld_are_not_read_from_shards(
    pairs: tuple[TinyPair, TinyPair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = pairs[1].copy(tmp_path)
    for split in ("train", "val", "test"):
        garbled(shards.target / f"{split}-000000.tar", "normals")
    opened: list[tuple[Path, int]] = []
    begin = Part.__init__

    def noted(self: Part, path: Path, start: int, length: int) -> None:
        opened.append((path, start))
        begin(self, path, start, length)

    monkeypatch.setattr(Part, "__init__", noted)
    fit_tiny("mtl-both", pairs[0], tmp_path / "one", steps=4)
    fit_tiny("mtl-both", shards, tmp_path / "other", steps=4)
    assert same_bits(weights_of(tmp_path / "one"), weights_of(tmp_path / "other"))
    shard = shards.target / "train-000000.tar"
    starts = {start for path, start in opened if path == shard}
    with tarfile.open(shard) as tar:
        kinds = {info.name.split(".")[1] for info in tar if info.offset_data in starts}
    assert kinds == {"image", "segmentation"}


def test_evaluation_finds_in_shards_what_it_finds_in_the_folder(
    pairs: tuple[TinyPair, TinyPair], tmp_path: Path
) -> None:
    fit_tiny("baseline", pairs[0], tmp_path / "run", steps=2)
    one, other = (evaluate(tmp_path / "run", pair.target, split="test") for pair in pairs)
    assert one.metrics == other.metrics


def test_data_check_says_of_shards_what_it_says_of_the_folder(
    pairs: tuple[TinyPair, TinyPair], capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for pair in pairs:
        assert run(["data", "check", str(pair.source), str(pair.target)]) == 0
        said.append(capsys.readouterr().out.replace(str(pair.source.parent), ""))
    assert said[0] == said[1]


def test_annotating_shards_says_how_to_unpack_them(pairs: tuple[TinyPair, TinyPair]) -> None:
    root = pairs[1].target
    with pytest.raises(InputError, match=rf"packed in shards, .* `headfreeze data convert packed {root} FOLDER`"):
        annotate_edges(root)


def test_a_damaged_shard_is_a_line_and_the_others_are_checked(
    pairs: tuple[TinyPair, TinyPair], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = pairs[1].copy(tmp_path).source
    shard = root / "train-000000.tar"
    shutil.copy(root / "val-000000.tar", root / "train-000001.tar")
    shard.write_bytes(shard.read_bytes()[:20_000])
    assert run(["data", "check", str(root)]) == 2
    out = capsys.readouterr().out
    assert "wrong (1):" in out
    assert f"{shard}: " in out
    assert "convert the data set again" in out
    with pytest.raises(InputError, match=r"train-000000.tar: .*convert the data set again"):
        open_dataset(root).samples("train")


def test_what_no_shard_may_hold_is_said(pairs: tuple[TinyPair, TinyPair], tmp_path: Path) -> None:
    root = pairs[1].copy(tmp_path).source
    shutil.copy(root / "val-000000.tar", root / "val-000001.tar")
    with pytest.raises(InputError, match=r"val-000001.tar: 0000.image.png: is in val-000000.tar too; keep one of them"):
        open_dataset(root).samples("val")
    with tarfile.open(root / "val-000001.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("lost.normals.png"), io.BytesIO())
    with pytest.raises(InputError, match=r"val-000001.tar: lost.normals.png: a label without an image"):
        open_dataset(root).samples("val")
    (root / "train").mkdir()
    with pytest.raises(InputError, match=r"source: has both a folder train and a shard test-000000.tar; keep one"):
        open_dataset(root)


def test_a_label_of_another_size_is_named_by_shard_and_member(pairs: tuple[TinyPair, TinyPair], tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    (root / "dataset.yaml").write_text("tasks: {segmentation: {classes: [a, b]}}")
    with tarfile.open(root / "train-000000.tar", "w") as tar:
        for name, size in (("a/b.c.image.png", (8, 6)), ("a/b.c.segmentation.png", (8, 5))):
            picture = io.BytesIO()
            Image.new("L", size).save(picture, "png")
            info = tarfile.TarInfo(name)
            info.size = len(picture.getvalue())
            tar.addfile(info, io.BytesIO(picture.getvalue()))
    said = r"train-000000.tar: a/b.c.segmentation.png: 5x8 pixels, but its image b.c.image.png has 6x8"
    with pytest.raises(InputError, match=said):
        open_dataset(root).samples("train", ["segmentation"])


def test_a_part_of_a_file_reads_like_a_file_of_its_own(tmp_path: Path) -> None:
    values = np.arange(60, dtype=np.float32).reshape(4, 5, 3)
    np.save(tmp_path / "own.npy", values)
    own = (tmp_path / "own.npy").read_bytes()
    (tmp_path / "whole").write_bytes(b"before" * 100 + own + b"after" * 100)
    member = Member(tmp_path / "whole", "a", "normals", ".npy", 600, len(own))
    assert member.read_bytes() == own
    assert np.array_equal(read_npy(member), values)
    assert read_npy(member).flags.writeable
    assert size_of(member) == (4, 5)
    with member.open() as file:
        assert file.seek(-7, os.SEEK_END) == len(own) - 7
        assert file.read() == own[-7:]
        assert file.read() == b""
        assert file.tell() == len(own)
        file.seek(3)
        assert file.read(5) == own[3:8]
    cut = Member(tmp_path / "whole", "a", "normals", ".npy", 600, len(own) - 1)
    with pytest.raises(InputError, match=r"whole: a.normals.npy: 239 bytes of values where shape \(4, 5, 3\)"):
        read_npy(cut)
    with pytest.raises(InputError, match=r"whole: a.normals.npy: cannot be read as an image"):
        image_size(member)
