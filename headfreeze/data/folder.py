"""The folder format: ROOT/dataset.yaml, ROOT/{train,val,test}/image/ID.EXT and ROOT/{train,val,test}/TASK/ID.EXT.

Or the same packed (`headfreeze.data.shards`): the same files in the same order, so the same bits of training. A label
file that is missing means that this label is missing for that image. Only the folders of the tasks that are asked for
are looked at: a label outside a phase's supervision is not even listed.
"""

import hashlib
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from headfreeze.data.bounded_yaml import read_yaml
from headfreeze.data.groups import Groups, read_groups
from headfreeze.data.images import EXTENSIONS, image_size
from headfreeze.data.shards import IMAGE, Shards, shards_in, split_of
from headfreeze.errors import InputError, refuse, unknown
from headfreeze.stored import File
from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task
from headfreeze.tasks.images import size_of

SPLITS = ("train", "val", "test")
CONFIG = "dataset.yaml"
_EXAMPLE = "tasks: {normals: {}, segmentation: {classes: [floor, wall]}}"
_FINGERPRINT_BYTES = 16_384
_COMPRESSED = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Sample:
    """One image, its labels that exist, and its size in pixels."""

    id: str
    image: File
    labels: dict[str, File]
    height: int
    width: int

    def label(self, task: Task) -> Tensor:
        """The label of a task that there is one of: (k, height, width), or (k, 4) points in this image's pixels."""
        return task.wrap(task.read(self.labels[task.name]), (self.height, self.width))


@dataclass(frozen=True)
class Dataset:
    """A data set of ours: where it lies and which tasks it declares.

    Attributes:
        root: its folder.
        tasks: by name.
        shards: where it is packed.
        groups: which images belong together, where dataset.yaml says so.
        complain: called with a line for each file that cannot be listed, which is then left out.
    """

    root: Path
    tasks: dict[str, Task]
    shards: Shards | None = None
    groups: Groups | None = None
    complain: Callable[[str], object] = field(default=refuse, compare=False)

    def complaining(self, complain: Callable[[str], object]) -> "Dataset":
        """The same, but where a file cannot be listed `complain` is called with a line, and the others are listed."""
        shards = self.shards and Shards(self.root, self.shards.kinds, complain)
        return replace(self, shards=shards, complain=complain)

    def task(self, name: str) -> Task:
        """The task of that name.

        Raises:
            InputError: dataset.yaml does not declare it.
        """
        if name not in self.tasks:
            raise InputError(f"{self.root / CONFIG}: {unknown('task', name, self.tasks)}")
        return self.tasks[name]

    def has_split(self, split: str) -> bool:
        """Whether there is a folder (in shards: a file) of images in this split."""
        return self.has(split, IMAGE)

    def has(self, split: str, kind: str) -> bool:
        """Whether there is a folder (in shards: a file) of images, or of a task's labels, in this split."""
        return bool(self.shards.files(split, kind)) if self.shards else (self.root / split / kind).is_dir()

    def splits(self) -> list[str]:
        """Those of which there is anything, if only an empty folder."""
        if self.shards:
            return [split for split in SPLITS if self.shards.of(split)]
        return [split for split in SPLITS if (self.root / split).is_dir()]

    def files(self, split: str, kind: str) -> Mapping[str, File]:
        """The images of a split, or its labels of a task, by id and sorted by it; no file of another kind is opened."""
        endings = EXTENSIONS if kind == IMAGE else self.task(kind).extensions
        if self.shards:
            found = self.shards.files(split, kind)
            return {key: file for key, file in found.items() if file.suffix.lower() in endings}
        return files_by_id(self.root / split / kind, endings, self.complain) if self.has(split, kind) else {}

    def all_files(self, split: str) -> Sequence[File]:
        """Every image and every label of a split, sorted by their paths."""
        found: list[File] = []
        for kind in (IMAGE, *self.tasks):  # one by one: each of their folders may be a link
            if self.shards:
                found += self.shards.files(split, kind).values()
            else:
                found += (path for _, path in files_below(self.root / split / kind, self.complain))
        return sorted(found, key=lambda file: file.relative_to(self.root))

    def samples(self, split: str, tasks: Iterable[str] = ()) -> list[Sample]:
        """The images of a split in the order of their ids, with the labels of the named tasks that exist.

        Headers of images and labels are read and their sizes compared; pixels are not decoded.

        Raises:
            InputError: no images; a task none of whose labels exists; a label of another size than its image; a file
                whose header cannot be read.
        """
        if not self.has_split(split):
            what = f"no shard {split}-000000.tar" if self.shards else f"no folder {split}/image"
            raise InputError(f"{self.root}: {what}; images lie in ROOT/{split}/image/ID.jpg or .png")
        images = self.files(split, IMAGE)
        if not images:
            raise InputError(f"{self.root / split / IMAGE}: no images in it; put ID.jpg or ID.png files there")
        labels = {name: self._labels(split, name, images) for name in tasks}
        return [
            self._sample(key, path, {name: files[key] for name, files in labels.items() if key in files})
            for key, path in images.items()
        ]

    def _sample(self, key: str, image: File, labels: dict[str, File]) -> Sample:
        height, width = image_size(image)
        for name, path in labels.items():
            h, w = size_of(path) if self.tasks[name].dense else (height, width)
            if (h, w) != (height, width):
                raise InputError(
                    f"{path}: {h}x{w} pixels, but its image {image.name} has {height}x{width}; they must agree"
                )
        return Sample(key, image, labels, height, width)

    def _labels(self, split: str, name: str, images: Mapping[str, File]) -> Mapping[str, File]:
        task = self.task(name)
        files = self.files(split, name)
        if not files.keys() & images.keys():
            what = "none of its files is named like an image" if files else "no label files"
            where = f"ROOT/{split}/{name}/ID{task.extensions[0]}"
            raise InputError(f"{self.root / split / name}: {what}; '{name}' labels lie in {where}")
        return files


