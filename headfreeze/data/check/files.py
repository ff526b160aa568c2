"""A split's files: which there are, and whether each can be read and holds what its task says."""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headfreeze.data.check.opening import Labelled, Opened, open_all
from headfreeze.data.check.statistics import Statistics
from headfreeze.data.folder import CONFIG, Dataset, files_below
from headfreeze.data.images import EXTENSIONS
from headfreeze.data.shards import IMAGE
from headfreeze.pictures import spread
from headfreeze.progress import progress
from headfreeze.stored import File

_NAMED = 3  # files that a line names
_MOST_FAULTS = 1000  # of a split that are listed; more are counted


class Files(Mapping[str, Path]):
    """Paths by id. What is kept of each is its extension: a hundred thousand paths would take 40 MB a task."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._extensions: dict[str, str] = {}

    def __getitem__(self, key: str) -> Path:
        return self.folder / f"{key}{self._extensions[key]}"

    def __iter__(self) -> Iterator[str]:
        return iter(self._extensions)

    def __len__(self) -> int:
        return len(self._extensions)

    def add(self, key: str, extension: str) -> None:
        """Adds a file."""
        self._extensions[key] = sys.intern(extension)

    def within(self, others: "Files") -> "Files":
        """Those whose id is in `others`, the ids being the very strings of it."""
        found = Files(self.folder)
        found._extensions = {key: self._extensions[key] for key in others if key in self._extensions}
        return found


@dataclass
class SplitFindings:
    """What a split holds and what is wrong with it.

    Attributes:
        split: its name.
        images: by id.
        labels: by task and id; labels without an image are left out.
        sizes: how many of the opened images have which size (height, width).
        fov_deg: how many have which angle of view across the longer side, as their EXIF tells.
        opened: how many images were opened, with all of their labels.
        statistics: of the labels of each task that were read.
        faults: what is wrong, a line each; the first thousand.
        more_faults: how many there are beyond those.
        doubts: what may be wrong, a line each.
        digests: the id of an image for each digest of an image file.
        groups: those that its images belong to; none where the dataset does not say.
    """

    split: str
    images: Mapping[str, File]
    labels: dict[str, Mapping[str, File]] = field(default_factory=dict)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    fov_deg: Counter[int] = field(default_factory=Counter)
    opened: int = 0
    statistics: dict[str, Statistics] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    more_faults: int = 0
    doubts: list[str] = field(default_factory=list)
    digests: dict[bytes, str] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)

    def fault(self, line: str) -> None:
        """One more thing is wrong."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(line)
        else:
            self.more_faults += 1

    def add(self, keys: Sequence[str], opened: Opened) -> None:
        """Adds what the next images gave, which are the first of `keys`."""
        for key, digest in zip(keys, opened.digests, strict=False):
            if digest:
                self.digests.setdefault(digest, key)
        self.opened += len(opened.digests)
        self.sizes += opened.sizes
        self.fov_deg += opened.fov_deg
        for line in opened.faults:
            self.fault(line)
        for name, statistics in opened.statistics.items():
            known = self.statistics.get(name)
            self.statistics[name] = statistics if known is None else known + statistics

    def labelled(self, key: str) -> Labelled:
        """The files of one image."""
        return Labelled(self.images[key], {name: files[key] for name, files in self.labels.items() if key in files})


def check_split(dataset: Dataset, split: str, sample: int = 0) -> SplitFindings:
    """Lists the files of a split and opens images with their labels: all, or `sample` of them at equal distances."""
    findings = _listed(dataset, split)
    if dataset.groups:
        findings.groups = {dataset.groups.of(split, key) for key in findings.images}
    empty = _open(findings, dataset, sample)
    for name, statistics in findings.statistics.items():
        where = f"{dataset.root / split / name}: "
        for line in statistics.faults():
            findings.fault(where + line)
        findings.doubts += [where + doubt for doubt in statistics.doubts()]
        if empty[name] and statistics.valid:
            findings.doubts.append(f"{where}{len(empty[name])} files without any valid pixel{_names(empty[name])}")
    return findings


