"""NYUv2 as it can be downloaded today: the Hugging Face data set `tanganke/nyuv2` (288 × 384, 13 classes).

    ROOT/data/train-00000-of-00002.parquet   image (3, h, w), segmentation (h, w), depth (1, h, w), normal (3, h, w)
    ROOT/data/val-00000-of-00001.parquet

`huggingface-cli download --repo-type dataset tanganke/nyuv2 --local-dir ROOT`; 795 and 654 frames, in the form that
Liu, Johns, Davison (MTAN, CVPR 2019) made of the labelled part: images from 0 to 1, classes from 0 and −1 for none,
metres, normals from −1 to 1. What the makers call val are NYUv2's test frames, and become test here. Scenes are
not known, so every frame is a group of its own. Read with pyarrow.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.frames import parse_axes, to_ours
from headfreeze.data.readers.nyu_classes import INVALID, NYU13
from headfreeze.data.readers.parquet import numbered, rows
from headfreeze.data.readers.safely import reading
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError

SPLITS = {"train": "train", "val": "test", "test": "test", "validation": "test"}
_COLUMNS = ("image", "segmentation", "depth", "normal")


@dataclass(frozen=True)
class NYUv2HF(Reader):
    """Reads the parquet files.

    Args:
        frame: the camera frame of their normals, which no page of theirs tells; `headfreeze data check` says if another
            fits better.
    """

    frame: str = "opengl"
    name = "nyuv2-hf"
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parse_axes(self.frame)

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Normals, depth, 13 classes."""
        return {"normals": {}, "depth": {}, "segmentation": {"classes": list(NYU13)}}

    def frames(self) -> Sequence[Frame]:
        """Every row of every file."""
        return numbered(self.root, SPLITS, _COLUMNS, 4)

    def read(self, frame: Frame) -> LabelledImage:
        """One row."""
        path, group, row = frame.place
        with self._lock:  # so that threads share what is decoded
            table = rows(path, group, _COLUMNS)
        with reading(path):
            found = {name: np.asarray(table.column(name)[row].as_py(), np.float32) for name in _COLUMNS}
        image, classes, depth, normal = (found[name] for name in _COLUMNS)
        size = image.shape[1:]
        if image.ndim != 3 or len(image) != 3 or depth.shape != (1, *size) or normal.shape != image.shape:
            raise InputError(
                f"{path}: row {row} has an image of {image.shape}, depth {depth.shape}, normals {normal.shape}"
            )
        if classes.shape != size:
            raise InputError(f"{path}: row {row} has an image of {image.shape}, classes of {classes.shape}")
        inside = (classes >= 0) & (classes < len(NYU13))
        labels = {
            "normals": to_ours(normal.transpose(1, 2, 0), self.frame),
            "depth": np.where(np.isfinite(depth[0]) & (depth[0] > 0), depth[0], 0),
            "segmentation": np.where(inside, classes, INVALID).astype(np.uint8),
        }
        pixels = (np.nan_to_num(image.transpose(1, 2, 0)).clip(0, 1) * 255).round().astype(np.uint8)
        return LabelledImage(frame.split or "train", frame.id, pixels, labels)
