"""300W-LP and AFLW2000-3D (Zhu et al., CVPR 2016): photographs of faces with 68 landmarks in three dimensions.

    ROOT/AFW/AFW_134212_1_0.jpg, .mat              300W-LP: also HELEN, IBUG, LFPW and mirrored AFW_Flip, …
    ROOT/landmarks/AFW/AFW_134212_1_0_pts.mat      pts_3d (68, 2), used where the .mat has no pt3d_68
    ROOT/image00002.jpg, .mat                      AFLW2000: pt3d_68 (3, 68)

http://www.cbsr.ia.ac.cn/users/xiangyuzhu/projects/3DDFA/main.htm; research only. x and y are MATLAB's pixels (the
first pixel's centre is 1), z is toward the viewer in pixels. 300W-LP turns one photograph to many poses, and mirrors
it: all of them are one group. AFLW2000 is for testing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.safely import files, folders, holds, inside, lies_at, matlab
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError

POINTS = 68
_FLIP, _LANDMARKS = "_Flip", "landmarks"
_FIRST_CENTRE = 0.5  # MATLAB's pixel 1 is 0.5 from the corner


@dataclass(frozen=True)
class Landmarks68(Reader):
    """What both have in common: the 68 landmarks of a .mat beside each photograph.

    Args:
        z: 1 where a larger z is nearer to the viewer, as in the makers' files; −1 for copies that differ.
    """

    z: float = 1.0

    def __post_init__(self) -> None:
        if abs(self.z) != 1:
            raise InputError(f"z is {self.z}; give 1 or -1")

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """68 landmarks."""
        return {"keypoints": {"count": POINTS, "order": "multi-pie"}}

    def read(self, frame: Frame) -> LabelledImage:
        """One photograph, its file as it is."""
        path = Path(frame.place)
        points = self._points(inside(self.root, path.with_suffix(".mat")), path)
        return LabelledImage(frame.split or "train", frame.id, inside(self.root, path), {"keypoints": points})

    def _points(self, mat: Path, image: Path) -> Float[np.ndarray, "68 d"]:  # noqa: ARG002
        values = np.asarray(matlab(mat, "pt3d_68")["pt3d_68"], np.float64)
        if values.shape != (3, POINTS) or not np.isfinite(values).all():
            raise InputError(f"{mat}: 'pt3d_68' has shape {values.shape}; it should be (3, {POINTS}) numbers")
        x, y, z = values
        z = (z - z.mean()) * self.z
        return np.stack([x - _FIRST_CENTRE, y - _FIRST_CENTRE, z], axis=1).astype(np.float32)


@dataclass(frozen=True)
class W300LP(Landmarks68):
    """Reads 300W-LP.

    Args:
        flipped: the mirrored copies too, where they have landmarks: the makers' own have none, and training mirrors
            images itself.
    """

    flipped: bool = False
    name = "300w-lp"

    def frames(self) -> Sequence[Frame]:
        """Every photograph that has a .mat."""
        frames = []
        for folder in folders(self.root, self.root):
            if folder.name == _LANDMARKS or (folder.name.endswith(_FLIP) and not self.flipped):
                continue
            for path in files(folder, ".jpg"):
                if lies_at(path.with_suffix(".mat")):
                    base = folder.name.removesuffix(_FLIP)
                    frames.append(Frame(f"{folder.name}/{path.stem}", f"{base}/{_photo(path.stem)}", None, path))
        return frames

    def _points(self, mat: Path, image: Path) -> Float[np.ndarray, "68 d"]:
        if holds(mat, "pt3d_68"):
            return super()._points(mat, image)
        theirs = self.root / _LANDMARKS / image.parent.name / f"{image.stem}_pts.mat"
        if lies_at(theirs):  # as the makers' own files of 300W-LP are
            return _flat(inside(self.root, theirs))
        if image.parent.name.endswith(_FLIP):
            raise InputError(
                f"{mat}: a mirrored copy without landmarks: it holds no 'pt3d_68', and there is no {theirs}; leave"
                " flipped=false, for training mirrors images itself"
            )
        return super()._points(mat, image)


@dataclass(frozen=True)
class AFLW2000(Landmarks68):
    """Reads AFLW2000-3D: one folder, all of it for testing."""

    name = "aflw2000"

    def frames(self) -> Sequence[Frame]:
        """Every photograph that has a .mat."""
        paths = [path for path in files(self.root, ".jpg") if lies_at(path.with_suffix(".mat"))]
        return [Frame(path.stem, path.stem, "test", path) for path in paths]


def _flat(path: Path) -> Float[np.ndarray, "68 2"]:
    values = np.asarray(matlab(path, "pts_3d")["pts_3d"], np.float64)
    if values.shape != (POINTS, 2) or not np.isfinite(values).all():
        raise InputError(f"{path}: 'pts_3d' has shape {values.shape}; it should be ({POINTS}, 2) numbers")
    return (values - _FIRST_CENTRE).astype(np.float32)


def _photo(name: str) -> str:
    """`AFW_134212_1_0` (photograph and pose) → `AFW_134212_1`."""
    photo, _, pose = name.rpartition("_")
    return photo if photo and pose.isdigit() else name