def open_dataset(root: Path) -> Dataset:
    """Reads ROOT/dataset.yaml, and sees whether folders or shards lie beside it.

    Raises:
        InputError: no such folder, no dataset.yaml, or one that cannot be understood; both folders and shards.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    path = root / CONFIG
    config = read_config(path)
    tasks = _tasks(config, path)
    groups = read_groups(root, config["groups"], path) if isinstance(config, dict) and "groups" in config else None
    dataset = Dataset(root, tasks, groups=groups)
    packed = [path for path in shards_in(root) if split_of(path) in SPLITS]
    if packed and dataset.splits():
        raise InputError(
            f"{root}: has both a folder {dataset.splits()[0]} and a shard {packed[0].name}; keep one of them"
        )
    return replace(dataset, shards=Shards(root, (IMAGE, *tasks))) if packed else dataset


def declared(root: Path) -> dict[str, Task]:
    """The tasks of ROOT/dataset.yaml by name.

    Raises:
        InputError: no dataset.yaml, or one that cannot be understood.
    """
    return _tasks(read_config(root / CONFIG), root / CONFIG)


def _tasks(config: object, path: Path) -> dict[str, Task]:
    """The tasks that a dataset.yaml at `path` declares."""
    tasks = config.get("tasks") if isinstance(config, dict) else None
    if not isinstance(tasks, dict) or not tasks:
        raise InputError(f"{path}: no tasks in it; it should hold something like '{_EXAMPLE}'")
    try:
        return {str(name): make_task(str(name), options or {}) for name, options in tasks.items()}
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def read_config(path: Path) -> object:
    """What a dataset.yaml holds.

    Raises:
        InputError: it is not there, or is no YAML of a sensible size.
    """
    if not path.exists():
        raise InputError(f"{path.parent}: no {CONFIG} in it; write one such as '{_EXAMPLE}'")
    if not path.is_file():
        raise InputError(f"{path}: no file; write one such as '{_EXAMPLE}'")
    return read_yaml(path, _EXAMPLE)


def files_by_id(
    folder: Path, extensions: tuple[str, ...], complain: Callable[[str], object] = refuse
) -> dict[str, Path]:
    """Files below `folder` by their path without extension, sorted by it; hidden and other files are passed over.

    Args:
        folder: where to look.
        extensions: those of the files that are meant.
        complain: as of `files_below`, and called for the second of two files of one id.
    """
    found: dict[str, Path] = {}
    for key, path in files_below(folder, complain):
        if path.suffix.lower() not in extensions:
            continue
        if key in found:
            complain(f"{path}: a second file with the id '{key}' beside {found[key].name}; keep one of them")
        else:
            found[key] = path
    return dict(sorted(found.items()))


def files_below(folder: Path, complain: Callable[[str], object] = refuse) -> Iterator[tuple[str, Path]]:
    """Every file below `folder` with its id, the path without extension; hidden files and folders are passed over.

    Args:
        folder: where to look; may be a link itself.
        complain: called with a line for each name that cannot be shown, each link that is broken or leads to a folder
            (it may lead round in a circle), and whatever is neither file nor folder (reading a pipe would wait for
            ever); such files are left out. By default an InputError.
    """
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in (*(name for name in folders if Path(parent, name).is_symlink()), *names):
            if name.startswith("."):
                continue
            path = Path(parent, name)
            if fault := _unfit(path):
                complain(fault)
            else:
                yield path.with_suffix("").relative_to(folder).as_posix(), path


def unnameable(name: str) -> bool:
    """Whether a file's name cannot be shown on a line: control characters, or bytes that are no UTF-8."""
    return not name.isprintable() and any(unicodedata.category(c) in ("Cc", "Cs") for c in name)


def unwritable(path: Path) -> str:
    """The line about a file whose name cannot be shown on one as it is."""
    shown = "".join(c if c.isprintable() else repr(os.fsencode(c))[2:-1] for c in str(path))
    return f"{shown}: control characters, or bytes that are no UTF-8, in its name; rename the file"


def _unfit(path: Path) -> str:
    """Why a file is none that can be named and read; empty where it can be."""
    if unnameable(path.name):
        return unwritable(path)
    if path.is_file():
        return ""
    if path.is_dir():
        return f"{path}: a link to a folder, which is not followed; put the folder itself there"
    if path.is_symlink():
        return f"{path}: a link to {os.readlink(path)}, where no file is; replace or remove it"
    return f"{path}: neither a file nor a folder; remove it"


def fingerprint(samples: list[Sample], root: Path) -> str:
    """A hash of what the samples' files hold, wherever they lie."""
    return files_fingerprint(
        (path for s in samples for path in (s.image, *(s.labels[name] for name in sorted(s.labels)))), root
    )


def files_fingerprint(files: Iterable[File], root: Path) -> str:
    """A hash of names, sizes and contents of files, packed or not, in this order.

    Of compressed images the first and last 16 KiB: PNG ends with a checksum of all pixels; in a JPEG or WebP a
    change in the middle is seen by the size, unless that stays the same to the byte.
    """
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        with file.open("rb") as f:
            size = f.seek(0, os.SEEK_END)
            f.seek(0)
            digest.update(f"{file.relative_to(root).as_posix()}\0{size}\0".encode())
            digest.update(f.read(_FINGERPRINT_BYTES))
            if size > 2 * _FINGERPRINT_BYTES and file.suffix.lower() in _COMPRESSED:
                f.seek(-_FINGERPRINT_BYTES, os.SEEK_END)
            while block := f.read(_FINGERPRINT_BYTES):
                digest.update(block)
    return digest.hexdigest()
