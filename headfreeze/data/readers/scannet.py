"""ScanNet (Dai et al., CVPR 2017), frames as its SensReader exports them.

    ROOT/scene0000_00/color/0.jpg                  1296 × 968; or ROOT/scans/scene0000_00
    ROOT/scene0000_00/depth/0.png                  640 × 480, 16 bit, millimetres
    ROOT/scene0000_00/intrinsic/intrinsic_depth.txt    4 × 4
    ROOT/scene0000_00/label-filt/0.png             classes of scannetv2-labels.combined.tsv, at the photograph's size
    ROOT/scannetv2-labels.combined.tsv             columns id and nyu40id
    ROOT/scannetv2_{train,val,test}.txt            official splits by scene

http://www.scan-net.org, after signing its terms; research only. Photographs and classes are scaled to the depth's
size. Normals are not part of it: they are fitted to the depth. The scans of one place (scene0000_00, scene0000_01)
are one group.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Integer

from headfreeze.data.exif import exif_of
from headfreeze.data.images import read_image
from headfreeze.data.normals_from_depth import check_radius, normals_from_depth
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.nyu_classes import INVALID, NYU40
from headfreeze.data.readers.pixels import grey, metres
from headfreeze.data.readers.safely import files, folders, inside, lies_at, reading, split_lists, text_of
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError

CLASSES_FILE = "scannetv2-labels.combined.tsv"
_MOST_CLASSES = 65536
_TOLERANCE = 0.02  # 1296 × 968 is not quite 4:3


@dataclass(frozen=True)
class ScanNet(Reader):
    """Reads exported frames.

    Args:
        every: take every so-manieth frame of a scan; neighbours look alike.
        smooth_px: half the window in which normals are fitted to depth, 1 … 32.
    """

    every: int = 20
    smooth_px: int = 5
    name = "scannet"

    def __post_init__(self) -> None:
        if self.every < 1:
            raise InputError(f"every is {self.every}; it is at least 1")
        check_radius("smooth_px", self.smooth_px)

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Normals, depth and, where the table of classes is there, NYU40."""
        tasks: dict[str, dict[str, Any]] = {"normals": {}, "depth": {}}
        return tasks | ({"segmentation": {"classes": list(NYU40)}} if lies_at(self.root / CLASSES_FILE) else {})

    def frames(self) -> Sequence[Frame]:
        """Every so-manieth photograph of every scan that has depth."""
        start = self.root / "scans" if (self.root / "scans").is_dir() else self.root
        frames = []
        for scan in folders(self.root, start):
            colour = scan / "color"
            if not scan.name.startswith("scene") or not colour.is_dir():
                continue
            numbered = [path for path in files(colour, ".jpg", ".png") if path.stem.isdecimal()]
            for path in sorted(numbered, key=lambda path: int(path.stem))[:: self.every]:
                group, split = scan.name.split("_")[0], self._splits.get(scan.name)
                frames.append(Frame(f"{scan.name}/{int(path.stem):06d}", group, split, path))
        return frames

    def read(self, frame: Frame) -> LabelledImage:
        """One photograph at the size of its depth."""
        path = inside(self.root, Path(frame.place))
        scan, number = path.parent.parent, path.stem
        depth = metres(inside(self.root, scan / "depth" / f"{number}.png"), 1000)
        height, width = depth.shape
        image = cv2.resize(_alike(path, read_image(path), depth), (width, height), interpolation=cv2.INTER_AREA)
        focal, centre = self._intrinsics(scan)
        labels = {"depth": depth, "normals": normals_from_depth(depth, focal, centre, self.smooth_px)}
        classes = scan / "label-filt" / f"{number}.png"
        if "segmentation" in self.tasks() and lies_at(classes):
            ids = _alike(classes, grey(inside(self.root, classes), "uint16", "uint8"), depth)
            nearest = cv2.resize(ids, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
            labels["segmentation"] = self._to_40[nearest.astype(np.int64)].astype(np.uint8)
        return LabelledImage(frame.split or "train", frame.id, image, labels, exif_of(focal, height, width))

    def _intrinsics(self, scan: Path) -> tuple[tuple[float, float], tuple[float, float]]:
        """Focal lengths and the principal point; theirs counts from a pixel's centre, ours from its corner."""
        path = inside(self.root, scan / "intrinsic" / "intrinsic_depth.txt")
        with reading(path):
            matrix = np.array([[float(word) for word in line.split()] for line in text_of(path).splitlines() if line])
        if (
            matrix.ndim != 2
            or min(matrix.shape) < 3
            or not (np.isfinite(matrix).all() and min(matrix[0, 0], matrix[1, 1]) > 0)
        ):
            raise InputError(f"{path}: should be a 4 × 4 matrix with focal lengths; export it again")
        return (matrix[0, 0], matrix[1, 1]), (matrix[0, 2] + 0.5, matrix[1, 2] + 0.5)

    @cached_property
    def _splits(self) -> dict[str, str]:
        return split_lists(self.root, {split: f"scannetv2_{split}.txt" for split in ("train", "val", "test")})

    @cached_property
    def _to_40(self) -> Integer[np.ndarray, " ids"]:
        path = inside(self.root, self.root / CLASSES_FILE)
        rows = list(csv.DictReader(io.StringIO(text_of(path)), delimiter="\t"))
        if not rows or not {"id", "nyu40id"} <= set(rows[0]):
            raise InputError(f"{path}: should have the columns id and nyu40id, separated by tabs; download it again")
        table = np.full(_MOST_CLASSES, INVALID)
        for number, row in enumerate(rows, 2):
            key, value = str(row["id"]), str(row["nyu40id"])
            if not (key.isdecimal() and value.isdecimal() and int(key) < _MOST_CLASSES and int(value) <= len(NYU40)):
                raise InputError(f"{path}: line {number} has no classes that can be ('{key}', '{value}')")
            if int(value):
                table[int(key)] = int(value) - 1
        return table


def _alike(path: Path, values: np.ndarray, depth: Float[np.ndarray, "h w"]) -> np.ndarray:
    """The values, if their sides are to each other as the depth's."""
    if abs(values.shape[0] * depth.shape[1] / (values.shape[1] * depth.shape[0]) - 1) > _TOLERANCE:
        raise InputError(f"{path}: {values.shape[:2]}, another shape than its depth's {depth.shape}; export it again")
    return values
