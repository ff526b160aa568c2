"""Files are whole or as they were before, whatever happens in between, with the permissions that the user asks for."""

import json
import math
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headfreeze.errors import InputError
from headfreeze.files import check_folder, new_folder, write_bytes, write_json, write_text, write_with


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_replaced_and_its_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a/b/c.txt"
    write_text(path, "one – ein")
    write_bytes(path, "two – zwei".encode())
    assert path.read_text(encoding="utf-8") == "two – zwei"
    assert os.listdir(path.parent) == ["c.txt"]


@pytest.mark.parametrize("error", [ValueError("halfway"), KeyboardInterrupt()])
def test_a_writer_that_fails_halfway_leaves_the_old_file_and_no_litter(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "c.txt"
    write_text(path, "old")

    def fail(temporary: Path) -> None:
        temporary.write_text("new, but on")
        raise error

    with pytest.raises(type(error)):
        write_with(path, fail)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["c.txt"]
    with pytest.raises(type(error)):
        write_with(tmp_path / "a/b/c.txt", fail)
    assert os.listdir(tmp_path) == ["c.txt"], "nor the folders that were made for it"


def test_a_kill_halfway_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    write_text(path, "old")
    program = (
        "import os, signal, sys; from pathlib import Path; from headfreeze.files import write_with\n"
        "def die(p): p.write_text('new, but on'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_with(Path(sys.argv[1]), die)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    left = [name for name in os.listdir(tmp_path) if name != "c.txt"]
    assert all(name.startswith(".c.tmp-") for name in left), "hidden, so that no reader of the folder takes it for real"
    write_text(path, "new")
    assert path.read_text() == "new"


def test_the_writer_gets_the_files_own_suffix(tmp_path: Path) -> None:
    write_with(tmp_path / "a.png", lambda p: p.write_text(p.suffix))
    assert (tmp_path / "a.png").read_text() == ".png"


def test_permissions_are_those_of_any_new_file(tmp_path: Path, umask: int) -> None:
    write_text(tmp_path / "a.txt", "x")
    (tmp_path / "b.txt").write_text("x")
    assert mode(tmp_path / "a.txt") == mode(tmp_path / "b.txt") == 0o666 & ~umask
    with new_folder(tmp_path / "new") as folder:
        (folder / "x").touch()
    (tmp_path / "usual").mkdir()
    assert mode(tmp_path / "new") == mode(tmp_path / "usual") == 0o777 & ~umask
    assert os.umask(umask) == umask, "the process's own mask is as it was"


def test_json_has_null_for_what_it_lacks_and_is_indented(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": math.nan, "b": [math.inf, (-math.inf, 1.5)], "c": {"d": "ä"}, "e": True})
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": None,
        "b": [None, [None, 1.5]],
        "c": {"d": "ä"},
        "e": True,
    }
    assert text.startswith('{\n  "a": null,')
    assert text.endswith("}\n")


def test_a_new_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="halfway"), new_folder(tmp_path / "deep/new") as folder:
        (folder / "a").rename(folder / "halfway")
    assert os.listdir(tmp_path / "deep") == []
    with new_folder(tmp_path / "deep/new") as folder:
        (folder / "a").touch()
    assert os.listdir(tmp_path / "deep/new") == ["a"]
    with pytest.raises(OSError, match="not empty"), new_folder(tmp_path / "deep/new") as folder:
        (folder / "b").touch()
    assert os.listdir(tmp_path / "deep/new") == ["a"]
    (tmp_path / "empty").mkdir()
    with new_folder(tmp_path / "empty") as folder:
        (folder / "c").touch()
    assert os.listdir(tmp_path / "empty") == ["c"]


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file/a/b"):
        with pytest.raises(InputError, match=rf"{path}: {tmp_path / 'file'} is a file, not a folder; choose another"):
            check_folder(path)
    for path in (tmp_path, tmp_path / "a/b/c"):
        check_folder(path)
    monkeypatch.chdir(tmp_path)
    check_folder(Path("relative/to/here"))
    check_folder(Path())
    with pytest.raises(InputError, match=r"file/x: .*file is a file"):
        check_folder(Path("file/x"))
    assert os.listdir(tmp_path) == ["file"], "it made nothing"


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)  # root may write anywhere
    with pytest.raises(InputError, match=rf"a/b: no permission to write to {tmp_path}; choose another folder"):
        check_folder(tmp_path / "a/b")
