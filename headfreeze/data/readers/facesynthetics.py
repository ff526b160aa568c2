"""FaceSynthetics (Wood et al., Fake It Till You Make It, ICCV 2021): 100,000 rendered faces with classes and landmarks.

    ROOT/000000.png              512²
    ROOT/000000_seg.png          19 classes, 255 = ignore
    ROOT/000000_ldmks.txt        70 lines "x y": the 68 landmarks, then the pupils

https://github.com/microsoft/FaceSynthetics; research only. It has no normals: it is an anchor's source, or a target
of photographs that are renderings. Eyes, brows and ears, which theirs tell apart by the side of the face, are one
class each here, for augmentation mirrors pictures. Pupils are left out. Every face is another person, a group of its
own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.pixels import grey
from headfreeze.data.readers.safely import files, inside, lies_at, reading, text_of
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError

THEIRS = (
    "background", "skin", "nose", "right eye", "left eye", "right brow", "left brow", "right ear", "left ear",
    "mouth interior", "top lip", "bottom lip", "neck", "hair", "beard", "clothing", "glasses", "headwear", "facewear",
)  # fmt: skip
CLASSES = (
    "background", "skin", "nose", "eye", "brow", "ear", "mouth interior", "top lip", "bottom lip", "neck", "hair",
    "beard", "clothing", "glasses", "headwear", "facewear",
)  # fmt: skip
LANDMARKS, LINES = 68, 70
_INVALID = 255


@dataclass(frozen=True)
class FaceSynthetics(Reader):
    """Reads FaceSynthetics."""

    name = "facesynthetics"

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """68 landmarks in two dimensions, 16 classes."""
        return {
            "keypoints": {"count": LANDMARKS, "order": "multi-pie"},
            "segmentation": {"classes": list(CLASSES)},
        }

    def frames(self) -> Sequence[Frame]:
        """Every picture."""
        paths = [path for path in files(self.root, ".png") if path.stem.isdigit()]
        return [Frame(path.stem, path.stem, None, path) for path in paths]

    def read(self, frame: Frame) -> LabelledImage:
        """One face, its file as it is; labels whose files are not there are left out."""
        path = Path(frame.place)
        labels: dict[str, np.ndarray] = {}
        if lies_at(there := path.with_name(f"{path.stem}_ldmks.txt")):
            labels["keypoints"] = _points(inside(self.root, there))
        if lies_at(there := path.with_name(f"{path.stem}_seg.png")):
            labels["segmentation"] = _classes(inside(self.root, there))
        return LabelledImage(frame.split or "train", frame.id, inside(self.root, path), labels)


def _points(path: Path) -> Float[np.ndarray, "68 2"]:
    with reading(path):
        values = np.array([[float(word) for word in line.split()] for line in text_of(path).splitlines() if line])
    if values.shape != (LINES, 2) or not np.isfinite(values).all():
        raise InputError(f"{path}: shape {values.shape}; it should be {LINES} lines of two numbers; download it again")
    return values[:LANDMARKS].astype(np.float32)


def _classes(path: Path) -> UInt8[np.ndarray, "h w"]:
    values = grey(path, "uint8")
    table = np.full(256, _INVALID, np.uint8)
    table[: len(THEIRS)] = [CLASSES.index(name.removeprefix("right ").removeprefix("left ")) for name in THEIRS]
    unknown = (values >= len(THEIRS)) & (values != _INVALID)
    if unknown.any():
        raise InputError(f"{path}: has class {values[unknown].max()}; it should hold 0 … {len(THEIRS) - 1} and 255")
    return table[values]
