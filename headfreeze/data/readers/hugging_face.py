"""A data set of pictures from Hugging Face, in parquet or Arrow files: a column of pictures, and one of labels.

    ROOT/data/train-00000-of-00001.parquet     image: {bytes, path}; label: {bytes, path}, a list of numbers, or nothing
    ROOT/train/data-00000-of-00001.arrow       the same, as `datasets.save_to_disk` writes it

`huggingface-cli download --repo-type dataset NAME --local-dir ROOT`. Files are named by their split; validation and
val are val. A label column holds pictures (index PNGs for segmentation, 16-bit millimetres for depth, coded normals)
or, for keypoints, lists of x, y [, z, visibility]. Read with pyarrow; nothing of the data set's own code is run.
Every row is a group of its own.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from headfreeze.data.images import read_image
from headfreeze.data.readers import arrow, parquet
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.frames import parse_axes, to_ours
from headfreeze.data.readers.pixels import directions, grey, metres
from headfreeze.data.readers.safely import as_file, bounded, reading
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError, unknown

KINDS = ("none", "segmentation", "depth", "normals", "keypoints")
FACE_POINTS = 68
SPLITS = {"train": "train", "val": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class HuggingFace(Reader):
    """Reads parquet files, and what `save_to_disk` wrote.

    Args:
        image: column of the pictures.
        label: column of the labels.
        kind: what they are: none, segmentation, depth, normals, keypoints.
        classes: names of a segmentation's classes, joined by +.
        count: of keypoints.
        mirror: pairs of keypoints, counted from 0, that a mirror swaps, such as 1-2+3-4, or none; where it is not given
            68 keypoints are a face's.
        frame: camera frame of normals.
        per_metre: units of depth.
    """

    image: str = "image"
    label: str = "label"
    kind: str = "none"
    classes: str = ""
    count: int = 0
    mirror: str = ""
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
        if self.kind == "keypoints":
            self._order  # noqa: B018  # says what is wrong with it
        if not self.per_metre > 0:
            raise InputError(f"per_metre is {self.per_metre}; give units above 0")
        parse_axes(self.frame)

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """The label's."""
        if self.kind == "none":
            return {}
        entry: dict[str, Any] = {"classes": self.classes.split("+")} if self.kind == "segmentation" else {}
        return {self.kind: {"count": self.count} | self._order if self.kind == "keypoints" else entry}

    @property
    def _order(self) -> dict[str, Any]:
        """What a mirror does to keypoints."""
        if not self.mirror and self.count == FACE_POINTS:
            return {"order": "multi-pie"}
        pairs = [] if self.mirror == "none" else [pair.split("-") for pair in self.mirror.split("+")]
        if not all(len(pair) == 2 and all(end.isdecimal() and int(end) < self.count for end in pair) for pair in pairs):
            raise InputError(
                f"mirror is '{self.mirror}'; say which of {self.count} keypoints, counted from 0, a mirror swaps, such"
                " as 1-2+3-4, or none"
            )
        return {"mirror": [[int(end) for end in pair] for pair in pairs]}

    def frames(self) -> Sequence[Frame]:
        """Every row of every file."""
        of_kind = arrow if arrow.saved_to_disk(self.root) else parquet
        return of_kind.numbered(self.root, SPLITS, self._columns, 6)

    def read(self, frame: Frame) -> LabelledImage:
        """One row."""
        path, group, row = frame.place
        with self._lock:  # so that threads share what is decoded
            table = (arrow if path.suffix == arrow.SUFFIX else parquet).rows(path, group, self._columns)
        with reading(path):
            image, label = (table.column(name)[row].as_py() if name else None for name in (self.image, self._labelled))
        with _file(path, row, self.image, image) as file:
            pixels = read_image(file)
        labels = {} if label is None else {self.kind: self._label(path, row, label)}
        return LabelledImage(frame.split or "train", frame.id, pixels, labels)

    @property
    def _labelled(self) -> str:
        return "" if self.kind == "none" else self.label

    @property
    def _columns(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.image, self._labelled)))

    def _label(self, path: Path, row: int, value: Any) -> np.ndarray:
        if self.kind == "keypoints":
            return self._points(path, row, value)
        with _file(path, row, self.label, value) as file:
            if self.kind == "depth":
                return metres(file, self.per_metre)
            if self.kind == "segmentation":
                return self._classes(file)
            stored = directions(file)
        return to_ours(stored, self.frame) * (stored > -1).any(-1, keepdims=True)

    def _classes(self, file: Path) -> Integer[np.ndarray, "h w"]:
        values, count = grey(file, "uint8", "uint16"), self.classes.count("+") + 1
        invalid = 255 if count <= 255 else 65535
        if (wrong := (values >= count) & (values != invalid)).any():
            raise InputError(f"{file}: has class {values[wrong][0]}, but classes names {count}; {invalid} is invalid")
        return values

    def _points(self, path: Path, row: int, value: Any) -> Float[np.ndarray, "k d"]:
        with reading(path):
            points = np.array(value, np.float32)
        if points.size % self.count or points.size // self.count not in (2, 3, 4):
            raise InputError(f"{path}: row {row} has {points.size} numbers for {self.count} keypoints of 2 … 4 each")
        return points.reshape(self.count, -1)


@contextmanager
def _file(path: Path, row: int, column: str, value: Any) -> Iterator[Path]:
    """The bytes of a picture as a file of its own."""
    data = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(data, bytes):
        raise InputError(f"{path}: row {row} has no bytes of a picture in its column '{column}'")
    bounded(path, [len(data)], 1)
    with as_file(data, ".png", f"{path}: row {row}, column '{column}'") as file:
        yield file
