"""Packed shards: tar files as WebDataset reads them, for storage that likes few large files.

ROOT/dataset.yaml
ROOT/train-000000.tar     ai_001/0001.image.png, ai_001/0001.normals.png, …
"""

import shutil
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from headfreeze.data.folder import SPLITS, Dataset, declared, files_by_id
from headfreeze.data.images import EXTENSIONS
from headfreeze.files import write_with

SHARD_BYTES = 2**28
"""A shard is closed once it holds so much; large enough for a sequential read, small enough to be shared out."""


def pack(folder: Path) -> None:
    """Turns a folder in the folder format into shards, in place."""
    dataset = Dataset(folder, declared(folder))
    for split in SPLITS:
        if not dataset.has_split(split):
            continue
        kinds = {"image": EXTENSIONS} | {name: task.extensions for name, task in dataset.tasks.items()}
        found = {
            kind: files_by_id(folder / split / kind, endings)
            for kind, endings in kinds.items()
            if (folder / split / kind).is_dir()
        }
        for number, members in enumerate(_shards(found)):
            write_with(folder / f"{split}-{number:06d}.tar", partial(_write, members))
        shutil.rmtree(folder / split / "image")  # first: an image that is there is there with its labels, till the end
        shutil.rmtree(folder / split)


def _shards(found: dict[str, dict[str, Path]]) -> Iterator[list[tuple[str, Path]]]:
    members: list[tuple[str, Path]] = []
    size = 0
    for key in found["image"]:
        for kind, files in found.items():
            if key in files:
                members.append((f"{key}.{kind}{files[key].suffix}", files[key]))
                size += files[key].stat().st_size
        if size >= SHARD_BYTES:
            yield members
            members, size = [], 0
    if members:
        yield members


def _write(members: list[tuple[str, Path]], path: Path) -> None:
    """With nothing in it of when and by whom: the same files give the same bytes."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, file in members:
            info = tarfile.TarInfo(name)
            info.size = file.stat().st_size
            with file.open("rb") as data:
                tar.addfile(info, data)
