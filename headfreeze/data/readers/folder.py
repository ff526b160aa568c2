"""The folder format itself (docs/data.md), or packed shards of it: to give it other splits or classes, to (un)pack it.

    ROOT/dataset.yaml, ROOT/{train,val,test}/image/ID.jpg, ROOT/{train,val,test}/TASK/ID.png
    ROOT/dataset.yaml, ROOT/train-000000.tar: ID.image.jpg, ID.TASK.png, …

A frame's group is what dataset.yaml says of groups; where it says nothing, the folder that its id lies in, or the frame
itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from torch import Tensor

from headfreeze.data.folder import SPLITS, Dataset, open_dataset
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.safely import bounded, inside
from headfreeze.data.shards import IMAGE, Member
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError
from headfreeze.stored import File
from headfreeze.tasks.base import Task


@dataclass(frozen=True)
class Folder(Reader):
    """Reads the folder format, packed or not."""

    name = "folder"

    @cached_property
    def dataset(self) -> Dataset:
        """What dataset.yaml says."""
        return open_dataset(self.root)

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Those that dataset.yaml declares."""
        return {name: task.options() for name, task in self.dataset.tasks.items()}

    @property
    def grouped(self) -> bool:
        """Whether dataset.yaml says so; what lies in one folder need not belong together."""
        return self.dataset.groups is not None

    def frames(self) -> Sequence[Frame]:
        """Every image of every split; no image and no label is opened."""
        faults: list[str] = []
        dataset = self.dataset.complaining(faults.append)
        frames = []
        for split in SPLITS:
            if not dataset.has_split(split):
                continue
            images = dataset.files(split, IMAGE)
            if not images:
                raise InputError(f"{self.root / split / IMAGE}: no images in it; put ID.jpg or ID.png files there")
            labels = {name: dataset.files(split, name) for name in dataset.tasks}
            for key, image in images.items():
                own = {name: files[key] for name, files in labels.items() if key in files}
                frames.append(Frame(key, self._group(split, key), split, (image, own)))
        return frames + [Frame(line, line, fault=line) for line in faults]

    def read(self, frame: Frame) -> LabelledImage:
        """The image's file as it is, and its labels."""
        image, files = frame.place
        tasks = self.dataset.tasks
        labels = {name: as_array(tasks[name].read(self._inside(file)), tasks[name]) for name, file in files.items()}
        return LabelledImage(frame.split or SPLITS[0], frame.id, self._inside(image), labels)

    def _group(self, split: str, key: str) -> str:
        if self.dataset.groups:
            return self.dataset.groups.of(split, key)
        folder = PurePosixPath(key).parent.as_posix()
        return key if folder == "." else folder

    def _inside(self, file: File) -> File:
        if isinstance(file, Member):
            bounded(file.shard, [file.length], 1)
        where = file.shard if isinstance(file, Member) else self.root / file.relative_to(self.root)
        inside(self.root, where)
        return file


@dataclass(frozen=True)
class Packed(Folder):
    """Reads packed shards alone."""

    name = "packed"

    def frames(self) -> Sequence[Frame]:
        """Every image of every shard."""
        if not self.dataset.shards:
            raise InputError(f"{self.root}: no shards in it, such as train-000000.tar; is it the right folder?")
        return super().frames()


def as_array(label: Tensor, task: Task) -> np.ndarray:
    """A label (k, h, w) as an array (h, w) or (h, w, k); points as they are."""
    values = label.as_subclass(Tensor).numpy()
    if not task.dense:
        return values
    return values[0] if len(values) == 1 else values.transpose(1, 2, 0)
