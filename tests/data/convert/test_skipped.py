"""`--skip-bad` goes on past whatever cannot be read, and skipped.txt says what that was."""

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from headfreeze.cli import run
from headfreeze.data.convert import Choice, convert
from headfreeze.data.convert import packed as packing
from headfreeze.errors import InputError
from tests.worlds import TinyPair


def png() -> bytes:
    file = BytesIO()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(file, "png")
    return file.getvalue()


def skipped(out: Path) -> list[str]:
    return (out / "skipped.txt").read_text().splitlines()


def test_a_damaged_parquet_file_is_left_out_and_listed(tmp_path: Path) -> None:
    root = tmp_path / "hf"
    root.mkdir()
    for number in range(3):
        table = pa.table({"image": [{"bytes": png(), "path": None}] * 2})
        parquet.write_table(table, root / f"train-0000{number}-of-00003.parquet")
    bad = root / "train-00001-of-00003.parquet"
    bad.write_bytes(bad.read_bytes()[:100])
    with pytest.raises(InputError, match=rf"{bad}: cannot be read .* \(--skip-bad goes on without it\)"):
        convert("hf", root, tmp_path / "out")
    assert dict(convert("hf", root, tmp_path / "out", skip_bad=True).counts) == {"train": 4}
    assert [line.startswith(f"{bad}: cannot be read") for line in skipped(tmp_path / "out")] == [True]


def test_a_damaged_shard_is_left_out_and_listed(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packing, "SHARD_BYTES", 20_000)
    shards = tmp_path / "shards"
    convert("folder", tiny_pair.source, shards, packed=True)
    bad = shards / "train-000001.tar"
    before = len(sorted(shards.glob("train-*.tar")))
    assert before > 2
    bad.write_bytes(b"no tar")
    assert run(["data", "convert", "packed", str(shards), str(tmp_path / "out")]) == 2
    assert f"{bad}: cannot be read as a tar file" in capsys.readouterr().err
    assert run(["data", "convert", "packed", str(shards), str(tmp_path / "out"), "--skip-bad"]) == 0
    assert [line.startswith(f"{bad}: cannot be read") for line in skipped(tmp_path / "out")] == [True]
    assert 0 < len(list((tmp_path / "out/train/image").iterdir())) < 16


@pytest.mark.parametrize("name", [b"caf\xe9.png", b"a\nb.png"])
def test_a_name_that_no_line_can_hold_is_left_out_and_listed(name: bytes, tmp_path: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    (root / "fine.png").write_bytes(png())
    Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_bytes(png())
    choice = Choice(splits=(0.5, 0.5))
    with pytest.raises(InputError, match=r"control characters, or bytes that are no UTF-8, in its name"):
        convert("photos", root, tmp_path / "out", choice=choice, workers=1)
    made = convert("photos", root, tmp_path / "out", choice=choice, skip_bad=True)
    assert sum(made.counts.values()) == 1
    (line,) = skipped(tmp_path / "out")
    assert line.isprintable()
    assert "rename the file" in line


def test_files_of_the_folder_format_that_cannot_be_listed_are_left_out(tiny_pair: TinyPair, tmp_path: Path) -> None:
    root = tiny_pair.copy(tmp_path).source
    (root / "train/normals/0003.png").unlink()
    (root / "train/normals/0003.png").symlink_to("nowhere")
    (root / "val/image/0001.jpg").write_bytes((root / "val/image/0001.png").read_bytes())
    with pytest.raises(InputError, match=r"train/normals/0003.png: a link to nowhere, where no file is"):
        convert("folder", root, tmp_path / "out")
    made = convert("folder", root, tmp_path / "out", skip_bad=True)
    assert dict(made.counts) == {"train": 16, "val": 6, "test": 6}
    assert len(made.skipped) == 2