def _open(findings: SplitFindings, dataset: Dataset, sample: int) -> dict[str, list[File]]:
    """Opens images with their labels and adds what they hold; gives, by task, the labels without any valid pixel."""
    keys = list(findings.images)
    chosen = spread(keys, sample) if sample else keys
    empty: dict[str, list[File]] = {name: [] for name in dataset.tasks}
    files = (findings.labelled(key) for key in chosen)
    with progress(f"{dataset.root / findings.split}", len(chosen)) as report:
        for opened in open_all(dataset.tasks, files, len(chosen)):
            findings.add(chosen[findings.opened :], opened)
            for name, paths in opened.empty.items():
                empty[name] += paths
            report(findings.opened, "")
    return empty


def _listed(dataset: Dataset, split: str) -> SplitFindings:
    """The files, before any is opened."""
    if dataset.shards:
        return _packed(dataset, split)
    folder = dataset.root / split
    findings = SplitFindings(split, Files(folder / "image"))
    findings.images, others = images, _ = _by_id(dataset.root, folder / "image", EXTENSIONS, findings)
    if not findings.images:
        findings.fault(f"{folder / 'image'}: no images in it; put ID.jpg or ID.png files there")
    if others:
        findings.doubts.append(f"{folder / 'image'}: {len(others)} files are no images and passed over{_names(others)}")
    for name, task in dataset.tasks.items():
        files, others = _by_id(dataset.root, folder / name, task.extensions, findings)
        findings.labels[name] = files.within(images)
        if len(files) > len(findings.labels[name]):
            orphans = [path for key, path in files.items() if key not in findings.images]
            findings.fault(
                f"{folder / name}: {len(orphans)} labels without an image{_names(orphans)}; name them like their"
                " images, or remove them"
            )
        if others:
            findings.fault(
                f"{folder / name}: {len(others)} files are passed over{_names(others)}; '{name}' labels end in"
                f" {' or '.join(task.extensions)}: convert or remove them"
            )
    for other in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if other.name != "image" and other.name not in dataset.tasks:
            findings.doubts.append(f"{other}: {CONFIG} declares no task '{other.name}', so nothing in it is used")
    return findings


def _packed(dataset: Dataset, split: str) -> SplitFindings:
    """The members of shards; a shard that cannot be read is a fault."""
    findings = SplitFindings(split, {})
    dataset = dataset.complaining(findings.fault)
    findings.images = dataset.files(split, IMAGE)
    for name in dataset.tasks:
        findings.labels[name] = dataset.files(split, name)
    if not findings.images:
        findings.fault(f"{dataset.root}: no images in the shards of {split}; pack the data set again")
    return findings


def _by_id(root: Path, folder: Path, extensions: Sequence[str], findings: SplitFindings) -> tuple[Files, list[Path]]:
    """The files with one of the extensions by id, and the others."""
    found = Files(folder)
    others, outside = [], []
    if folder.exists() and not folder.is_dir():
        findings.fault(f"{folder}: a file, but the labels or images should lie in a folder of that name; remove it")
    _check_folders(folder, extensions, findings)
    home = root.resolve()
    folded: dict[str, str] = {}
    names: list[tuple[str, str]] = []
    for key, path in files_below(folder, findings.fault):
        if path.suffix.lower() not in extensions:
            others.append(path)
            continue
        names.append((key, path.suffix))
        if path.is_symlink() and not path.resolve().is_relative_to(home):
            outside.append(path)
    for key, extension in sorted(names):
        if key in found:
            findings.fault(
                f"{folder / (key + extension)}: a second file with the id '{key}' beside {found[key].name}; keep one"
            )
            continue
        found.add(key, extension)
        if (known := folded.setdefault(key.casefold(), key)) != key:
            findings.fault(
                f"{folder / (key + extension)}: its name differs from {found[known].name} by case alone, which other"
                " file systems cannot hold; rename one"
            )
    if outside:
        findings.doubts.append(
            f"{folder}: {len(outside)} files are links out of {root}{_names(outside)}; a copy of it would lack them"
        )
    return found, others


def _check_folders(folder: Path, extensions: Sequence[str], findings: SplitFindings) -> None:
    """Folders that are named like files."""
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(parent, name)
            if path.suffix.lower() in extensions and not path.is_symlink():
                findings.fault(f"{path}: a folder that is named like a file; put the file in its place, or rename it")


def _names(paths: Sequence[File]) -> str:
    """The first few, for the middle of a line."""
    more = ", …" if len(paths) > _NAMED else ""
    return f" ({', '.join(path.name for path in paths[:_NAMED])}{more})"
