"""A split's files: which there are, and whether each can be read and holds what its task says."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from headfreeze.data.check.conventions import NormalsStatistics
from headfreeze.data.check.statistics import DepthStatistics, KeypointsStatistics, SegmentationStatistics, Statistics
from headfreeze.data.folder import CONFIG, Dataset, files_below
from headfreeze.data.images import EXTENSIONS, read_image
from headfreeze.errors import InputError
from headfreeze.pictures import spread
from headfreeze.progress import progress
from headfreeze.tasks.base import Task
from headfreeze.tasks.depth import DepthTask
from headfreeze.tasks.normals import NormalsTask

STATISTICS: dict[str, type[Statistics]] = {
    "normals": NormalsStatistics,
    "depth": DepthStatistics,
    "segmentation": SegmentationStatistics,
    "keypoints": KeypointsStatistics,
}
_NAMED = 3  # files that a line names


@dataclass
class SplitFindings:
    """What a split holds and what is wrong with it.

    Attributes:
        split: its name.
        images: by id.
        labels: by task and id; labels without an image are left out.
        sizes: how many of the opened images have which size (height, width).
        opened: how many images were opened, with all of their labels.
        statistics: of the labels of each task that were read.
        faults: what is wrong, a line each.
        doubts: what may be wrong, a line each.
        digests: the id of an image for each digest of an image file.
    """

    split: str
    images: dict[str, Path] = field(default_factory=dict)
    labels: dict[str, dict[str, Path]] = field(default_factory=dict)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    opened: int = 0
    statistics: dict[str, Statistics] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    digests: dict[bytes, str] = field(default_factory=dict)


@dataclass
class _Opened:
    """What one image and its labels gave; the size is None where the image could not be read."""

    key: str
    digest: bytes = b""
    size: tuple[int, int] | None = None
    statistics: dict[str, Statistics] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def check_split(dataset: Dataset, split: str, sample: int = 0) -> SplitFindings:
    """Lists the files of a split and opens images with their labels: all, or `sample` of them at equal distances."""
    findings = _listed(dataset, split)
    keys = list(findings.images)
    chosen = spread(keys, sample) if sample else keys
    empty: dict[str, list[Path]] = {name: [] for name in dataset.tasks}
    with progress(f"{dataset.root / split}", len(chosen)) as report:
        for number, opened in enumerate(_open_all(dataset, findings, chosen), 1):
            _add(findings, opened)
            for name, statistics in opened.statistics.items():
                if not statistics.valid:
                    empty[name].append(findings.labels[name][opened.key])
            report(number, "")
    for name, statistics in findings.statistics.items():
        where = f"{dataset.root / split / name}: "
        findings.faults += [where + fault for fault in statistics.faults()]
        findings.doubts += [where + doubt for doubt in statistics.doubts()]
        if empty[name] and statistics.valid:
            findings.doubts.append(f"{where}{len(empty[name])} files without any valid pixel{_names(empty[name])}")
    return findings


def _listed(dataset: Dataset, split: str) -> SplitFindings:
    """The files, before any is opened."""
    findings = SplitFindings(split)
    folder = dataset.root / split
    findings.images, others = _by_id(folder / "image", EXTENSIONS, findings)
    if not findings.images:
        findings.faults.append(f"{folder / 'image'}: no images in it; put ID.jpg or ID.png files there")
    if others:
        findings.doubts.append(f"{folder / 'image'}: {len(others)} files are no images and passed over{_names(others)}")
    for name, task in dataset.tasks.items():
        files, others = _by_id(folder / name, task.extensions, findings)
        findings.labels[name] = {key: path for key, path in files.items() if key in findings.images}
        if orphans := [path for key, path in files.items() if key not in findings.images]:
            findings.faults.append(
                f"{folder / name}: {len(orphans)} labels without an image{_names(orphans)}; name them like their"
                " images, or remove them"
            )
        if others:
            findings.faults.append(
                f"{folder / name}: {len(others)} files are passed over{_names(others)}; '{name}' labels end in"
                f" {' or '.join(task.extensions)}: convert or remove them"
            )
    for other in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if other.name != "image" and other.name not in dataset.tasks:
            findings.doubts.append(f"{other}: {CONFIG} declares no task '{other.name}', so nothing in it is used")
    return findings


def _by_id(folder: Path, extensions: Sequence[str], findings: SplitFindings) -> tuple[dict[str, Path], list[Path]]:
    """The files with one of the extensions by id, and the others."""
    found: dict[str, Path] = {}
    others = []
    for key, path in sorted(files_below(folder)):
        if path.suffix.lower() not in extensions:
            others.append(path)
        elif key in found:
            findings.faults.append(f"{path}: a second file with the id '{key}' beside {found[key].name}; keep one")
        else:
            found[key] = path
    return found, others


def _open_all(dataset: Dataset, findings: SplitFindings, keys: Sequence[str]) -> Iterator[_Opened]:
    """In order; decoders let go of the interpreter, so threads help."""
    with ThreadPoolExecutor() as pool:
        try:
            yield from pool.map(lambda key: _open(dataset.tasks, findings, key), keys)
        finally:
            pool.shutdown(cancel_futures=True)


def _open(tasks: Mapping[str, Task], findings: SplitFindings, key: str) -> _Opened:
    """Decodes an image and its labels to the last pixel."""
    opened = _Opened(key)
    path = findings.images[key]
    try:
        opened.size = read_image(path).shape[:2]
        opened.digest = hashlib.blake2b(path.read_bytes(), digest_size=16).digest()
    except InputError as error:
        opened.faults.append(str(error))
    labels: dict[str, Tensor] = {}
    for name, files in findings.labels.items():
        if key not in files:
            continue
        task = tasks[name]
        try:
            values = task.read(files[key])
        except InputError as error:
            opened.faults.append(str(error))
            continue
        if not task.dense:
            if opened.size:  # else where the points lie says nothing
                labels[name] = task.wrap(values, opened.size)
            continue
        labels[name] = values
        height, width = values.shape[-2:]
        if opened.size not in (None, (height, width)):
            image = "x".join(map(str, opened.size))
            opened.faults.append(
                f"{files[key]}: {height}x{width} pixels, but its image {path.name} has {image}; they must agree"
            )
    opened.statistics = _measured(tasks, labels)
    return opened


def _measured(tasks: Mapping[str, Task], labels: Mapping[str, Tensor]) -> dict[str, Statistics]:
    depths = [label for name, label in labels.items() if tasks[name].kind == DepthTask.kind]
    statistics: dict[str, Statistics] = {}
    for name, label in labels.items():
        task = tasks[name]
        if task.kind == NormalsTask.kind and depths and depths[0].shape[-2:] == label.shape[-2:]:
            statistics[name] = NormalsStatistics.of(label, task, depths[0])
        elif task.kind in STATISTICS:
            statistics[name] = STATISTICS[task.kind].of(label, task)
    return statistics


def _add(findings: SplitFindings, opened: _Opened) -> None:
    findings.opened += 1
    findings.faults += opened.faults
    if opened.size:
        findings.sizes[opened.size] += 1
        findings.digests.setdefault(opened.digest, opened.key)
    for name, statistics in opened.statistics.items():
        known = findings.statistics.get(name)
        findings.statistics[name] = statistics if known is None else known + statistics


def _names(paths: Sequence[Path]) -> str:
    """The first few, for the middle of a line."""
    more = ", …" if len(paths) > _NAMED else ""
    return f" ({', '.join(path.name for path in paths[:_NAMED])}{more})"
