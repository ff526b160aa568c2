"""SHA256SUMS: the digest of every file of a converted data set, in the format of `sha256sum`."""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from headfreeze.data.readers.safely import text_of
from headfreeze.errors import InputError
from headfreeze.files import write_text

NAME = "SHA256SUMS"


def write_manifest(root: Path, report: Callable[[int, str], None] | None = None) -> None:
    """Writes ROOT/SHA256SUMS for all files below `root` but itself."""
    lines = []
    for number, (name, digest) in enumerate(_digests(root, _files(root)), 1):
        lines.append(f"{digest}  {name}\n")
        if report:
            report(number, "")
    write_text(root / NAME, "".join(lines))


def verify(root: Path, report: Callable[[int, str], None] | None = None) -> list[str]:
    """What is not as it was converted, a line each: files that are missing, changed, or have come since.

    Raises:
        InputError: there is no SHA256SUMS, or one that cannot be understood.
    """
    path = root / NAME
    if not path.is_file():
        raise InputError(f"{root}: no {NAME} in it; `headfreeze data convert` writes one")
    expected: dict[str, str] = {}
    for number, line in enumerate(text_of(path).splitlines(), 1):
        digest, gap, name = line.partition("  ")
        if len(digest) != 64 or not gap or not name:
            raise InputError(f"{path}: line {number} is not a digest and a name; convert the data set again")
        expected[name] = digest
    there = _files(root)
    faults = [f"{root / name}: missing" for name in sorted(expected.keys() - set(there))]
    faults += [f"{root / name}: was not there when it was converted" for name in sorted(set(there) - expected.keys())]
    common = [name for name in there if name in expected]
    for number, (name, digest) in enumerate(_digests(root, common), 1):
        if digest != expected[name]:
            faults.append(f"{root / name}: has changed")
        if report:
            report(number, "")
    return faults


def count_files(root: Path) -> int:
    """How many files `verify` and `write_manifest` read."""
    return len(_files(root))


def _files(root: Path) -> list[str]:
    found = []
    for parent, folders, names in os.walk(root):
        folders.sort()
        found += [Path(parent, name).relative_to(root).as_posix() for name in sorted(names)]
    return [name for name in found if name != NAME]


def _digests(root: Path, names: list[str]) -> Iterator[tuple[str, str]]:
    def digest(name: str) -> str:
        with (root / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    with ThreadPoolExecutor() as pool:
        yield from zip(names, pool.map(digest, names), strict=True)
