"""DIODE (Vasiljevic et al., arXiv 1908.00463): laser-scanned depth and normals of photographs, indoors and outdoors.

    ROOT/val/indoors/scene_00019/scan_00183/00019_00183_indoors_000_010.png       1024 × 768
    ROOT/val/indoors/scene_00019/scan_00183/00019_00183_indoors_000_010_depth.npy        (h, w, 1) metres
    ROOT/val/indoors/scene_00019/scan_00183/00019_00183_indoors_000_010_depth_mask.npy   (h, w), 1 = valid
    ROOT/val/indoors/scene_00019/scan_00183/00019_00183_indoors_000_010_normal.npy       (h, w, 3), zeros = invalid

https://diode-dataset.org, MIT. For evaluation: what its makers call val becomes test here. The page does not say in
which camera frame the normals are, so the depth is asked. A frame's group is its scene.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from headfreeze.data.images import read_image
from headfreeze.data.readers.auto_frame import AUTO, Stored, frame_of, spread_out
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.frames import to_ours
from headfreeze.data.readers.safely import files, folders, inside, lies_at
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError, unknown
from headfreeze.tasks.images import read_npy

_PLACES = ("indoors", "outdoor", "all")


@dataclass(frozen=True)
class Diode(Reader):
    """Reads DIODE.

    Args:
        places: indoors, outdoor, or all.
        frame: the camera frame of the normals; auto asks the depth.
    """

    places: str = "all"
    frame: str = AUTO
    name = "diode"

    def __post_init__(self) -> None:
        if self.places not in _PLACES:
            raise InputError(unknown("places", self.places, _PLACES))

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Normals and depth."""
        return {"normals": {}, "depth": {}}

    def frames(self) -> Sequence[Frame]:
        """Every photograph of val (test here) and train."""
        found = []
        for split, folder in (("train", "train"), ("test", "val"), ("test", "test")):
            for place in ("indoors", "outdoor"):
                start = self.root / folder / place
                if start.is_dir() and self.places in (place, "all"):
                    for scene in folders(self.root, start):
                        for scan in folders(self.root, scene):
                            found += [(split, scene.name, path) for path in files(scan, ".png")]
        with_normals = [path for _, _, path in found if lies_at(_beside(path, "normal"))]  # a download of their own
        opened = [partial(self._stored, path) for path in spread_out(with_normals)]
        axes = frame_of(self.frame, self.root, opened) if with_normals else self.frame
        return [Frame(f"{scene}/{path.stem}", scene, split, (path, axes)) for split, scene, path in found]

    def read(self, frame: Frame) -> LabelledImage:
        """One photograph; labels whose files are not there are left out."""
        path, axes = frame.place
        labels: dict[str, np.ndarray] = {}
        if lies_at(_beside(path, "depth")):
            labels["depth"] = self._depth(path)
        if lies_at(_beside(path, "normal")):
            labels["normals"] = to_ours(self._normals(path), axes)
        return LabelledImage(frame.split or "test", frame.id, read_image(inside(self.root, path)), labels)

    def _depth(self, path: Path) -> Float[np.ndarray, "h w"]:
        values, place = self._floats(_beside(path, "depth")), _beside(path, "depth")
        depth = values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values
        if depth.ndim != 2:
            raise InputError(f"{place}: shape {values.shape}; it should be (h, w, 1)")
        mask = np.isfinite(depth) & (depth > 0)
        if lies_at(file := _beside(path, "depth_mask")):
            valid = self._floats(file).reshape(-1)
            if valid.size != depth.size:
                raise InputError(f"{file}: {valid.size} values for a depth of {depth.shape}; download it again")
            mask &= valid.reshape(depth.shape) > 0
        return np.where(mask, depth, 0).astype(np.float32)

    def _normals(self, path: Path) -> Float[np.ndarray, "h w 3"]:
        normals = self._floats(_beside(path, "normal"))
        if normals.ndim != 3 or normals.shape[2] != 3:
            raise InputError(f"{_beside(path, 'normal')}: shape {normals.shape}; it should be (h, w, 3)")
        return normals.astype(np.float32)

    def _floats(self, path: Path) -> np.ndarray:
        values = read_npy(inside(self.root, path))
        if values.dtype.kind not in "fiub":
            raise InputError(f"{path}: {values.dtype}; it should hold numbers")
        return values

    def _stored(self, path: Path) -> Stored:
        depth, normals = self._depth(path), self._normals(path)
        if normals.shape[:2] != depth.shape:
            raise InputError(f"{_beside(path, 'normal')}: {normals.shape}, but its depth is {depth.shape}")
        return Stored(normals, depth)


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.stem}_{what}.npy")
