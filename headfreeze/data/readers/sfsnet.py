"""SfSNet's synthetic faces (Sengupta et al., CVPR 2018): the paper's source, 250,000 renderings of a morphable model.

    ROOT/DATA_pose_15/0001/000001_face_1_1.png         identity, pose 1 … 3, light 1 … 5; 20 identities a folder; 512²
    ROOT/DATA_pose_15/0001/000001_normal_1_1.png       8 bit, (n + 1) / 2
    ROOT/DATA_pose_15/0001/000001_mask_1_1.png         the face

https://senguptaumd.github.io/SfSNet; research only. Their page does not say in which camera frame the normals are: it
is a setting, and `headfreeze data check` says if they look as if in another. Depth has no unit and is left out. A
frame's group is its identity; the paper's splits are --splits 0.7,0.15,0.15. Landmarks come from `headfreeze annotate
landmarks`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from headfreeze.data.images import read_image
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.frames import parse_axes, to_ours
from headfreeze.data.readers.pixels import directions
from headfreeze.data.readers.safely import files, folders, inside, lies_at
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError
from headfreeze.tasks.images import read_png

_NAME = re.compile(r"(\d+)_face_(\d+_\d+)\.png")


@dataclass(frozen=True)
class SfSNet(Reader):
    """Reads the synthetic faces.

    Args:
        frame: the camera frame of the normals.
    """

    frame: str = "opengl"
    name = "sfsnet"

    def __post_init__(self) -> None:
        parse_axes(self.frame)

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Normals, and the mask of the face."""
        return {"normals": {}, "mask": {"kind": "segmentation", "classes": ["background", "face"]}}

    def frames(self) -> Sequence[Frame]:
        """Every rendering below any folder of folders (DATA_pose_15)."""
        frames = []
        for part in (self.root, *folders(self.root, self.root)):
            for folder in folders(self.root, part):
                for path in files(folder, ".png"):
                    if found := _NAME.fullmatch(path.name):
                        key = f"{folder.name}/{found[1]}_{found[2]}"
                        frames.append(Frame(key, f"{folder.name}/{found[1]}", None, path))
        return frames

    def read(self, frame: Frame) -> LabelledImage:
        """One rendering; labels whose files are not there are left out."""
        path = inside(self.root, Path(frame.place))
        face = None
        labels: dict[str, np.ndarray] = {}
        if there := self._beside(path, "mask"):
            face = np.asarray(_opaque(read_png(there)).max(-1) > 127)
            labels["mask"] = face.astype(np.uint8)
        if there := self._beside(path, "normal"):
            stored = directions(there)
            if face is not None and face.shape != stored.shape[:2]:
                raise InputError(f"{there}: {stored.shape[:2]}, but {self._beside(path, 'mask')} is {face.shape}")
            shown = np.asarray((stored > -1).any(-1)) if face is None else face
            labels["normals"] = to_ours(stored, self.frame) * shown[..., None]
        return LabelledImage(frame.split or "train", frame.id, read_image(path), labels)

    def _beside(self, path: Path, what: str) -> Path | None:
        there = path.with_name(path.name.replace("_face_", f"_{what}_"))
        return inside(self.root, there) if lies_at(there) else None


def _opaque(values: Shaped[np.ndarray, "h w c"]) -> Shaped[np.ndarray, "h w k"]:
    """Without transparency."""
    return values[..., :-1] if values.shape[-1] in (2, 4) else values
