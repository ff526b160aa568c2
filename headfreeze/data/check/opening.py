"""Opens images with their labels, decodes them to the last pixel, and adds up what they hold; on all cores.

Sums, not labels, come back: memory does not grow with the number of images but by a digest and a name each.
Threads decode large images side by side, but small ones cost mostly Python, which runs one thread at a time: where
there are many, processes take over, whose start (some seconds: they load torch) would not pay for few.
"""

import hashlib
import itertools
import multiprocessing
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from torch import Tensor

from headfreeze.data.check.conventions import NormalsStatistics
from headfreeze.data.check.statistics import DepthStatistics, KeypointsStatistics, SegmentationStatistics, Statistics
from headfreeze.data.exif import fov_deg
from headfreeze.data.images import read_image
from headfreeze.errors import InputError
from headfreeze.side_by_side import cores, in_order, one_thread_each
from headfreeze.stored import File
from headfreeze.tasks import own_modules
from headfreeze.tasks.base import Task
from headfreeze.tasks.depth import DepthTask
from headfreeze.tasks.normals import NormalsTask

STATISTICS: dict[str, type[Statistics]] = {
    "normals": NormalsStatistics,
    "depth": DepthStatistics,
    "segmentation": SegmentationStatistics,
    "keypoints": KeypointsStatistics,
}
PROCESSES_FROM = 1200
"""Images. Two idle cores: 700 of 48 px took 5.0 s in threads, 8.8 s in processes; 1500 took 10.8 s and 8.4 s."""

_CHUNK = 32  # images; large enough that handing over sums costs nothing, small enough for a bar that moves


@dataclass(frozen=True)
class Labelled:
    """The files of one image."""

    image: File
    labels: dict[str, File]


@dataclass
class Opened:
    """What some images and their labels gave.

    Attributes:
        digests: of each image's file, in order; empty where it could not be read.
        sizes: how many of the images have which size (height, width).
        fov_deg: how many have which angle of view across the longer side, as their EXIF tells.
        statistics: of the labels of each task that were read.
        faults: what is wrong, a line each.
        empty: label files without any valid pixel, by task.
    """

    digests: list[bytes] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    fov_deg: Counter[int] = field(default_factory=Counter)
    statistics: dict[str, Statistics] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    empty: dict[str, list[File]] = field(default_factory=dict)

    def add(self, name: str, statistics: Statistics) -> None:
        """Adds the statistics of labels of the task `name`."""
        known = self.statistics.get(name)
        self.statistics[name] = statistics if known is None else known + statistics


def open_all(tasks: Mapping[str, Task], files: Iterable[Labelled], count: int) -> Iterator[Opened]:
    """What the images gave, some at a time and in order.

    Args:
        tasks: by name.
        files: of each image.
        count: how many images there are.
    """
    remaining = iter(files)
    chunks = iter(lambda: list(itertools.islice(remaining, _CHUNK)), [])
    with _pool(count) as (pool, workers):
        try:
            yield from in_order(pool, workers, partial(open_some, tasks), chunks)
        except BrokenProcessPool as error:
            raise InputError(
                "a process that reads labels died, most likely for lack of memory; check with --sample 1000, or free"
                " memory"
            ) from error


@contextmanager
def _pool(count: int) -> Iterator[tuple[Executor, int]]:
    workers = cores()
    # Kinds of the user's own are known to this process alone.
    if count < PROCESSES_FROM or workers == 1 or own_modules():
        with ThreadPoolExecutor(workers) as threads:
            yield threads, workers
        return
    # A fork of a process with threads can lock up; and one OpenMP thread each is what cores are there for.
    context = multiprocessing.get_context("spawn")
    with one_thread_each(), ProcessPoolExecutor(workers, context) as processes:
        yield processes, workers


def open_some(tasks: Mapping[str, Task], files: Sequence[Labelled]) -> Opened:
    """What these images gave."""
    opened = Opened()
    for each in files:
        _open(opened, tasks, each)
    return opened


def _open(opened: Opened, tasks: Mapping[str, Task], files: Labelled) -> None:
    size = None
    digest = b""
    try:
        size = read_image(files.image).shape[:2]
        digest = hashlib.blake2b(files.image.read_bytes(), digest_size=16).digest()
        opened.sizes[size] += 1
        if (angle := fov_deg(files.image)) is not None:
            opened.fov_deg[round(angle)] += 1
    except InputError as error:
        opened.faults.append(str(error))
    opened.digests.append(digest)
    labels: dict[str, Tensor] = {}
    for name, path in files.labels.items():
        task = tasks[name]
        try:
            values = task.read(path)
        except InputError as error:
            opened.faults.append(str(error))
            continue
        if not task.dense:
            if size:  # else where the points lie says nothing
                labels[name] = task.wrap(values, size)
            continue
        labels[name] = values
        height, width = values.shape[-2:]
        if size not in (None, (height, width)):
            image = "x".join(map(str, size))
            opened.faults.append(
                f"{path}: {height}x{width} pixels, but its image {files.image.name} has {image}; they must agree"
            )
    for name, statistics in _measured(tasks, labels):
        opened.add(name, statistics)
        if not statistics.valid:
            opened.empty.setdefault(name, []).append(files.labels[name])


def _measured(tasks: Mapping[str, Task], labels: Mapping[str, Tensor]) -> Iterator[tuple[str, Statistics]]:
    depths = [label for name, label in labels.items() if tasks[name].kind == DepthTask.kind]
    for name, label in labels.items():
        task = tasks[name]
        if task.kind == NormalsTask.kind and depths and depths[0].shape[-2:] == label.shape[-2:]:
            yield name, NormalsStatistics.of(label, task, depths[0])
        elif task.kind in STATISTICS:
            yield name, STATISTICS[task.kind].of(label, task)
