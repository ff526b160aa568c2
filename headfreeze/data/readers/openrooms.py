"""OpenRooms (Li et al., CVPR 2021): rendered rooms with the layouts of ScanNet, 640 × 480, HDR.

    ROOT/main_xml/scene0001_00/im_1.hdr            linear radiance
    ROOT/main_xml/scene0001_00/imnomral_1.png      normals (sic), 8 bit
    ROOT/main_xml/scene0001_00/imdepth_1.dat       two int32, height and width, then float32 metres
    ROOT/main_xml/scene0001_00/imsemLabel_1.npy    45 classes, 0 = none
    ROOT/{train,test}.txt                          names of scenes, one a line

https://vilab-ucsd.github.io/ucsd-openrooms, after signing its terms; research only. Normals are x right, y up, z
backward, as ours. A frame's group is its scene, the same one in another light (mainDiffLight) or of other materials
(mainDiffMat). main_xml may lie in Image, Geometry and SemanticLabel, as it is published.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.frames import parse_axes, to_ours
from headfreeze.data.readers.pixels import directions, radiance, tone_mapped
from headfreeze.data.readers.safely import bounded, files, folders, inside, lies_at, reading, split_lists
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError
from headfreeze.tasks.images import read_npy

CLASSES = 45
PARTS = ("Image", "Geometry", "SemanticLabel", "")
_NORMALS = ("imnomral", "imnormal")


@dataclass(frozen=True)
class OpenRooms(Reader):
    """Reads OpenRooms.

    Args:
        frame: the camera frame of the normals.
    """

    frame: str = "opengl"
    name = "openrooms"

    def __post_init__(self) -> None:
        parse_axes(self.frame)

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Normals, depth, and 45 classes, which are named by their numbers."""
        return {
            "normals": {},
            "depth": {},
            "segmentation": {"classes": [f"class {number}" for number in range(1, CLASSES + 1)]},
        }

    def frames(self) -> Sequence[Frame]:
        """Every im_*.hdr."""
        frames = []
        start = self.root / "Image" if (self.root / "Image").is_dir() else self.root
        for world in folders(self.root, start):
            for scene in folders(self.root, world) if world.name.startswith("main") else ():
                for path in files(scene, ".hdr"):
                    if path.name.startswith("im_"):
                        key = f"{world.name}/{scene.name}/{path.stem.removeprefix('im_')}"
                        frames.append(Frame(key, scene.name, self._splits.get(scene.name), path))
        return frames

    def read(self, frame: Frame) -> LabelledImage:
        """One view; labels whose files are not there are left out."""
        world, scene, number = frame.id.split("/")
        labels: dict[str, np.ndarray] = {}
        if path := self._label(world, scene, *(f"{name}_{number}.png" for name in _NORMALS)):
            stored = directions(path)
            labels["normals"] = to_ours(stored, self.frame) * (stored > -1).any(-1, keepdims=True)  # black is none
        if path := self._label(world, scene, f"imdepth_{number}.dat"):
            labels["depth"] = _binary(path)
        if path := self._label(world, scene, f"imsemLabel_{number}.npy"):
            labels["segmentation"] = _classes(path)
        return LabelledImage(
            frame.split or "train", frame.id, tone_mapped(radiance(inside(self.root, frame.place))), labels
        )

    def _label(self, world: str, scene: str, *names: str) -> Path | None:
        for part in PARTS:
            for name in names:
                if lies_at(path := self.root / part / world / scene / name):
                    return inside(self.root, path)
        return None

    @cached_property
    def _splits(self) -> dict[str, str]:
        return split_lists(self.root, {"train": "train.txt", "test": "test.txt"})


def _binary(path: Path) -> Float[np.ndarray, "h w"]:
    with reading(path):
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
            if len(head) < 8:
                raise InputError(f"{path}: {size} bytes, too short for its header; download it again")
            height, width = struct.unpack("<ii", head)
            if min(height, width) < 1 or size != 8 + 4 * height * width:
                raise InputError(f"{path}: {size} bytes, but its header claims {height} × {width} floats")
            bounded(path, (height, width), 4)
            depth = np.frombuffer(file.read(), "<f4").reshape(height, width)
    return np.where(np.isfinite(depth) & (depth > 0), depth, 0).astype(np.float32)


def _classes(path: Path) -> np.ndarray:
    values = read_npy(path)
    if values.ndim != 2 or values.dtype.kind not in "iu":
        raise InputError(f"{path}: {values.dtype} of shape {values.shape}; it should be whole numbers (h, w)")
    inside_range = (values >= 1) & (values <= CLASSES)
    return np.where(inside_range, values - 1, 255).astype(np.uint8)
