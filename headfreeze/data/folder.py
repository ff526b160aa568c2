"""The folder format: ROOT/dataset.yaml, ROOT/{train,val,test}/image/ID.EXT and ROOT/{train,val,test}/TASK/ID.EXT.

A label file that is missing means that this label is missing for that image. Only the folders of the tasks that are
asked for are looked at: a label outside a phase's supervision is not even listed.
"""

import hashlib
import itertools
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from headfreeze.data.images import EXTENSIONS, image_size
from headfreeze.errors import InputError, unknown
from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task
from headfreeze.tasks.images import size_of

SPLITS = ("train", "val", "test")
CONFIG = "dataset.yaml"
_EXAMPLE = "tasks: {normals: {}, segmentation: {classes: [floor, wall]}}"
_FINGERPRINT_BYTES = 16_384
_MOST_CONFIG_BYTES = 1_000_000
_MOST_NODES = 100_000


@dataclass(frozen=True)
class Sample:
    """One image, its labels that exist, and its size in pixels."""

    id: str
    image: Path
    labels: dict[str, Path]
    height: int
    width: int


@dataclass(frozen=True)
class Dataset:
    """A folder in the folder format: where it lies and which tasks it declares."""

    root: Path
    tasks: dict[str, Task]

    def task(self, name: str) -> Task:
        """The task of that name.

        Raises:
            InputError: dataset.yaml does not declare it.
        """
        if name not in self.tasks:
            raise InputError(f"{self.root / CONFIG}: {unknown('task', name, self.tasks)}")
        return self.tasks[name]

    def has_split(self, split: str) -> bool:
        """Whether the folder of images of this split exists."""
        return (self.root / split / "image").is_dir()

    def samples(self, split: str, tasks: Iterable[str] = ()) -> list[Sample]:
        """The images of a split in the order of their ids, with the labels of the named tasks that exist.

        Headers of images and labels are read and their sizes compared; pixels are not decoded.

        Raises:
            InputError: no images; a task none of whose labels exists; a label of another size than its image; a file
                whose header cannot be read.
        """
        folder = self.root / split / "image"
        if not folder.is_dir():
            raise InputError(f"{self.root}: no folder {split}/image; images lie in ROOT/{split}/image/ID.jpg or .png")
        images = files_by_id(folder, EXTENSIONS)
        if not images:
            raise InputError(f"{folder}: no images in it; put ID.jpg or ID.png files there")
        labels = {name: self._labels(split, name, images) for name in tasks}
        return [
            self._sample(key, path, {name: files[key] for name, files in labels.items() if key in files})
            for key, path in images.items()
        ]

    def _sample(self, key: str, image: Path, labels: dict[str, Path]) -> Sample:
        height, width = image_size(image)
        for name, path in labels.items():
            h, w = size_of(path) if self.tasks[name].dense else (height, width)
            if (h, w) != (height, width):
                raise InputError(
                    f"{path}: {h}x{w} pixels, but its image {image.name} has {height}x{width}; they must agree"
                )
        return Sample(key, image, labels, height, width)

    def _labels(self, split: str, name: str, images: dict[str, Path]) -> dict[str, Path]:
        task = self.task(name)
        folder = self.root / split / name
        files = files_by_id(folder, task.extensions) if folder.is_dir() else {}
        if not files.keys() & images.keys():
            what = "none of its files is named like an image" if files else "no label files"
            raise InputError(f"{folder}: {what}; '{name}' labels lie in ROOT/{split}/{name}/ID{task.extensions[0]}")
        return files


