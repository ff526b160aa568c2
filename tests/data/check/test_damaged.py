"""Hundreds of damaged datasets: each gives one line that names the file, from `data check` and from `fit`; no hang."""

import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfreeze.cli import run
from tests.worlds import TinyPair, write_pair

Damage = Callable[[Path], object]
COUNTS = {"train": 2, "val": 1, "test": 1}
SIZE = 16


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> TinyPair:
    return write_pair(tmp_path_factory.mktemp("small"), SIZE, COUNTS)


@pytest.fixture
def pair(small: TinyPair, tmp_path: Path) -> TinyPair:
    return small.copy(tmp_path)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(height: int, width: int, bits: int, colour: int, data: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def flipped(path: Path, at: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(at * (len(data) - 1))] ^= 0x55
    path.write_bytes(bytes(data))


def cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def replaced_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replaced_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replaced_by_link(path: Path, to: Path | str) -> None:
    path.unlink()
    path.symlink_to(to)


def as_npy(path: Path, values: np.ndarray) -> None:
    path.unlink()
    np.save(path.with_suffix(".npy"), values)


def saved_as(path: Path, kind: str) -> None:
    image = Image.open(path)
    image.load()
    image.convert("RGB").save(path, kind)


ANY: dict[str, Damage] = {
    "empty": lambda p: p.write_bytes(b""),
    "zeros": lambda p: p.write_bytes(bytes(1000)),
    "text": lambda p: p.write_text("404 not found"),
    "html": lambda p: p.write_text("<!doctype html>" * 50),
    "a signature alone": lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n"),
    "a bomb of 60000 x 60000": lambda p: p.write_bytes(png(60_000, 60_000, 8, 2, bytes(10_000))),
    "a bomb of 10000 x 10000": lambda p: p.write_bytes(png(10_000, 10_000, 8, 2, bytes(10_000))),
    "no width": lambda p: p.write_bytes(png(8, 0, 8, 2)),
    "a header without pixels": lambda p: p.write_bytes(png(SIZE, SIZE, 8, 2)),
    "gzip": lambda p: p.write_bytes(b"\x1f\x8b" + bytes(100)),
    "a folder of that name": replaced_by_folder,
    "a pipe": replaced_by_pipe,
    "a broken link": lambda p: replaced_by_link(p, "nowhere.png"),
    "a link to itself": lambda p: replaced_by_link(p, p.name),
    "a link to a device": lambda p: replaced_by_link(p, "/dev/zero"),
    "a name that is no UTF-8": lambda p: os.rename(p, os.fsencode(p.parent) + b"/\xff\xfe.png"),
    "a line break in its name": lambda p: p.rename(p.with_name("a\nb.png")),
    "an escape sequence in its name": lambda p: p.rename(p.with_name("a\x1b[31m.png")),
}
ANY |= {f"cut at {k} %": lambda p, k=k: cut(p, k / 100) for k in (1, 5, 10, 25, 40, 50, 60, 75, 90, 95)}
LABEL: dict[str, Damage] = {f"a bit flipped at {k} %": lambda p, k=k: flipped(p, k / 100) for k in range(0, 101, 4)}
LABEL |= {
    "a JPEG": lambda p: saved_as(p, "JPEG"),
    "a WebP": lambda p: saved_as(p, "WEBP"),
    "a TIFF": lambda p: saved_as(p, "TIFF"),
    "of another size": lambda p: Image.open(p).resize((9, 7), Image.Resampling.NEAREST).save(p),
    "another extension": lambda p: p.rename(p.with_suffix(".exr")),
    "another id": lambda p: p.rename(p.with_name("other.png")),
}
DENSE: dict[str, dict[str, Damage]] = {
    "normals": {
        "grey": lambda p: Image.new("L", (SIZE, SIZE), 128).save(p),
        "one colour, not unit": lambda p: Image.new("RGB", (SIZE, SIZE), (128, 128, 140)).save(p),
        "two channels": lambda p: Image.new("LA", (SIZE, SIZE), (3, 200)).save(p),
        "integers": lambda p: as_npy(p, np.ones((SIZE, SIZE, 3), np.int32)),
        "complex": lambda p: as_npy(p, np.ones((SIZE, SIZE, 3), np.complex64)),
        "text in .npy": lambda p: as_npy(p, np.full((SIZE, SIZE, 3), "a")),
        "objects": lambda p: as_npy(p, np.array([{}], object)),
        "channels first": lambda p: as_npy(p, np.ones((3, SIZE, SIZE), np.float32)),
        "too long": lambda p: as_npy(p, np.full((SIZE, SIZE, 3), 5.0)),
        "one value": lambda p: as_npy(p, np.float32(1)),
        "no pixels": lambda p: as_npy(p, np.zeros((0, SIZE, 3), np.float32)),
        "of four axes": lambda p: as_npy(p, np.ones((1, SIZE, SIZE, 3), np.float32)),
        "a header that lies": lambda p: (p.unlink(), p.with_suffix(".npy").write_bytes(lying_npy())),
    },
    "depth": {
        "8 bit": lambda p: Image.new("L", (SIZE, SIZE), 128).save(p),
        "colours": lambda p: Image.new("RGB", (SIZE, SIZE), (1, 2, 3)).save(p),
        "millimetres in .npy": lambda p: as_npy(p, np.full((SIZE, SIZE), 2500.0)),
        "integers": lambda p: as_npy(p, np.ones((SIZE, SIZE), np.int64)),
        "three channels": lambda p: as_npy(p, np.ones((SIZE, SIZE, 3), np.float32)),
        "a row": lambda p: as_npy(p, np.ones(SIZE, np.float32)),
        "a header that lies": lambda p: (p.unlink(), p.with_suffix(".npy").write_bytes(lying_npy())),
    },
    "segmentation": {
        "colours": lambda p: Image.new("RGB", (SIZE, SIZE), (1, 2, 3)).save(p),
        "an index that is no class": lambda p: Image.new("L", (SIZE, SIZE), 9).save(p),
        "grey and alpha": lambda p: Image.new("LA", (SIZE, SIZE), (1, 255)).save(p),
        "16 bit, no class": lambda p: Image.fromarray(np.full((SIZE, SIZE), 700, np.uint16)).save(p),
        "an array": lambda p: as_npy(p, np.zeros((SIZE, SIZE), np.uint8)),
    },
}


def lying_npy() -> bytes:
    """.npy whose header claims a terabyte."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (500000, 500000, 3), }"
    header += b" " * (117 - len(header)) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(64)


CASES = [(f"train/{kind}/0001.png", name, damage) for kind in ("image", *DENSE) for name, damage in ANY.items()]
CASES += [(f"train/{kind}/0001.png", name, damage) for kind in DENSE for name, damage in LABEL.items()]
CASES += [(f"train/{kind}/0001.png", name, damage) for kind, each in DENSE.items() for name, damage in each.items()]


def wrong_lines(output: str) -> list[str]:
    """The lines under "wrong (n):"."""
    after = output.partition("\nwrong (")[2]
    return [line.strip() for line in after.partition("\n\n")[0].splitlines()[1:]]


def test_there_are_hundreds() -> None:
    assert len(CASES) >= 200


@pytest.mark.parametrize(("file", "name", "damage"), CASES, ids=[f"{f.split('/')[1]}-{n}" for f, n, _ in CASES])
def test_each_damage_is_a_line_with_the_file(
    pair: TinyPair, capfd: pytest.CaptureFixture[str], file: str, name: str, damage: Damage
) -> None:
    damage(pair.source / file)
    status = run(["data", "check", str(pair.source)])
    captured = capfd.readouterr()
    assert "Traceback" not in captured.out + captured.err
    lines = wrong_lines(captured.out)
    if status == 0:  # a bit that no decoder looks at
        pytest.fail(f"{name} was not noticed")
    assert status == 2
    assert lines
    folder = str(pair.source / Path(file).parent)
    assert lines[0].startswith(folder) or any(line.startswith(folder) for line in lines)
    assert all(len(line) < 1000 and line.isprintable() for line in lines)
    assert captured.err.splitlines()[-1].startswith("headfreeze: error: faults in the data: ")


CONFIGS: dict[str, bytes] = {
    "empty": b"",
    "null": b"~",
    "a list": b"- normals\n",
    "a word": b"normals",
    "no tasks": b"tasks:\n",
    "tasks as a list": b"tasks: [normals]\n",
    "unclosed": b"tasks: {normals: {}",
    "tabs": b"tasks:\n\tnormals: {}\n",
    "no UTF-8": b"tasks: {normals\xff: {}}\n",
    "zeros": bytes(100),
    "UTF-16": "tasks: {normals: {}}".encode("utf-16"),
    "an unknown kind": b"tasks: {flow: {}}\n",
    "a path as a name": b"tasks: {../../etc: {kind: normals}}\n",
    "image as a task": b"tasks: {image: {kind: normals}}\n",
    "a number as a name": b"tasks: {3: }\n",
    "a list as options": b"tasks: {normals: [1]}\n",
    "an unknown option": b"tasks: {normals: {colour: 1}}\n",
    "classes as a word": b"tasks: {segmentation: {classes: floor}}\n",
    "no classes": b"tasks: {segmentation: {}}\n",
    "a python object": b"tasks: !!python/object/apply:os.system [exit]\n",
    "a date that there is not": b"tasks: {normals: 2001-99-99}\n",
    "deep": b"tasks: " + b"[" * 5000,
    "too long": b"# " + b"x" * 1_100_000,
    "a bomb": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (k, k, b",".join([b"*%c" % (k - 1)] * 9)) for k in range(98, 107))
    + b"tasks: {normals: *j}\n",
    "a loop": b"tasks: &t {normals: *t}\n",
    "a mapping as a key": b"tasks: {{a: b}: {}}\n",
}


@pytest.mark.parametrize("command", ["check", "fit"])
@pytest.mark.parametrize("name", CONFIGS)
def test_a_damaged_yaml_is_a_line(pair: TinyPair, capfd: pytest.CaptureFixture[str], name: str, command: str) -> None:
    (pair.source / "dataset.yaml").write_bytes(CONFIGS[name])
    assert call(command, pair) == 2
    captured = capfd.readouterr()
    assert "Traceback" not in captured.out + captured.err
    (line,) = wrong_lines(captured.out) if command == "check" else captured.err.strip().splitlines()[-1:]
    assert str(pair.source / "dataset.yaml") in line or "no dataset.yaml" in line
    assert len(line) < 1500


def call(command: str, pair: TinyPair) -> int:
    if command == "check":
        return run(["data", "check", str(pair.source)])
    flags = ["--main=normals", "--anchor=segmentation", "--steps=1", "--size=16", "--backbone=tiny", "--workers=0"]
    flags += [f"--source={pair.source}", f"--target={pair.target}", f"--out={pair.source.parent / 'run'}"]
    return run(["fit", "mtl-both", *flags, "--batch_size=2"])


FIT = ["empty", "text", "cut at 50 %", "a bomb of 60000 x 60000", "a pipe", "a broken link", "a name that is no UTF-8"]


@pytest.mark.parametrize("kind", ["image", "normals", "segmentation"])
@pytest.mark.parametrize("name", FIT)
def test_fit_on_damaged_data_fails_with_one_line(
    pair: TinyPair, capfd: pytest.CaptureFixture[str], name: str, kind: str
) -> None:
    for number in range(COUNTS["train"]):
        if name == "a name that is no UTF-8" and number:
            continue
        ANY[name](pair.source / f"train/{kind}/{number:04d}.png")
    assert call("fit", pair) == 2
    error = capfd.readouterr().err
    assert "Traceback" not in error
    assert error.strip().splitlines()[-1].startswith(f"headfreeze: error: {pair.source / 'train' / kind}")
    assert not (pair.source.parent / "run" / "model.safetensors").exists()


def test_names_that_differ_by_case_alone_are_a_fault(pair: TinyPair, capfd: pytest.CaptureFixture[str]) -> None:
    folder = pair.source / "train/image"
    shutil.copy(folder / "0001.png", folder / "Sofa.png")
    shutil.copy(folder / "0001.png", folder / "sofa.png")
    assert run(["data", "check", str(pair.source)]) == 2
    (line,) = wrong_lines(capfd.readouterr().out)
    assert line.startswith(f"{folder / 'sofa.png'}: its name differs from Sofa.png by case alone")


def test_links_out_of_the_folder_are_pointed_out_and_linked_folders_refused(
    pair: TinyPair, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    elsewhere = shutil.move(pair.source / "train/image/0001.png", tmp_path / "elsewhere.png")
    (pair.source / "train/image/0001.png").symlink_to(elsewhere)
    assert run(["data", "check", str(pair.source)]) == 0
    assert f"1 files are links out of {pair.source} (0001.png)" in capfd.readouterr().out
    (pair.source / "train/normals/more").symlink_to(tmp_path)
    assert run(["data", "check", str(pair.source)]) == 2
    (line,) = wrong_lines(capfd.readouterr().out)
    assert "normals/more: a link to a folder, which is not followed" in line


def test_a_yaml_that_is_a_pipe_or_a_folder_is_a_line(pair: TinyPair, capfd: pytest.CaptureFixture[str]) -> None:
    for damage in (replaced_by_pipe, lambda path: (path.unlink(), path.mkdir())):
        damage(pair.source / "dataset.yaml")
        assert run(["data", "check", str(pair.source)]) == 2
        assert "dataset.yaml: no file; write one such as" in capfd.readouterr().out


def test_in_a_plain_terminal_too(pair: TinyPair) -> None:
    """An encoding that cannot hold most of Unicode: no traceback from printing either."""
    (pair.source / "train/image/0001.png").write_bytes(b"")
    command = [sys.executable, "-m", "headfreeze", "data", "check", str(pair.source)]
    done = subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "utf-8"}, timeout=60)
    assert done.returncode == 2
    assert b"Traceback" not in done.stdout + done.stderr
