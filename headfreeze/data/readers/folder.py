"""The folder format itself (docs/data.md), to give it other splits or classes, or to pack it.

    ROOT/dataset.yaml, ROOT/{train,val,test}/image/ID.jpg, ROOT/{train,val,test}/TASK/ID.png

A frame's group is the folder that its id lies in, or the frame itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from torch import Tensor

from headfreeze.data.folder import SPLITS, Dataset, files_by_id, open_dataset
from headfreeze.data.images import EXTENSIONS
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.safely import inside
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError
from headfreeze.tasks.base import Task


@dataclass(frozen=True)
class Described(Reader):
    """A data set of ours, which dataset.yaml describes, wherever its images lie."""

    @cached_property
    def dataset(self) -> Dataset:
        """What dataset.yaml says."""
        return open_dataset(self.root)

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Those that dataset.yaml declares."""
        return {name: task.options() for name, task in self.dataset.tasks.items()}

    @staticmethod
    def group(key: str) -> str:
        """Of a frame: the folder that its id lies in, or the frame itself."""
        folder = PurePosixPath(key).parent.as_posix()
        return key if folder == "." else folder


@dataclass(frozen=True)
class Folder(Described):
    """Reads the folder format."""

    name = "folder"

    def frames(self) -> Sequence[Frame]:
        """Every image of every split; no file is opened."""
        frames = []
        for split in SPLITS:
            if not self.dataset.has_split(split):
                continue
            images = files_by_id(self.root / split / "image", EXTENSIONS)
            if not images:
                raise InputError(f"{self.root / split / 'image'}: no images in it; put ID.jpg or ID.png files there")
            labels = {
                name: files_by_id(self.root / split / name, task.extensions)
                for name, task in self.dataset.tasks.items()
            }
            for key, image in images.items():
                own = {name: files[key] for name, files in labels.items() if key in files}
                frames.append(Frame(key, self.group(key), split, (image, own)))
        return frames

    def read(self, frame: Frame) -> LabelledImage:
        """The image's file as it is, and its labels."""
        image, files = frame.place
        labels = {
            name: as_array(self.dataset.tasks[name].read(inside(self.root, path)), self.dataset.tasks[name])
            for name, path in files.items()
        }
        return LabelledImage(frame.split or SPLITS[0], frame.id, inside(self.root, image), labels)


def as_array(label: Tensor, task: Task) -> np.ndarray:
    """A label (k, h, w) as an array (h, w) or (h, w, k); points as they are."""
    values = label.as_subclass(Tensor).numpy()
    if not task.dense:
        return values
    return values[0] if len(values) == 1 else values.transpose(1, 2, 0)
