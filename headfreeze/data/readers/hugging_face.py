"""A data set of pictures from Hugging Face, its parquet files: a column of pictures, and one of labels.

    ROOT/data/train-00000-of-00001.parquet     image: {bytes, path}; label: {bytes, path}, a list of numbers, or nothing

`huggingface-cli download --repo-type dataset NAME --local-dir ROOT`. Files are named by their split; validation and
val are val. A label column holds pictures (index PNGs for segmentation, 16-bit millimetres for depth, coded normals)
or, for keypoints, lists of x, y [, z, visibility]. Read with pyarrow; nothing of the data set's own code is run.
Every row is a group of its own.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jaxtyping import Float

from headfreeze.data.images import read_image
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.frames import parse_axes, to_ours
from headfreeze.data.readers.parquet import numbered, rows
from headfreeze.data.readers.pixels import directions, grey, metres
from headfreeze.data.readers.safely import bounded, reading
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError, unknown

KINDS = ("none", "segmentation", "depth", "normals", "keypoints")
SPLITS = {"train": "train", "val": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class HuggingFace(Reader):
    """Reads parquet files.

    Args:
        image: column of the pictures.
        label: column of the labels.
        kind: what they are: none, segmentation, depth, normals, keypoints.
        classes: names of a segmentation's classes, joined by +.
        count: of keypoints.
        frame: camera frame of normals.
        per_metre: units of depth.
    """

    image: str = "image"
    label: str = "label"
    kind: str = "none"
    classes: str = ""
    count: int = 0
    frame: str = "opengl"
    per_metre: float = 1000.0
    name = "hf"
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(unknown("kind", self.kind, KINDS))
        if self.kind == "segmentation" and not self.classes:
            raise InputError("classes is ''; name the segmentation's classes, joined by +, such as wall+floor+other")
        if self.kind == "keypoints" and self.count < 1:
            raise InputError(f"count is {self.count}; say how many keypoints there are")
        if not self.per_metre > 0:
            raise InputError(f"per_metre is {self.per_metre}; give units above 0")
        parse_axes(self.frame)

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """The label's."""
        entries: dict[str, dict[str, Any]] = {
            "segmentation": {"classes": self.classes.split("+")},
            "keypoints": {"count": self.count},
        }
        return {} if self.kind == "none" else {self.kind: entries.get(self.kind, {})}

    def frames(self) -> Sequence[Frame]:
        """Every row of every file."""
        return numbered(self.root, SPLITS, self._columns, 6)

    def read(self, frame: Frame) -> LabelledImage:
        """One row."""
        path, group, row = frame.place
        with self._lock:  # so that threads share what is decoded
            table = rows(path, group, self._columns)
        with reading(path):
            image, label = (table.column(name)[row].as_py() if name else None for name in (self.image, self._labelled))
        with TemporaryDirectory(prefix="headfreeze-") as folder:
            pixels = read_image(_file(path, row, self.image, image, Path(folder)))
            labels = {} if label is None else {self.kind: self._label(path, row, label, Path(folder))}
        return LabelledImage(frame.split or "train", frame.id, pixels, labels)

    @property
    def _labelled(self) -> str:
        return "" if self.kind == "none" else self.label

    @property
    def _columns(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.image, self._labelled)))

    def _label(self, path: Path, row: int, value: Any, folder: Path) -> np.ndarray:
        if self.kind == "keypoints":
            return self._points(path, row, value)
        file = _file(path, row, self.label, value, folder)
        if self.kind == "depth":
            return metres(file, self.per_metre)
        if self.kind == "segmentation":
            return grey(file, "uint8", "uint16")
        stored = directions(file)
        return to_ours(stored, self.frame) * (stored > -1).any(-1, keepdims=True)

    def _points(self, path: Path, row: int, value: Any) -> Float[np.ndarray, "k d"]:
        with reading(path):
            points = np.array(value, np.float32)
        if points.size % self.count or points.size // self.count not in (2, 3, 4):
            raise InputError(f"{path}: row {row} has {points.size} numbers for {self.count} keypoints of 2 … 4 each")
        return points.reshape(self.count, -1)


def _file(path: Path, row: int, column: str, value: Any, folder: Path) -> Path:
    """The bytes of a picture as a file of its own: what reads pictures reads files."""
    data = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(data, bytes):
        raise InputError(f"{path}: row {row} has no bytes of a picture in its column '{column}'")
    bounded(path, [len(data)], 1)
    file = folder / "picture.png"
    file.write_bytes(data)
    return file
