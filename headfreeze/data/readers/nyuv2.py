"""NYUv2 (Silberman, Hoiem, Kohli, Fergus: Indoor Segmentation and Support Inference, ECCV 2012), the labelled part.

    ROOT/nyu_depth_v2_labeled.mat            HDF5: images, depths, labels of 1449 frames, axes reversed; scenes
    ROOT/splits.mat                          trainNdxs, testNdxs, counted from 1: 795 and 654
    ROOT/classMapping40.mat                  mapClass: the 894 classes → 40 (Gupta et al., CVPR 2013)
    ROOT/nyu_normals_gt/{train,test}/%05d.png    normals of Ladicky et al. (ECCV 2014), 8 bit; the original link is dead
    ROOT/all_normals.pklz                    normals of Wang, Fouhey, Gupta (CVPR 2015), a gzipped pickle

The first file is https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html, where the splits are too; for research.
Without splits.mat all frames are in train; without normals, they are fitted to the depth. A frame's group is its scene.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Integer, Num, UInt8

from headfreeze.data.exif import exif_of
from headfreeze.data.normals_from_depth import check_radius, normals_from_depth
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.frames import to_ours
from headfreeze.data.readers.nyu_classes import NYU13, NYU40, from_one, nyu40_to_13
from headfreeze.data.readers.restricted_pickle import Archive
from headfreeze.data.readers.safely import hdf5, inside, lies_at, matlab, values_of, whole
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError, unknown
from headfreeze.tasks.images import read_png

MAT, SPLITS_FILE, CLASSES_FILE = "nyu_depth_v2_labeled.mat", "splits.mat", "classMapping40.mat"
LADICKY, PICKLED = "nyu_normals_gt", "all_normals.pklz"
COUNT, TRAIN, TEST = 1449, 795, 654
ROWS, COLUMNS = slice(45, 471), slice(41, 601)
"""Where the projection of the depth camera onto the colour image leaves no white border."""
FOCAL_PX, CENTRE_PX = (518.857901, 519.469611), (325.582449 - COLUMNS.start, 253.736166 - ROWS.start)
"""Of the colour camera, from the toolbox on the data set's page; the centre within the crop."""


