"""From a reader to the folder format: in parallel, resumable, all or nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from headfreeze.data.convert.classes import Classes, read_classes
from headfreeze.data.convert.manifest import write_manifest
from headfreeze.data.convert.packed import pack
from headfreeze.data.convert.splits import assigned, limited
from headfreeze.data.convert.workplace import workplace
from headfreeze.data.folder import CONFIG, SPLITS, files_below, unnameable, unwritable
from headfreeze.data.groups import GROUPS_FILE, groups_csv
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.registry import open_reader
from headfreeze.data.write import write_image
from headfreeze.errors import InputError, unknown
from headfreeze.files import write_text
from headfreeze.progress import progress
from headfreeze.side_by_side import cores, in_order
from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task

SKIPPED = "skipped.txt"


@dataclass(frozen=True)
class Conversion:
    """What came of it: images of each split, and a line for each frame that was left out.

    `unsplit`: how many are in train because neither the data set nor the choice says where they belong.
    """

    counts: Mapping[str, int]
    skipped: Sequence[str]
    unsplit: int = 0


@dataclass(frozen=True)
class Choice:
    """What of a data set is wanted, and how.

    Args:
        splits: shares of train, val and test, by group; none: the data set's own, all in train where it has none.
        seed: of those splits.
        limit: at most so many frames, from all groups in turn; 0: all.
        tasks: only labels of these; none: all.
        classes: other classes of a segmentation task: a YAML file, or nyu13.
    """

    splits: Sequence[float] = ()
    seed: int = 0
    limit: int = 0
    tasks: Sequence[str] = ()
    classes: str = ""

    def card(self) -> dict[str, Any]:
        """All of it, with the classes themselves in place of their file."""
        classes = self.remap and {
            "task": self.remap.task,
            "classes": list(self.remap.classes),
            "map": self.remap.made_of,
        }
        return {"splits": list(self.splits), "seed": self.seed, "limit": self.limit, "tasks": list(self.tasks)} | {
            "classes": classes
        }

    @cached_property
    def remap(self) -> Classes | None:
        """The classes to change to."""
        return read_classes(self.classes) if self.classes else None


def convert(
    format: str,
    source: Path | str,
    out: Path | str,
    *,
    settings: Mapping[str, str] | None = None,
    choice: Choice | None = None,
    workers: int = 0,
    skip_bad: bool = False,
    packed: bool = False,
) -> Conversion:
    """Converts a published data set to the folder format, or to packed shards of it.

    OUT appears when all is converted, or not at all. A call that was interrupted is taken up again where it stopped by
    the same call; what is done lies beside OUT till then, in a hidden folder.

    Args:
        format: the reader's name, see `headfreeze.data.readers`.
        source: what was downloaded.
        out: must not exist yet.
        settings: the reader's own, as text.
        choice: what is wanted.
        workers: threads that decode and encode; 0: one for each core.
        skip_bad: leave out frames that cannot be read, and list them in OUT/skipped.txt; else the first is an error.
        packed: tar shards instead of files.

    Raises:
        InputError: a setting or the data is wrong; without `skip_bad` also a single frame.
    """
    source, out, choice = Path(source), Path(out), choice or Choice()
    if workers < 0:
        raise InputError(f"workers is {workers}; give the number of threads, or 0 for one a core")
    if choice.limit < 0:
        raise InputError(f"limit is {choice.limit}; give the most images, or 0 for all")
    if out.exists() or out.is_symlink():
        raise InputError(f"{out}: exists already; name a folder that does not, or remove it first")
    job = _checked_job(open_reader(format, source, settings), choice)
    if packed and not job.entries:
        raise InputError(f"{source}: {format} has no labels; packed shards are for data sets that have")
    frames, faults = job.frames()
    if faults and not skip_bad:
        raise InputError(f"{faults[0]} (--skip-bad goes on without it)")
    unsplit = sum(frame.split is None for frame in frames) if job.entries else 0  # photographs have no split
    frames = [replace(frame, split=frame.split or SPLITS[0]) for frame in frames]
    given = {"format": format, "source": str(source.resolve()), "settings": dict(settings or {}), "packed": packed}
    with workplace(out, given | choice.card()) as folder:
        counts, skipped = _converted(job, frames, folder, workers, skip_bad)
        skipped = [*faults, *skipped]
        if not counts:
            raise InputError(f"{source}: no frame of {len(frames)} could be read; the first: {skipped[0]}")
        _describe(folder, job, frames, skipped)
        if packed:
            pack(folder)
        write_manifest(folder)
    return Conversion(counts, skipped, unsplit)


@dataclass(frozen=True)
class _Job:
    """What of which data set is wanted: the entries of dataset.yaml, the tasks of these, a look-up table of classes."""

    reader: Reader
    choice: Choice
    entries: Mapping[str, Mapping[str, Any]]
    tasks: Mapping[str, Task]
    table: np.ndarray | None

    def frames(self) -> tuple[list[Frame], list[str]]:
        """The wanted frames, with splits as far as known, and a line for each of those of which nothing can be read.

        Ids differ by more than case, as some file systems need.
        """
        listed = list(self.reader.frames())
        faults = [frame.fault for frame in listed if frame.fault]
        frames = [frame for frame in listed if not frame.fault]
        if not frames and faults:
            raise InputError(faults[0])
        if not frames:
            raise InputError(f"{self.reader.root}: no frames of {self.reader.name} in it; is it the right folder?")
        if self.choice.splits:
            frames = assigned(frames, self.choice.splits, self.choice.seed)
        known: dict[tuple[str, str], str] = {}
        for frame in frames:
            key = frame.split or SPLITS[0], frame.id.casefold()
            if key in known:
                same = "twice" if known[key] == frame.id else f"and '{known[key]}', which differ by case alone"
                raise InputError(f"{self.reader.root}: has frame '{frame.id}' {same}; rename one of its files")
            known[key] = frame.id
        return limited(frames, self.choice.limit), faults

    def write(self, frame: Frame, folder: Path) -> None:
        """Reads and writes one frame."""
        if unnameable(frame.id):
            raise InputError(unwritable(self.reader.root / frame.id))
        found = replace(self.reader.read(frame), split=str(frame.split), id=frame.id)
        labels = {name: label for name, label in found.labels.items() if name in self.tasks}
        if (remap := self.choice.remap) and remap.task in labels:
            assert self.table is not None
            labels[remap.task] = remap.applied(labels[remap.task], self.table)
        try:
            write_image(folder, replace(found, labels=labels), self.tasks)
        except InputError as error:
            raise InputError(f"{self.reader.root}: {error}") from error


def _checked_job(reader: Reader, choice: Choice) -> _Job:
    """The job, if what is wanted is there and what the data set declares can be."""
    entries = {name: dict(options) for name, options in reader.tasks().items()}
    for name in choice.tasks:
        if name not in entries:
            raise InputError(unknown(f"task of {reader.name}", name, entries))
    entries = {name: entry for name, entry in entries.items() if not choice.tasks or name in choice.tasks}
    table = None
    if remap := choice.remap:
        if "classes" not in entries.get(remap.task, {}):
            named = [name for name, entry in entries.items() if "classes" in entry]
            raise InputError(f"classes: {unknown('task with classes', remap.task, named)}")
        table = remap.table(entries[remap.task]["classes"])
        entries[remap.task] |= {"classes": list(remap.classes)}
    try:
        tasks = {name: make_task(name, dict(entry)) for name, entry in entries.items()}
    except InputError as error:  # two classes of one name
        raise InputError(f"{reader.root}: {error}") from error
    return _Job(reader, choice, entries, tasks, table)


def _written(folder: Path) -> dict[str, set[str]]:
    """The ids of each split's images that lie there."""
    return {split: {key for key, _ in files_below(folder / split / "image")} for split in SPLITS}


