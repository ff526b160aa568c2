"""COCO's format (Lin et al., ECCV 2014; https://cocodataset.org/#format-data): keypoints, polygons, panoptic masks.

    annotations.json    images: [{id, file_name, height, width}],
                        categories: [{id, name, keypoints: [nose, left_eye, …]}],
                        annotations: [{image_id, category_id, area, keypoints: [x, y, v, …], segmentation: [[x, y, …]]}]
    IMAGES/file_name
    MASKS/file_name     of panoptic annotations (`headfreeze.data.readers.coco_panoptic`)

What many tools of annotation export. Of several annotations with keypoints in an image the largest is taken: a task
of keypoints has one set an image. Polygons are drawn in the order of their area, large ones first; run-length masks
are left out. Images without annotations have no labels.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from headfreeze.data.images import image_size
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.coco_panoptic import classes_of_segments
from headfreeze.data.readers.safely import inside, reading, text_of
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError, unknown

_KINDS = ("keypoints", "segmentation", "panoptic")
_PARTS = ("images", "annotations", "categories")
_MOST_CLASSES = 254
_INVALID = 255
_FARTHEST_PX, _LEAST_CORNERS = 100_000, 3


@dataclass(frozen=True)
class Coco(Reader):
    """Reads a file in COCO's format.

    Args:
        annotations: the .json, below the root.
        images: folder of the pictures, below the root.
        masks: folder of panoptic masks, below the root.
        kind: keypoints; segmentation, of polygons, with background as the first class; panoptic, of masks.
        category: of the keypoints; none: the first that has some.
    """

    annotations: str = "annotations.json"
    images: str = "images"
    masks: str = "panoptic"
    kind: str = "keypoints"
    category: str = ""
    name = "coco"

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise InputError(unknown("kind", self.kind, _KINDS))

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Keypoints with the pairs that a mirror swaps, or segmentation."""
        if self.kind != "keypoints":
            classes = [category["name"] for category in self._content["categories"]]
            return {"segmentation": {"classes": classes if self.kind == "panoptic" else ["background", *classes]}}
        names = self._category["keypoints"]
        places = {name: number for number, name in enumerate(names)}
        mirror = [
            [number, places[name.replace("left", "right")]]
            for name, number in places.items()
            if "left" in name and name.replace("left", "right") in places
        ]
        return {"keypoints": {"count": len(names), "mirror": mirror}}

    def frames(self) -> Sequence[Frame]:
        """Every image of the file."""
        owned = defaultdict(list)
        for annotation in self._content["annotations"]:
            owned[str(annotation.get("image_id"))].append(annotation)
        frames = []
        for image in self._content["images"]:
            name = str(image.get("file_name", ""))
            relative = PurePosixPath(name)
            if not relative.name or relative.is_absolute() or ".." in relative.parts:
                raise InputError(f"{self._file}: image {image.get('id')} has file_name '{name}', which leads nowhere")
            key = relative.with_suffix("").as_posix()
            frames.append(Frame(key, key, None, (self.root / self.images / name, owned[str(image.get("id"))])))
        return frames

    def read(self, frame: Frame) -> LabelledImage:
        """One picture, its file as it is."""
        place, annotations = frame.place
        path = inside(self.root, Path(place))
        with reading(self._file):
            if self.kind == "keypoints":
                label = self._points(annotations)
            else:
                label = self._segments(annotations) if self.kind == "panoptic" else self._classes(annotations, path)
        task = "keypoints" if self.kind == "keypoints" else "segmentation"
        return LabelledImage(frame.split or "train", frame.id, path, {} if label is None else {task: label})

    def _points(self, annotations: Sequence[dict[str, Any]]) -> Float[np.ndarray, "k 4"] | None:
        """x, y from the corner of the image as COCO counts, no z, visibility: 2 is seen, 1 hidden, 0 not known."""
        own = [a for a in annotations if a.get("category_id") == self._category["id"] and any(a.get("keypoints", []))]
        if not own:
            return None
        largest = max(own, key=lambda annotation: float(annotation.get("area", 0)))
        values = np.array(largest["keypoints"], np.float64).reshape(len(self._category["keypoints"]), 3)
        points = np.full((len(values), 4), np.nan, np.float32)
        known = (values[:, 2] > 0) & np.isfinite(values[:, :2]).all(1)
        points[known, :2] = values[known, :2]
        points[:, 3] = known & (values[:, 2] > 1)
        return points

    def _classes(self, annotations: Sequence[dict[str, Any]], path: Path) -> UInt8[np.ndarray, "h w"] | None:
        if not annotations:
            return None
        numbers = {category["id"]: number for number, category in enumerate(self._content["categories"], 1)}
        label = np.zeros(image_size(path), np.uint8)
        for annotation in sorted(annotations, key=lambda annotation: -float(annotation.get("area", 0))):
            if annotation.get("category_id") not in numbers:
                raise InputError(
                    f"{self._file}: image {annotation.get('image_id')} has an annotation of category"
                    f" {annotation.get('category_id')}, which there is not; export it again"
                )
            polygons = annotation.get("segmentation")
            if isinstance(polygons, dict):  # run lengths: a crowd, or a mask; its box is not known to be background
                x, y, width, height = (
                    round(float(side)) for side in annotation.get("bbox", (0, 0, *label.shape[::-1]))
                )
                label[max(y, 0) : y + height, max(x, 0) : x + width] = _INVALID
                continue
            for polygon in polygons or ():
                corners = np.array(polygon, np.float64).reshape(-1, 2)
                if not (np.abs(corners) < _FARTHEST_PX).all():  # NaN too
                    raise InputError(
                        f"{self._file}: image {annotation.get('image_id')} has a polygon with corners farther than"
                        f" {_FARTHEST_PX} pixels, or NaN; export it again"
                    )
                if len(corners) < _LEAST_CORNERS:  # encloses nothing
                    continue
                _fill(label, corners, int(numbers[annotation["category_id"]]))
        return label

    def _segments(self, annotations: Sequence[dict[str, Any]]) -> UInt8[np.ndarray, "h w"] | None:
        if not annotations:
            return None
        name, segments = annotations[0].get("file_name"), annotations[0].get("segments_info")
        if not isinstance(name, str) or Path(name).name != name or not isinstance(segments, list):
            raise InputError(
                f"{self._file}: image {annotations[0].get('image_id')} has no file_name and segments_info; is it"
                " panoptic? --settings kind=segmentation reads polygons"
            )
        numbers = {category["id"]: number for number, category in enumerate(self._content["categories"])}
        mask = inside(self.root, self.root / self.masks / name)
        return classes_of_segments(mask, segments, numbers, self._file)

    @property
    def _file(self) -> Path:
        return inside(self.root, self.root / self.annotations)

    @cached_property
    def _content(self) -> dict[str, list[dict[str, Any]]]:
        try:
            content = json.loads(text_of(self._file))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{self._file}: not valid JSON ({error}); export it again") from None
        for part in _PARTS:
            found = content.get(part) if isinstance(content, dict) else None
            if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
                raise InputError(f"{self._file}: has no list '{part}'; is it in COCO's format?")
        for category in content["categories"]:
            points = category.get("keypoints", [])
            if "id" not in category or not isinstance(category.get("name"), str):
                raise InputError(f"{self._file}: a category has no id and name; export it again")
            if not isinstance(points, list) or not all(isinstance(name, str) for name in points):
                raise InputError(
                    f"{self._file}: keypoints of '{category['name']}' are no list of names; export it again"
                )
        if len(content["categories"]) > _MOST_CLASSES:
            raise InputError(f"{self._file}: {len(content['categories'])} categories; at most {_MOST_CLASSES} are read")
        return content

    @cached_property
    def _category(self) -> dict[str, Any]:
        with_points = {c["name"]: c for c in self._content["categories"] if c.get("keypoints")}
        if not with_points:
            raise InputError(f"{self._file}: no category has keypoints; --settings kind=segmentation reads polygons")
        if self.category and self.category not in with_points:
            raise InputError(unknown("category with keypoints", self.category, with_points))
        found: dict[str, Any] = with_points[self.category or next(iter(with_points))]
        return found


def _fill(label: UInt8[np.ndarray, "h w"], corners: Float[np.ndarray, "n 2"], value: int) -> None:
    """Sets the pixels whose centres lie inside of a polygon; OpenCV and Pillow would draw its outline as well."""
    from matplotlib.path import Path as Outline

    left, top = np.floor(corners.min(0)).clip(0).astype(int)
    right, bottom = np.ceil(corners.max(0)).clip(0).astype(int)
    part = label[top:bottom, left:right]
    centres = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in part.shape[::-1])), -1).reshape(-1, 2)
    part[Outline(corners - [left, top]).contains_points(centres).reshape(part.shape)] = value
