"""Hypersim (Roberts et al., ICCV 2021): photorealistic renderings of 461 indoor scenes, 1024 × 768.

    ROOT/metadata_images_split_scene_v1.csv    the official splits; or in ROOT/evermotion_dataset/analysis
    ROOT/ai_001_001/images/scene_cam_00_final_hdf5/frame.0000.color.hdf5
    ROOT/ai_001_001/images/scene_cam_00_geometry_hdf5/frame.0000.{normal_cam,depth_meters,semantic}.hdf5

Each file holds one array, `dataset`. https://github.com/apple/ml-hypersim, CC BY-SA 3.0; its script downloads all,
its `contrib/99991` single files. Colour is linear and tone-mapped here as in their toolkit; `depth_meters` is the
distance from the camera's centre and becomes depth along the axis; normals are x right, y up, z toward the camera,
some face away and are turned; classes are NYU40, −1 is none. A frame's group is its scene. Frames that the makers
leave out of the public release are left out.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from headfreeze.data.exif import exif_of
from headfreeze.data.pinhole import rays
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.frames import to_ours
from headfreeze.data.readers.nyu_classes import NYU40, from_one
from headfreeze.data.readers.pixels import tone_mapped
from headfreeze.data.readers.safely import files, folders, hdf5, inside, lies_at, text_of, values_of, whole
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError

SPLIT_FILE = "metadata_images_split_scene_v1.csv"
FOCAL_SHARE = 886.81 / 1024
"""Focal length in widths of the image; the few scenes with another lens are not told apart."""
_COLUMNS = ("scene_name", "camera_name", "frame_id", "included_in_public_release", "split_partition_name")


@dataclass(frozen=True)
class Hypersim(Reader):
    """Reads Hypersim.

    Args:
        focal_share: focal length in widths of the image.
    """

    focal_share: float = FOCAL_SHARE
    name = "hypersim"

    def __post_init__(self) -> None:
        if not 0 < self.focal_share < float("inf"):
            raise InputError(f"focal_share is {self.focal_share}; give widths of the image above 0")

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Normals, depth, 40 classes."""
        return {"normals": {}, "depth": {}, "segmentation": {"classes": list(NYU40)}}

    @cached_property
    def _table(self) -> Path | None:
        places = [self.root / SPLIT_FILE, self.root / "evermotion_dataset" / "analysis" / SPLIT_FILE]
        return next((inside(self.root, place) for place in places if lies_at(place)), None)

    def frames(self) -> Sequence[Frame]:
        """Those whose colour is there, in the splits of the official table where that is there."""
        splits = self._splits()
        frames = []
        for scene in folders(self.root, self.root):
            images = scene / "images"
            for folder in folders(self.root, images) if images.is_dir() else ():
                if not folder.name.endswith("_final_hdf5"):
                    continue
                camera = folder.name.removeprefix("scene_").removesuffix("_final_hdf5")
                for path in files(folder, ".color.hdf5"):
                    number = path.name.split(".")[1]
                    key = (scene.name, camera, int(number) if number.isdecimal() else -1)
                    if splits and key not in splits:
                        continue
                    frames.append(Frame(f"{scene.name}/{camera}/{number}", scene.name, splits.get(key), path))
        return frames

    def read(self, frame: Frame) -> LabelledImage:
        """One frame; labels whose files are not there are left out."""
        colour_path = Path(frame.place)
        geometry = colour_path.parent.with_name(colour_path.parent.name.replace("_final_", "_geometry_"))
        start = colour_path.name.removesuffix("color.hdf5")
        colour = self._values(colour_path, 3)
        labels: dict[str, np.ndarray] = {}
        if lies_at(path := geometry / f"{start}depth_meters.hdf5"):
            labels["depth"] = self._along_axis(self._values(path, 2))
        if lies_at(path := geometry / f"{start}normal_cam.hdf5"):
            labels["normals"] = self._facing(self._values(path, 3))
        if lies_at(path := geometry / f"{start}semantic.hdf5"):
            labels["segmentation"] = from_one(whole(path, "dataset", self._values(path, 2)), len(NYU40))
        valid = labels["depth"] > 0 if labels.get("depth", np.zeros(0)).shape == colour.shape[:2] else None
        image = tone_mapped(colour.astype(np.float32), valid)
        focal = self.focal_share * image.shape[1]
        return LabelledImage(frame.split or "train", frame.id, image, labels, exif_of((focal, focal), *image.shape[:2]))

    def _values(self, path: Path, dimensions: int) -> np.ndarray:
        with hdf5(inside(self.root, path)) as file:
            values = values_of(file, "dataset", dimensions)
        if dimensions == 3 and values.shape[2] != 3:
            raise InputError(f"{path}: 'dataset' has shape {values.shape}; it should have three channels")
        return values

    def _rays(self, height: int, width: int) -> Float[np.ndarray, "h w 3"]:
        focal = self.focal_share * width
        return rays(height, width, (focal, focal))

    def _along_axis(self, distance: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
        known = np.isfinite(distance) & (distance > 0)
        depth = np.where(known, distance, 0) / np.linalg.norm(self._rays(*distance.shape), axis=-1)
        return depth.astype(np.float32)

    def _facing(self, stored: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w 3"]:
        normals = to_ours(stored.astype(np.float32), "opengl")
        away = (normals * self._rays(*normals.shape[:2])).sum(-1, keepdims=True) > 0
        return np.where(away, -normals, normals).astype(np.float32)

    def _splits(self) -> dict[tuple[str, str, int], str]:
        if self._table is None:
            return {}
        rows = list(csv.DictReader(io.StringIO(text_of(self._table))))
        if not rows or any(name not in rows[0] for name in _COLUMNS):
            raise InputError(f"{self._table}: should have the columns {', '.join(_COLUMNS)}; download it again")
        splits = {}
        for number, row in enumerate(rows, 2):
            if str(row["included_in_public_release"]).lower() != "true":
                continue
            if row["split_partition_name"] not in ("train", "val", "test") or not str(row["frame_id"]).isdecimal():
                raise InputError(f"{self._table}: line {number} has no frame and split that can be; download it again")
            splits[row["scene_name"], row["camera_name"], int(row["frame_id"])] = row["split_partition_name"]
        return splits
