"""Conversions of what somebody may have laid out to do harm, or has by accident: pipes, links, programs, names."""

import os
import signal
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from headfreeze.data.convert import Choice, convert, packed, verify
from headfreeze.data.folder import open_dataset
from headfreeze.data.readers.pixels import radiance
from headfreeze.data.write import LabelledImage, write_dataset
from headfreeze.errors import InputError
from tests.worlds import TinyPair


def photographs(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (12, 16, 3), np.uint8)).save(root / name)
    return root


def pipe(path: Path) -> None:
    """A pipe that a reader would find empty, so that a test that fails does not wait for ever."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    threading.Thread(target=lambda: path.open("wb").close(), daemon=True).start()


def test_pipes_and_links_that_lead_nowhere_are_left_out_one_by_one(tmp_path: Path) -> None:
    root = photographs(tmp_path / "in", "a.jpg")
    pipe(root / "b.jpg")
    (root / "c.jpg").symlink_to("/nowhere")
    (root / "notes").symlink_to("/nowhere")  # no picture: not our business
    with pytest.raises(InputError, match=r"b.jpg: neither a file nor a folder; remove it"):
        convert("photos", root, tmp_path / "out", workers=1)
    made = convert("photos", root, tmp_path / "out", skip_bad=True)
    assert dict(made.counts) == {"train": 1}
    assert [line.split(": ")[0] for line in made.skipped] == [str(root / "b.jpg"), str(root / "c.jpg")]


def test_links_round_in_a_circle_are_not_followed(tmp_path: Path) -> None:
    root = photographs(tmp_path / "in", "a.jpg", "d/b.jpg")
    for name in ("x", "d/y"):  # two of them: 2^40 ways
        (root / name).symlink_to(root)
    assert dict(convert("photos", root, tmp_path / "out").counts) == {"train": 2}


def test_a_program_in_postscript_is_not_run_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, ran = tmp_path / "in", tmp_path / "ran"
    root.mkdir()
    (root / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    program = tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with pytest.raises(InputError, match=r"a.jpg: a program in PostScript, which is never run"):
        convert("photos", root, tmp_path / "out", workers=1)
    assert not ran.exists()


def test_names_that_no_line_can_hold_are_refused_and_others_verified(tmp_path: Path) -> None:
    root = photographs(tmp_path / "in", "a\nb.jpg")
    with pytest.raises(InputError, match=r"a\\nb: control characters, or bytes that are no UTF-8, in its name"):
        convert("photos", root, tmp_path / "out", workers=1)
    root = photographs(tmp_path / "other", "a\u2028b.jpg", "c.png.jpg")
    convert("photos", root, tmp_path / "out")
    assert verify(tmp_path / "out") == []


def test_verify_reads_no_pipe_and_no_link_to_nowhere(tmp_path: Path) -> None:
    convert("photos", photographs(tmp_path / "in", "a.jpg", "b.jpg"), tmp_path / "out")
    pipe(tmp_path / "out/train/image/a.jpg")
    (tmp_path / "out/train/image/b.jpg").unlink()
    (tmp_path / "out/train/image/b.jpg").symlink_to("/nowhere")
    assert verify(tmp_path / "out") == [f"{tmp_path}/out/train/image/{name}.jpg: no file any more" for name in "ab"]


@pytest.mark.parametrize("out", ["link", "n" * 250])
def test_a_place_that_cannot_be_is_said_before_work_begins(out: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    root = photographs(tmp_path / "in", "a.jpg")
    with pytest.raises(InputError, match=r"exists already; name a folder|cannot be made \(file name too long\)"):
        convert("photos", root, tmp_path / out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "link"]


def test_a_limit_below_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"limit is -1; give the most images, or 0 for all"):
        convert("photos", photographs(tmp_path / "in", "a.jpg"), tmp_path / "out", choice=Choice(limit=-1))


def test_of_an_image_with_a_label_that_does_not_fit_nothing_is_left(tiny_pair: TinyPair, tmp_path: Path) -> None:
    pair = tiny_pair.copy(tmp_path)
    last = list(open_dataset(pair.source).tasks)[-1]
    assert last == "segmentation"
    cv2.imwrite(str(pair.source / "train" / last / "0003.png"), np.zeros((3, 5), np.uint8))
    assert len(convert("folder", pair.source, tmp_path / "out", skip_bad=True).skipped) == 1
    assert not [str(path) for path in (tmp_path / "out").rglob("0003.*") if "train" in path.parts]


def test_far_depth_and_ids_that_end_like_files_come_back(tmp_path: Path) -> None:
    depth = np.full((4, 6), 2.5, ">f4")  # of the other byte order, as a file may be
    depth[0] = 300
    image = np.zeros((4, 6, 3), np.uint8)
    write_dataset(tmp_path / "in", {"depth": {}}, [LabelledImage("train", "a.png", image, {"depth": depth})])
    convert("folder", tmp_path / "in", tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    (sample,) = dataset.samples("train", ["depth"])
    assert np.allclose(dataset.tasks["depth"].read(sample.labels["depth"])[0], depth, atol=1e-3)


def test_a_radiance_header_that_claims_gigabytes_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.hdr"
    path.write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 30000 +X 30000\n" + b"\2\2\0\0" * 9)
    with pytest.raises(InputError, match=r"a.hdr: claims 10800000000 bytes of shape \(30000, 30000, 3\)"):
        radiance(path)
    path.write_bytes(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    with pytest.raises(InputError, match=r"a.hdr: no picture in Radiance's format"):
        radiance(path)
    path.write_bytes(cv2.imencode(".hdr", np.random.default_rng(0).random((20, 30, 3), np.float32))[1].tobytes()[:300])
    with pytest.raises(InputError, match=r"a.hdr: damaged"):
        radiance(path)
    assert capfd.readouterr().err == "", "a second line, OpenCV's own"


def test_what_damages_a_shard_names_the_shard_and_the_member(tiny_pair: TinyPair, tmp_path: Path) -> None:
    convert("folder", tiny_pair.source, tmp_path / "made", packed=True)
    shard = tmp_path / "made/val-000000.tar"
    with tarfile.open(shard) as tar:
        at = tar.getmember("0002.normals.png").offset_data
    data = bytearray(shard.read_bytes())
    data[at + 60] ^= 255
    shard.write_bytes(data)
    with pytest.raises(InputError, match=rf"{shard}: 0002.normals.png: damaged PNG"):
        convert("packed", tmp_path / "made", tmp_path / "again", workers=1)


KILLED_WHILE_REMOVING = """
import os, shutil, signal
from headfreeze.data.convert import convert, packed
remove = os.unlink
count = 0
def unlink(path, *args, **kwargs):
    global count
    count += packing and str(path).endswith(".png") and ".tmp-" not in str(path)
    if count == 20:
        os.kill(os.getpid(), signal.SIGKILL)
    remove(path, *args, **kwargs)
