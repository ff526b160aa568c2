"""The one place that writes files: aside first, then renamed, so that a reader never meets half a file."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import Any

from headfreeze.errors import InputError


def write_with(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write` on a temporary path beside `path` (same suffix), makes it durable, and renames it to `path`.

    Folders that are missing are made; where `write` fails, those that were made for it go again.
    """
    made = list(takewhile(lambda folder: not folder.exists(), path.parents))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.tmp-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb") as f:
            os.fsync(f.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner may read
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        with suppress(OSError):  # another process has put something there
            for folder in made:
                folder.rmdir()
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces `path` by `data`, atomically."""
    write_with(path, lambda p: p.write_bytes(data))


def write_text(path: Path, text: str) -> None:
    """Replaces `path` by `text` (UTF-8), atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Replaces `path` by `value` as indented JSON, atomically; NaN and infinities, which JSON lacks, become null."""
    write_text(path, json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")


@contextmanager
def folder_aside(path: Path) -> Iterator[Path]:
    """A hidden folder beside `path` to fill; what was not moved out of it by the end of the block is gone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.tmp-", dir=path.parent))
    try:
        aside.chmod(0o777 & ~_umask())  # mkdtemp makes folders that only their owner may read
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill that becomes `path` only when the block ends without an error. `path` must not exist."""
    with folder_aside(path) as aside:
        yield aside
        aside.replace(path)


def check_folder(path: Path) -> None:
    """Makes nothing, but says at once what `path` would say in the end, as a folder to write to.

    Raises:
        InputError: a file is in its way, or the folder that would hold it cannot be written to.
    """
    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not there.is_dir():
        raise InputError(f"{path}: {there} is a file, not a folder; choose another folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{path}: no permission to write to {there}; choose another folder")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value
