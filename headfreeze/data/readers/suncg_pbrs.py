"""SUNCG with physically based rendering (Zhang et al., CVPR 2017), the paper's indoor source: 568,793 images.

    ROOT/data_goodlist_v2.txt                      HOUSE/000000, the renderings that came out well, one a line
    ROOT/mlt_v2/HOUSE/000000_mlt.png               the rendering
    ROOT/normal_v2/HOUSE/000000_norm_camera.png    16 bit, and 000000_valid.png
    ROOT/depth_v2/HOUSE/000000_depth.png           16 bit, millimetres
    ROOT/…/HOUSE/000000_category40.png             NYU40, counted from 1

Files of a rendering are looked for in every folder of the root. http://robots.princeton.edu/projects/2016/PBRS; SUNCG
itself can no longer be had, for legal reasons: this is for those who have it. Normals are v / 65535 · 2 − 1 with x
right, y forward, z up; valid where their squared length is within 0.1 of 1. Without the list all renderings are
taken. A frame's group is its house; the paper's splits are --splits 0.9,0.05,0.05.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from headfreeze.data.images import read_image
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.frames import to_ours
from headfreeze.data.readers.nyu_classes import NYU40, from_one
from headfreeze.data.readers.pixels import directions, grey, metres
from headfreeze.data.readers.safely import files, folders, inside, lies_at, reading, text_of
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError

GOOD_LIST = "data_goodlist_v2.txt"
_TOLERANCE = 0.1
_NO_DEPTH = (0, 65535)


@dataclass(frozen=True)
class SuncgPbrs(Reader):
    """Reads the renderings."""

    name = "suncg-pbrs"

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Normals, depth, 40 classes."""
        return {"normals": {}, "depth": {}, "segmentation": {"classes": list(NYU40)}}

    def frames(self) -> Sequence[Frame]:
        """Those of the list that are there, or all."""
        if lies_at(path := self.root / GOOD_LIST):
            frames = [_frame(path, name) for name in text_of(inside(self.root, path)).split()]
            return [frame for frame in frames if self._there(frame, "mlt")]
        houses = [house for part in self._parts for house in folders(self.root, part)]
        paths = [path for house in houses for path in files(house, "_mlt.png")]
        return [_frame(path, f"{path.parent.name}/{path.name.removesuffix('_mlt.png')}") for path in paths]

    def read(self, frame: Frame) -> LabelledImage:
        """One rendering; labels whose files are not there are left out."""
        image = self._there(frame, "mlt")
        if image is None:
            raise InputError(f"{self.root}: no {frame.id}_mlt.png in any of its folders; download it again")
        labels: dict[str, np.ndarray] = {}
        if path := self._there(frame, "norm_camera"):
            stored = directions(path)
            valid = np.abs((stored**2).sum(-1) - 1) < _TOLERANCE
            if mask := self._there(frame, "valid"):
                marked = grey(mask, "uint8", "uint16")
                if marked.shape != valid.shape:
                    raise InputError(f"{mask}: {marked.shape}, but {path} is {valid.shape}; download both again")
                valid &= marked > 0
            labels["normals"] = to_ours(stored, "x z -y") * valid[..., None]
        if path := self._there(frame, "depth"):
            labels["depth"] = metres(path, 1000, _NO_DEPTH)
        if path := self._there(frame, "category40"):
            labels["segmentation"] = from_one(grey(path, "uint8", "uint16"), len(NYU40))
        return LabelledImage(frame.split or "train", frame.id, read_image(image), labels)

    @cached_property
    def _parts(self) -> list[Path]:
        return folders(self.root, self.root)

    def _there(self, frame: Frame, what: str) -> Path | None:
        paths = (part / f"{frame.id}_{what}.png" for part in self._parts)
        with reading(self.root / f"{frame.id}_{what}.png"):  # a damaged list's name may be too long for any file
            found = next((path for path in paths if lies_at(path)), None)
        return inside(self.root, found) if found else None


def _frame(listed: Path, name: str) -> Frame:
    house, _, number = name.partition("/")
    if not house or not number or ".." in name or Path(name).is_absolute():
        raise InputError(f"{listed}: '{name}' is no HOUSE/NUMBER; download the list again")
    return Frame(name, house)