def _describe(folder: Path, job: _Job, frames: Sequence[Frame], skipped: Sequence[str]) -> None:
    """Writes dataset.yaml and, where frames were left out, a list of them."""
    if job.entries:  # photographs have none; annotators declare what they write
        config = {"tasks": dict(job.entries)} | (_write_groups(frames, folder) if job.reader.grouped else {})
        write_text(folder / CONFIG, yaml.safe_dump(config, sort_keys=False))
    (folder / SKIPPED).unlink(missing_ok=True)  # an interrupted call's, whose files may have been mended since
    if skipped:
        write_text(folder / SKIPPED, "".join(f"{line}\n" for line in skipped))


def _write_groups(frames: Sequence[Frame], folder: Path) -> dict[str, str]:
    """Writes which images belong together, and returns dataset.yaml's entry; nothing where each is its own group."""
    there = _written(folder)
    found = [(str(f.split), f.id, f.group) for f in frames if f.id in there[str(f.split)]]
    (folder / GROUPS_FILE).unlink(missing_ok=True)  # an interrupted call's
    if len({group for _, _, group in found}) == len(found):
        return {}
    write_text(folder / GROUPS_FILE, groups_csv(found))
    return {"groups": GROUPS_FILE}


def _converted(
    job: _Job, frames: Sequence[Frame], folder: Path, workers: int, skip_bad: bool
) -> tuple[dict[str, int], list[str]]:
    """Images of each split, and lines about those left out. Frames whose image lies there are done."""
    done = _written(folder)
    left = [frame for frame in frames if frame.id not in done[str(frame.split)]]
    counts = Counter({split: len(ids) for split, ids in done.items()})
    skipped = []

    def attempt(frame: Frame) -> str:
        try:
            job.write(frame, folder)
        except InputError as error:
            if not skip_bad:
                raise InputError(f"{error} (--skip-bad goes on without such frames)") from error
            return str(error)
        return ""

    workers = workers or cores()
    begun = len(frames) - len(left)
    # Threads: decoders and encoders let go of the interpreter.
    with progress("converting", len(frames), begun) as report, ThreadPoolExecutor(workers) as pool:
        faults = in_order(pool, workers, attempt, left)
        for number, (frame, fault) in enumerate(zip(left, faults, strict=True), begun + 1):
            if fault:
                skipped.append(fault)
            else:
                counts[str(frame.split)] += 1
            report(number, f"{len(skipped)} left out" if skipped else "")
    return {split: count for split, count in counts.items() if count}, skipped
