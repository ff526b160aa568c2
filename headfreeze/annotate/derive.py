"""Cheaper anchors from one that is there: fewer classes, labels of a share of the images, labels that are wrong.

What they cost the main task tells how good an anchor has to be: `headfreeze study` asks for all of them at once.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64

from headfreeze.annotate.declare import declare
from headfreeze.annotate.images import labelled_images
from headfreeze.annotate.labelling import aside_of, check_writable, publish
from headfreeze.annotate.noise import random_of, with_wrong_blobs
from headfreeze.data.convert.classes import Classes, read_classes
from headfreeze.data.folder import Sample, files_below, open_dataset
from headfreeze.errors import InputError
from headfreeze.files import folder_aside, write_bytes
from headfreeze.progress import progress
from headfreeze.settings import LARGEST_SEED
from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task
from headfreeze.tasks.segmentation import SegmentationTask

_REST = "rest"


@dataclass(frozen=True)
class Derivation:
    """How labels are made of others.

    Attributes:
        old: the task that they are made of.
        new: the task that they become.
        classes: which old classes each new one is made of; None: the same classes.
        share: of the images that get a label.
        noise: share of a label's valid pixels whose class is wrong.
        seed: of both.
    """

    old: Task
    new: Task
    classes: Classes | None = None
    share: float = 1.0
    noise: float = 0.0
    seed: int = 0

    def labelled(self, samples: Iterable[Sample]) -> list[Sample]:
        """The share of the samples that get a label, at least one: a tenth is part of a half."""
        order = sorted(samples, key=lambda sample: random_of(self.seed, sample.id).random())
        return order[: max(round(self.share * len(order)), 1)]

    def write(self, sample: Sample, folder: Path) -> None:
        """Writes the label of an image, FOLDER/ID.EXT; the file as it is where nothing changes."""
        path = sample.labels[self.old.name]
        if self.classes is None and not self.noise:
            write_bytes(folder / f"{sample.id}{path.suffix.lower()}", path.read_bytes())
            return
        assert isinstance(self.old, SegmentationTask)
        assert isinstance(self.new, SegmentationTask)
        label = self.old.read(path)[0].numpy().astype(np.int64)
        if self.classes is not None:
            label = self.classes.applied(label, self.classes.table(self.old.classes)).astype(np.int64)
        if self.noise:
            label = with_wrong_blobs(label, self.new.channels, self.new.invalid_index, self.noise, self.seed, sample.id)
        self.new.write(torch.from_numpy(label)[None], folder / f"{sample.id}.png")


def derive(
    root: Path,
    *,
    anchor: str,
    name: str,
    source: Path | None = None,
    classes: str = "",
    merge: int = 0,
    share: float = 1.0,
    noise: float = 0.0,
    seed: int = 0,
    overwrite: bool = False,
) -> int:
    """Writes ROOT/{split}/NAME/ID.EXT from ROOT/{split}/ANCHOR, and declares the task in ROOT/dataset.yaml.

    All labels appear together at the end; an interrupted call leaves nothing behind.

    Args:
        root: a dataset with labels of `anchor`; where it has a pair's target, `share` and `noise` are about that.
        anchor: the task that is there.
        name: of the new task.
        source: the pair's source. It gets the same task with all of its labels, none of them wrong.
        classes: fewer classes: a YAML file as of `data convert`, or nyu13.
        merge: fewer classes without a file: as many, which are those with most training pixels of `source` (of `root`
            where there is none), and the rest as one. 0: no merging.
        share: of the images of every split that get a label, 0 … 1, at least one image. Which ones depends on seed and
            names: those of a tenth are among those of a half.
        noise: share 0 … 1 of each label's valid pixels that carry a wrong class, see `with_wrong_blobs`.
        seed: of share and noise.
        overwrite: replace labels that are there.

    Returns:
        How many labels were written.

    Raises:
        InputError: a setting out of range, no such labels, damaged ones, labels of the new name that are there already,
            or a dataset.yaml that declares another task of that name.
    """
    roots = [root] if source is None else [root, source]
    _check(anchor, name, classes, merge, share, noise, seed)
    datasets = [open_dataset(each) for each in roots]
    old = datasets[-1].task(anchor)
    if any(dataset.task(anchor) != old for dataset in datasets):
        raise InputError(f"{root}: declares '{anchor}' otherwise than {source} does; make dataset.yaml of both agree")
    if (classes or merge or noise) and not isinstance(old, SegmentationTask):
        raise InputError(f"'{anchor}' is {old.kind}, which has no classes; of it, only a share can be taken")
    samples = [labelled_images(dataset, anchor) for dataset in datasets]
    fewer = _fewer(old, classes, merge, samples[-1])
    kept = dict(old.options()) | ({"classes": list(fewer.classes)} if fewer else {})
    new = make_task(name, kept | {"kind": old.kind})
    for each, splits in zip(roots, samples, strict=True):
        check_writable(each, new, splits, overwrite)
    jobs = [(root, samples[0], Derivation(old, new, fewer, share, noise, seed))]
    jobs += [(source, samples[1], Derivation(old, new, fewer))] if source else []
    return _write(jobs)


def _write(jobs: list[tuple[Path, dict[str, list[Sample]], Derivation]]) -> int:
    """Writes all labels aside, then puts them and their task in place; gives their number."""
    chosen = [
        (root / split / how.new.name, how, how.labelled(samples))
        for root, splits, how in jobs
        for split, samples in splits.items()
    ]
    total, done = sum(len(samples) for *_, samples in chosen), 0
    with progress("deriving labels", total) as report, ExitStack() as finish:
        asides = []
        for folder, how, samples in chosen:
            asides.append(finish.enter_context(folder_aside(aside_of(folder))))
            for sample in samples:
                how.write(sample, asides[-1])
                done += 1
                report(done, "")
        for aside, (folder, how, _) in zip(asides, chosen, strict=True):
            old = {key for key, _ in files_below(folder)}  # of fewer images there must be none left over
            publish(aside, folder, old, how.new.extensions)
        for root, _, how in jobs:
            declare(root, how.new)
    return done


def _fewer(old: Task, file: str, merge: int, splits: dict[str, list[Sample]]) -> Classes | None:
    if not file and not merge:
        return None
    assert isinstance(old, SegmentationTask)
    if file:
        fewer = read_classes(file)
        if fewer.task != old.name:
            raise InputError(f"{file}: is for the task '{fewer.task}', not for '{old.name}'; mend its task")
        fewer.table(old.classes)  # its faults show before anything is written
        return fewer
    if merge >= old.channels:
        raise InputError(f"merge is {merge}, but '{old.name}' has {old.channels} classes; give 2 … {old.channels - 1}")
    counts = _pixels(old, splits.get("train") or next(iter(splits.values())))
    kept = {old.classes[i] for i in np.argsort(-counts, kind="stable")[: merge - 1]}
    names = [name for name in old.classes if name in kept]  # in their old order
    rest = next(word for word in (_REST, *(f"{_REST}-{i}" for i in range(2, 99))) if word not in kept)
    return Classes(old.name, (*names, rest), {name: [name] for name in names} | {rest: ["*"]})


def _pixels(task: SegmentationTask, samples: list[Sample]) -> Int64[np.ndarray, " classes"]:
    """How many pixels of the samples each class has."""
    total = np.zeros(task.channels, np.int64)
    for sample in samples:
        label = task.read(sample.labels[task.name]).numpy().ravel().astype(np.int64)
        total += np.bincount(label[label < task.channels], minlength=task.channels)
    return total


def _check(anchor: str, name: str, classes: str, merge: int, share: float, noise: float, seed: int) -> None:
    if name == anchor:
        raise InputError(f"name is '{name}', the task that it is made of; choose another name")
    if classes and merge:
        raise InputError(f"classes is {classes} and merge is {merge}; give one of them")
    if merge and merge < 2:
        raise InputError(f"merge is {merge}; give how many classes there shall be, 2 or more")
    if not 0 < share <= 1:
        raise InputError(f"share is {share}; give the share of images that get a label, above 0 and up to 1")
    if not 0 <= noise <= 1:
        raise InputError(f"noise is {noise}; give the share of pixels whose class is wrong, 0 … 1")
    if not 0 <= seed <= LARGEST_SEED:
        raise InputError(f"seed is {seed}; seeds are 0 … {LARGEST_SEED}")
