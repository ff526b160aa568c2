"""2D-3D-S (Armeni, Sax, Zamir, Savarese, arXiv 1702.01105): photographs of six office areas, labels from the mesh.

    ROOT/area_1/data/rgb/camera_0d6…_office_1_frame_0_domain_rgb.png
    ROOT/area_1/data/normal/camera_0d6…_office_1_frame_0_domain_normals.png
    ROOT/area_1/data/depth/…_domain_depth.png      16 bit, 1/512 m along the axis, 65535 = missing
    ROOT/area_1/data/semantic/…_domain_semantic.png    R·256² + G·256 + B = place in semantic_labels.json
    ROOT/semantic_labels.json                      [..., "chair_7_office_1_1", …]; or in ROOT/assets

https://github.com/alexsax/2D-3D-Semantics, after signing its terms; research only. Normals are 127.5-centred, red to
the right, green down, blue toward the camera; (128, 128, 128) is missing. A frame's group is its room. The makers'
first fold tests on area 5.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer, UInt8

from headfreeze.data.images import read_image
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.frames import to_ours
from headfreeze.data.readers.pixels import coloured, directions, metres
from headfreeze.data.readers.safely import files, folders, inside, lies_at, text_of
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError

CLASSES = (
    "beam", "board", "bookcase", "ceiling", "chair", "clutter", "column", "door", "floor", "sofa", "table", "wall",
    "window",
)  # fmt: skip
LABELS_FILE = "semantic_labels.json"
_INVALID, _MISSING_DEPTH = 255, 65535


@dataclass(frozen=True)
class Stanford2D3DS(Reader):
    """Reads the perspective photographs.

    Args:
        test: names of the areas for testing, joined by +; all others are for training.
    """

    test: str = "area_5a+area_5b"
    name = "2d3ds"

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Normals, depth and, where semantic_labels.json is there, 13 classes."""
        tasks: dict[str, dict[str, Any]] = {"normals": {}, "depth": {}}
        return tasks | ({"segmentation": {"classes": list(CLASSES)}} if self._labels_file else {})

    def frames(self) -> Sequence[Frame]:
        """Every photograph."""
        frames = []
        for area in folders(self.root, self.root):
            photographs = area / "data" / "rgb"
            for path in files(photographs, "_rgb.png") if photographs.is_dir() else ():
                split = "test" if area.name in self.test.split("+") else "train"
                view = path.name.removesuffix("_domain_rgb.png")
                frames.append(Frame(f"{area.name}/{view}", f"{area.name}/{_room(view)}", split, path))
        return frames

    def read(self, frame: Frame) -> LabelledImage:
        """One photograph; labels whose files are not there are left out."""
        path = Path(frame.place)
        labels: dict[str, np.ndarray] = {}
        if there := self._label(path, "normal", "normals"):
            pixels = coloured(there, "uint8")
            missing = (pixels == 128).all(-1) | (pixels == 0).all(-1)
            labels["normals"] = to_ours(directions(there), "right-down-toward") * ~missing[..., None]
        if there := self._label(path, "depth", "depth"):
            labels["depth"] = metres(there, 512, (0, _MISSING_DEPTH))
        if self._labels_file and (there := self._label(path, "semantic", "semantic")):
            labels["segmentation"] = self._classes(there)
        return LabelledImage(frame.split or "train", frame.id, read_image(inside(self.root, path)), labels)

    def _label(self, path: Path, folder: str, domain: str) -> Path | None:
        there = path.parent.with_name(folder) / path.name.replace("_domain_rgb", f"_domain_{domain}")
        return inside(self.root, there) if lies_at(there) else None

    @cached_property
    def _labels_file(self) -> Path | None:
        places = (self.root / LABELS_FILE, self.root / "assets" / LABELS_FILE)
        return next((inside(self.root, place) for place in places if lies_at(place)), None)

    @cached_property
    def _of_instances(self) -> Integer[np.ndarray, " instances"]:
        """The class of each entry of semantic_labels.json; those that are none are invalid."""
        assert self._labels_file
        try:
            names = json.loads(text_of(self._labels_file))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{self._labels_file}: not valid JSON ({error}); download it again") from None
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise InputError(f"{self._labels_file}: should be a list of names; download it again")
        places = {name: number for number, name in enumerate(CLASSES)}
        return np.array([places.get(name.split("_")[0], _INVALID) for name in names])

    def _classes(self, path: Path) -> UInt8[np.ndarray, "h w"]:
        red, green, blue = np.moveaxis(coloured(path, "uint8").astype(np.int64), -1, 0)
        index = red * 65536 + green * 256 + blue
        table = np.append(self._of_instances, _INVALID)
        return table[np.minimum(index, len(table) - 1)].astype(np.uint8)


def _room(view: str) -> str:
    """`camera_0d6…_office_1_frame_0` → `office_1`."""
    return "_".join(view.split("_frame_")[0].split("_")[2:]) or view