@dataclass(frozen=True)
class NYUv2(Reader):
    """Reads the labelled part of NYUv2.

    Args:
        classes: 40, or the 13 of Couprie et al. (ICLR 2013); none leaves segmentation out.
        crop: cut the white border off, 640×480 → 560×426.
        normals: auto takes what lies there: ladicky, fair, else depth.
        fair_frame: the camera frame of the pickled normals, which their page does not tell.
        smooth_px: half the window in which normals are fitted to depth, 1 … 32.
    """

    classes: str = "40"
    crop: bool = True
    normals: str = "auto"
    fair_frame: str = "opencv"
    smooth_px: int = 5
    name = "nyuv2"

    def __post_init__(self) -> None:
        for key, value, known in (
            ("classes", self.classes, ("40", "13", "none")),
            ("normals", self.normals, ("auto", "ladicky", "fair", "depth", "none")),
        ):
            if value not in known:
                raise InputError(unknown(key, value, known))
        check_radius("smooth_px", self.smooth_px)

    @property
    def mat(self) -> Path:
        """The file with images, depths and labels; it may be the root itself."""
        return self.root if self.root.is_file() else self.root / MAT

    @property
    def folder(self) -> Path:
        """Where the other files lie."""
        return self.mat.parent

    @cached_property
    def source(self) -> Literal["ladicky", "fair", "depth", "none"]:
        """Where normals come from."""
        if self.normals != "auto":
            return self.normals  # type: ignore[return-value]  # checked above
        if (self.folder / LADICKY).is_dir():
            return "ladicky"
        return "fair" if (self.folder / PICKLED).is_file() else "depth"

    @cached_property
    def archive(self) -> Archive:
        """The pickled normals, read once by a process that can do nothing else."""
        return Archive(inside(self.folder, self.folder / PICKLED))

    @cached_property
    def to_40(self) -> Integer[np.ndarray, " classes"]:
        """Of each of the 894 classes, and 0, the one of the 40, counted from 1."""
        path = inside(self.folder, self.folder / CLASSES_FILE)
        table = whole(path, "mapClass", matlab(path, "mapClass")["mapClass"].ravel())
        if table.size < 1 or table.min() < 0 or table.max() > len(NYU40):
            raise InputError(f"{path}: 'mapClass' should hold classes from 1 to {len(NYU40)}")
        return np.append(0, table)

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Normals, depth and, where the mapping is there, segmentation."""
        tasks: dict[str, dict[str, Any]] = {"normals": {}} if self.source != "none" else {}
        tasks["depth"] = {}
        if self._segmented:
            tasks["segmentation"] = {"classes": list(NYU13 if self.classes == "13" else NYU40)}
        return tasks

    def frames(self) -> Sequence[Frame]:
        """All of the file, named 0001 … as they are counted."""
        with hdf5(inside(self.folder, self.mat)) as file:
            count = len(values_of(file, "depths", 3, (slice(None), 0, 0)))
            scenes = _scenes(file, count)
        if self.source == "fair":
            self.archive.unpack()
        splits = self._splits(count)
        return [Frame(f"{n + 1:04d}", scenes[n], splits.get(n + 1), n) for n in range(count)]

    def read(self, frame: Frame) -> LabelledImage:
        """One frame: 8-bit RGB, metres, classes, normals."""
        number = int(frame.place)
        with hdf5(self.mat) as file:
            image = _upright(values_of(file, "images", 4, number), file.filename)
            depth = values_of(file, "depths", 3, number).T.astype(np.float32)
            classes = values_of(file, "labels", 3, number).T if self._segmented else None
        depth = np.where(np.isfinite(depth) & (depth > 0), depth, 0)
        if image.shape[:2] != depth.shape:
            raise InputError(f"{self.mat}: frame {frame.id} has images of {image.shape[:2]}, depths of {depth.shape}")
        labels: dict[str, np.ndarray] = {"depth": depth}
        if classes is not None:
            labels["segmentation"] = self._of_40(classes)
        if self.source != "none":
            labels["normals"] = self._normals(frame, depth)
        part = (ROWS, COLUMNS) if self.crop and depth.shape == (480, 640) else (slice(None), slice(None))
        labels = {name: np.ascontiguousarray(label[part]) for name, label in labels.items()}
        image = np.ascontiguousarray(image[part])
        return LabelledImage(frame.split or "train", frame.id, image, labels, exif_of(FOCAL_PX, *image.shape[:2]))

    @property
    def _segmented(self) -> bool:
        return self.classes != "none" and lies_at(self.folder / CLASSES_FILE)

    def _splits(self, count: int) -> dict[int, str]:
        path = self.folder / SPLITS_FILE
        if not lies_at(path):
            return {}
        found = matlab(inside(self.folder, path), "trainNdxs", "testNdxs")
        splits: dict[int, str] = {}
        for split, name, official in (("train", "trainNdxs", TRAIN), ("test", "testNdxs", TEST)):
            numbers = whole(path, name, found[name].ravel()).tolist()
            if not all(1 <= number <= count for number in numbers) or (count == COUNT and len(numbers) != official):
                raise InputError(f"{path}: '{name}' should hold {official} frames, counted from 1, of {count}")
            splits |= dict.fromkeys(numbers, split)
        return splits

    def _of_40(self, labels: Num[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
        numbers = whole(self.mat, "labels", labels)
        if wrong := numbers[(numbers < 0) | (numbers >= len(self.to_40))].tolist():
            raise InputError(f"{self.mat}: has class {wrong[0]}, but {CLASSES_FILE} knows {len(self.to_40) - 1}")
        forty = from_one(self.to_40[numbers], len(NYU40))
        return nyu40_to_13(forty) if self.classes == "13" else forty

    def _normals(self, frame: Frame, depth: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w 3"]:
        if self.source == "depth":
            centre = (CENTRE_PX[0] + COLUMNS.start, CENTRE_PX[1] + ROWS.start)
            return normals_from_depth(depth, FOCAL_PX, centre, self.smooth_px)
        if self.source == "ladicky":
            return self._ladicky(frame, depth > 0)
        normals, valid = self.archive.frame(frame.place)
        if normals.shape != (*depth.shape, 3) or valid.shape != depth.shape:
            raise InputError(
                f"{self.archive.path}: normals {normals.shape} and masks {valid.shape} for a depth of {depth.shape}"
            )
        return np.where(valid[..., None], to_ours(normals, self.fair_frame), 0).astype(np.float32)

    def _ladicky(self, frame: Frame, valid: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w 3"]:
        """(R, G, B) is (−z, −y, x) of ours: x = B, y = −G, z = −R."""
        names = [self.folder / LADICKY / split / f"{int(frame.id):05d}.png" for split in ("train", "test")]
        path = next((name for name in names if lies_at(name)), names[0])
        values = read_png(inside(self.folder, path))
        if values.shape != (*valid.shape, 3):
            raise InputError(f"{path}: {values.shape}; normals of this frame are {(*valid.shape, 3)}")
        largest = float(np.iinfo(values.dtype).max)
        normals = to_ours(values / largest * 2 - 1, "z -y -x")
        return np.where((valid & values.any(axis=2))[..., None], normals, 0).astype(np.float32)


def _upright(values: np.ndarray, path: str) -> UInt8[np.ndarray, "h w 3"]:
    """(3, w, h) of the file → (h, w, 3)."""
    if values.dtype != np.uint8 or values.shape[0] != 3:
        raise InputError(
            f"{path}: 'images' are {values.dtype} of shape {values.shape}; they should be uint8, (3, w, h)"
        )
    return values.transpose(2, 1, 0)


def _scenes(file: Any, count: int) -> list[str]:
    """Names of the scenes, which lie behind references; the frames themselves where they do not."""
    import h5py

    found = file.get("scenes") if isinstance(file.get("scenes", getlink=True), h5py.HardLink) else None
    if not isinstance(found, h5py.Dataset) or found.size != count or found.dtype.kind != "O":
        return [f"{n + 1:04d}" for n in range(count)]
    names = []
    for reference in found[()].ravel():
        text = file[reference][()] if isinstance(reference, h5py.Reference) and reference else np.zeros(0)
        names.append("".join(chr(int(letter)) for letter in np.asarray(text).ravel()[:200]))
    return names