packing = False
os.unlink = unlink
pack = packed.pack
def packed_pack(folder):
    global packing
    packing = True
    pack(folder)
import sys
sys.modules["headfreeze.data.convert.convert"].pack = packed_pack
convert("folder", sys.argv[1], sys.argv[2], packed=True)
"""


def test_killed_while_it_packs_it_loses_no_label(tiny_pair: TinyPair, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_WHILE_REMOVING, str(tiny_pair.source), str(tmp_path / "out")]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(Path.cwd())}, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.glob(".out.converting-*/data")
    assert (left / "train-000000.tar").exists(), "killed too early to tell"
    convert("folder", tiny_pair.source, tmp_path / "out", packed=True)
    convert("folder", tiny_pair.source, tmp_path / "whole", packed=True)
    assert (tmp_path / "out/SHA256SUMS").read_text() == (tmp_path / "whole/SHA256SUMS").read_text()


def test_what_was_packed_in_part_is_not_in_an_unpacked_one(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(packed.shutil, "rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            convert("folder", tiny_pair.source, tmp_path / "out", packed=True)
    convert("folder", tiny_pair.source, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.tar"))


def test_what_a_killed_call_was_writing_is_not_taken_along(tiny_pair: TinyPair, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from headfreeze.data.convert import convert\n"
        "put = Path.replace\n"
        "def replace(self, to):\n"
        "    os.kill(os.getpid(), signal.SIGKILL) if str(to).endswith('0003.png') else put(self, to)\n"
        "Path.replace = replace; convert('folder', sys.argv[1], sys.argv[2], workers=1)"
    )
    command = [sys.executable, "-c", script, str(tiny_pair.source), str(tmp_path / "out")]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(Path.cwd())}, check=False, timeout=120)
    assert list(tmp_path.glob(".out.converting-*/data/train/*/.*.tmp-*"))
    convert("folder", tiny_pair.source, tmp_path / "out")
    assert not list((tmp_path / "out").rglob(".*"))