def open_dataset(root: Path) -> Dataset:
    """Reads ROOT/dataset.yaml.

    Raises:
        InputError: no such folder, no dataset.yaml, or one that cannot be understood.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    path = root / CONFIG
    config = read_config(path)
    tasks = config.get("tasks") if isinstance(config, dict) else None
    if not isinstance(tasks, dict) or not tasks:
        raise InputError(f"{path}: no tasks in it; it should hold something like '{_EXAMPLE}'")
    try:
        return Dataset(root, {str(name): make_task(str(name), options or {}) for name, options in tasks.items()})
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


def read_yaml(path: Path, example: str) -> object:
    """What a small YAML file holds.

    Args:
        path: of the file.
        example: what it should hold something like, for the message.

    Raises:
        InputError: it is not there, or is no YAML of a sensible size.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_CONFIG_BYTES + 1)
        if len(text) > _MOST_CONFIG_BYTES:
            raise InputError(f"{path}: longer than {_MOST_CONFIG_BYTES} bytes; it should hold little but '{example}'")
        return _bounded_yaml(text.decode())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from None
    except RecursionError:
        raise InputError(f"{path}: not valid YAML (nested too deeply)") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no UTF-8, or a date that there is not
        raise InputError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None


def _bounded_yaml(text: str) -> object:
    """What the text means. A few lines of aliases can stand for more than fits into any memory once a message shows it.

    Raises:
        yaml.YAMLError: no YAML, or one that is larger than any description of tasks.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _written_out(node, {}) > _MOST_NODES:
            raise yaml.YAMLError(f"with its aliases written out it holds more than {_MOST_NODES} values")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _written_out(node: yaml.Node, known: dict[int, float]) -> float:
    """How many values a node stands for; one that holds itself stands for infinitely many."""
    if id(node) not in known:
        known[id(node)] = float("inf")
        parts = node.value if isinstance(node, yaml.CollectionNode) else []
        flat = itertools.chain.from_iterable(parts) if isinstance(node, yaml.MappingNode) else parts
        known[id(node)] = 1 + sum(_written_out(part, known) for part in flat)
    return known[id(node)]


def files_by_id(folder: Path, extensions: tuple[str, ...]) -> dict[str, Path]:
    """Files below `folder` by their path without extension, sorted by it; hidden and other files are passed over.

    Raises:
        InputError: two files of one id.
    """
    found: dict[str, Path] = {}
    for key, path in files_below(folder):
        if path.suffix.lower() not in extensions:
            continue
        if key in found:
            raise InputError(f"{path}: a second file with the id '{key}' beside {found[key].name}; keep one of them")
        found[key] = path
    return dict(sorted(found.items()))


def _refuse(line: str) -> None:
    raise InputError(line)


def files_below(folder: Path, complain: Callable[[str], object] = _refuse) -> Iterator[tuple[str, Path]]:
    """Every file below `folder` with its id, the path without extension; hidden files and folders are passed over.

    Args:
        folder: where to look.
        complain: called with a line for each name that cannot be shown, each broken link, and whatever is neither file
            nor folder (reading a pipe would wait for ever); such files are left out. By default an InputError.
    """
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
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


def _unfit(path: Path) -> str:
    """Why a file is none that can be named and read; empty where it can be."""
    if unnameable(path.name):
        shown = "".join(c if c.isprintable() else repr(os.fsencode(c))[2:-1] for c in str(path))
        return f"{shown}: control characters, or bytes that are no UTF-8, in its name; rename the file"
    if path.is_file():
        return ""
    if path.is_symlink():
        return f"{path}: a link to {os.readlink(path)}, where no file is; replace or remove it"
    return f"{path}: neither a file nor a folder; remove it"


def fingerprint(samples: list[Sample], root: Path) -> str:
    """A hash of what the samples' files hold, wherever they lie."""
    return files_fingerprint(
        (path for s in samples for path in (s.image, *(s.labels[name] for name in sorted(s.labels)))), root
    )


def files_fingerprint(paths: Iterable[Path], root: Path) -> str:
    """A hash of names, sizes, first and last 16 KiB of files below `root`, in this order."""
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        with path.open("rb") as f:
            size = os.fstat(f.fileno()).st_size
            digest.update(f"{path.relative_to(root).as_posix()}\0{size}\0".encode())
            digest.update(f.read(_FINGERPRINT_BYTES))
            if size > 2 * _FINGERPRINT_BYTES:
                f.seek(-_FINGERPRINT_BYTES, os.SEEK_END)
            digest.update(f.read(_FINGERPRINT_BYTES))
    return digest.hexdigest()
