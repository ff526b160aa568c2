"""Structured3D (Zheng et al., ECCV 2020): photorealistic renderings of 3500 designed homes, perspective views.

    ROOT/scene_00000/2D_rendering/485142/perspective/full/0/{rgb_rawlight,normal,depth,semantic}.png

https://structured3d-dataset.org, after signing its terms; research only. Official splits: scenes 0 … 2999 train,
3000 … 3249 val, 3250 … 3499 test. Normals are 8 bit, 128 · (1 + n); a frame of the camera that their page does not
describe for perspective views (for panoramas its author names look-at and up, in issue 61 of
bertjiazheng/Structured3D), so it is found out by the depth. Depth: 16 bit, millimetres. Classes: the colours of NYU40.
A frame's group is its scene.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from headfreeze.data.images import read_image
from headfreeze.data.readers.auto_frame import AUTO, Stored, frame_of, spread_out
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.frames import to_ours
from headfreeze.data.readers.nyu_classes import NYU40
from headfreeze.data.readers.pixels import classes_of_colours, directions, metres
from headfreeze.data.readers.safely import folders, inside, lies_at
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError

PALETTE = (
    (174, 199, 232), (152, 223, 138), (31, 119, 180), (255, 187, 120), (188, 189, 34), (140, 86, 75), (255, 152, 150),
    (214, 39, 40), (197, 176, 213), (148, 103, 189), (196, 156, 148), (23, 190, 207), (178, 76, 76), (247, 182, 210),
    (66, 188, 102), (219, 219, 141), (140, 57, 197), (202, 185, 52), (51, 176, 203), (200, 54, 131), (92, 193, 61),
    (78, 71, 183), (172, 114, 82), (255, 127, 14), (91, 163, 138), (153, 98, 156), (140, 153, 101), (158, 218, 229),
    (100, 125, 154), (178, 127, 135), (120, 185, 128), (146, 111, 194), (44, 160, 44), (112, 128, 144), (96, 207, 209),
    (227, 119, 194), (213, 92, 176), (94, 106, 211), (82, 84, 163), (100, 85, 144),
)  # fmt: skip
"""Colours of the 40 classes, which ScanNet's benchmark uses too; black is none."""


@dataclass(frozen=True)
class Structured3D(Reader):
    """Reads the perspective views.

    Args:
        frame: the camera frame of the normals; auto asks the depth.
        light: rawlight, coldlight or warmlight.
        furniture: full, simple or empty rooms.
    """

    frame: str = AUTO
    light: str = "rawlight"
    furniture: str = "full"
    name = "structured3d"

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Normals, depth, 40 classes."""
        return {"normals": {}, "depth": {}, "segmentation": {"classes": list(NYU40)}}

    def frames(self) -> Sequence[Frame]:
        """Every view whose image is there."""
        found = []
        for scene in folders(self.root, self.root):
            rooms = scene / "2D_rendering"
            if not scene.name.startswith("scene_") or not rooms.is_dir():
                continue
            for room in folders(self.root, rooms):
                views = room / "perspective" / self.furniture
                for view in folders(self.root, views) if views.is_dir() else ():
                    if lies_at(view / f"rgb_{self.light}.png"):
                        found.append((scene.name, f"{scene.name}/{room.name}/{view.name}", view))
        with_normals = [view for _, _, view in found if lies_at(view / "normal.png")]
        opened = [partial(self._stored, view) for view in spread_out(with_normals)]
        axes = frame_of(self.frame, self.root, opened) if with_normals else self.frame
        return [Frame(key, scene, _split(scene), (view, axes)) for scene, key, view in found]

    def read(self, frame: Frame) -> LabelledImage:
        """One view; labels whose files are not there are left out."""
        view, axes = frame.place
        image = read_image(inside(self.root, view / f"rgb_{self.light}.png"))
        labels = {}
        if lies_at(path := view / "normal.png"):
            stored = directions(inside(self.root, path), 128, 128)
            labels["normals"] = to_ours(stored, axes) * (stored > -1).any(-1, keepdims=True)  # black is none
        if lies_at(path := view / "depth.png"):
            labels["depth"] = metres(inside(self.root, path), 1000)
        if lies_at(path := view / "semantic.png"):
            palette = {colour: number for number, colour in enumerate(PALETTE)}
            labels["segmentation"] = classes_of_colours(inside(self.root, path), palette)
        return LabelledImage(frame.split or "train", frame.id, image, labels)

    def _stored(self, view: Path) -> Stored:
        paths = [inside(self.root, view / name) for name in ("normal.png", "depth.png")]
        normals, depth = directions(paths[0], 128, 128), metres(paths[1], 1000)
        if normals.shape[:2] != depth.shape:
            raise InputError(f"{paths[0]}: {normals.shape[:2]}, but the depth beside it is {depth.shape}")
        return Stored(normals, depth)


def _split(scene: str) -> str | None:
    number = scene.removeprefix("scene_")
    if not number.isdecimal():
        return None
    return "train" if int(number) < 3000 else "val" if int(number) < 3250 else "test"
