"""SHA256SUMS: the digest of every file of a converted data set, in the format of `sha256sum`."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from headfreeze.data.readers.safely import text_of
from headfreeze.errors import InputError
from headfreeze.files import write_text
from headfreeze.progress import progress
from headfreeze.side_by_side import cores, in_order

NAME = "SHA256SUMS"


def write_manifest(root: Path) -> None:
    """Writes ROOT/SHA256SUMS for all files below `root` but itself."""
    write_text(root / NAME, "".join(f"{digest}  {name}\n" for name, digest in _digests(root, _files(root))))


def verify(root: Path) -> list[str]:
    """What is not as it was converted, a line each: files that are missing, changed, or have come since.

    Raises:
        InputError: there is no such folder, no SHA256SUMS in it, or one that cannot be understood.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    path = root / NAME
    if not path.is_file():
        raise InputError(f"{root}: no {NAME} in it; `headfreeze data convert` writes one")
    expected: dict[str, str] = {}
    for number, line in enumerate(text_of(path).removesuffix("\n").split("\n"), 1):
        digest, gap, name = line.partition("  ")
        if len(digest) != 64 or not gap or not name:
            raise InputError(f"{path}: line {number} is not a digest and a name; convert the data set again")
        expected[name] = digest
    there = _files(root)
    faults = [f"{root / name}: missing" for name in sorted(expected.keys() - set(there))]
    faults += [f"{root / name}: was not there when it was converted" for name in sorted(set(there) - expected.keys())]
    known = [name for name in there if name in expected]
    readable = [name for name in known if (root / name).is_file()]  # a pipe would be waited for
    faults += [f"{root / name}: no file any more" for name in sorted(set(known) - set(readable))]
    found = _digests(root, readable)
    return faults + [f"{root / name}: has changed" for name, digest in found if digest != expected[name]]


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

    workers = cores()
    with progress("digests", len(names)) as report, ThreadPoolExecutor(workers) as pool:
        for number, found in enumerate(zip(names, in_order(pool, workers, digest, names), strict=True), 1):
            yield found
            report(number, "")
