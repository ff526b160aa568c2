"""Writing the folder format: what a reader of another format gives becomes a dataset."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import yaml
from jaxtyping import Num, UInt8
from torch import Tensor

from headfreeze.data.exif import with_exif
from headfreeze.data.folder import CONFIG, SPLITS
from headfreeze.data.groups import pattern_of
from headfreeze.data.images import read_image
from headfreeze.errors import InputError, unknown
from headfreeze.files import new_folder, write_bytes, write_text
from headfreeze.stored import File
from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task


@dataclass(frozen=True)
class LabelledImage:
    """An image with its labels, in the conventions of docs/data.md.

    Attributes:
        split: train, val or test.
        id: its name, which becomes its file's; may hold folders (`kitchen/0001`).
        image: RGB; or a file that `read_image` reads, which is copied as it is.
        labels: by task, those that there are; dense ones (h, w) or (h, w, channels), keypoints (k, 2 … 4).
        exif: of the photograph that the pixels are, see `headfreeze.data.exif`; files keep their own.
    """

    split: str
    id: str
    image: UInt8[np.ndarray, "h w 3"] | File
    labels: Mapping[str, Num[np.ndarray, "..."]] = field(default_factory=dict)
    exif: bytes = b""


def write_dataset(
    root: Path | str, tasks: Mapping[str, Mapping[str, Any]], images: Iterable[LabelledImage], groups: str = ""
) -> dict[str, int]:
    """Writes a dataset in the folder format: ROOT/dataset.yaml, ROOT/SPLIT/image/ID.png, ROOT/SPLIT/TASK/ID.EXT.

    The folder appears when all is written, or not at all. Images are taken one at a time, so a generator may read them.

    Args:
        root: must not exist yet.
        tasks: dataset.yaml's entry of each task, for example {"normals": {}, "edges": {"kind": "segmentation", …}}.
        images: any number, of any splits.
        groups: a regular expression that ids of one scene or person begin with; none: every image is its own.

    Returns:
        How many images of each split there are.

    Raises:
        InputError: `root` exists, no images, or one that cannot be: an unknown split or task, a size that disagrees;
            `groups` is no pattern.
    """
    root = Path(root)
    if root.exists():
        raise InputError(f"{root}: exists already; name a folder that does not, or remove it first")
    made = {name: make_task(name, dict(options)) for name, options in tasks.items()}
    if groups:
        pattern_of(groups, root / CONFIG)
    counts: dict[str, int] = {}
    with new_folder(root) as folder:
        entries = {name: dict(options) for name, options in tasks.items()}
        config = {"tasks": entries} | ({"groups": groups} if groups else {})
        write_text(folder / CONFIG, yaml.safe_dump(config, sort_keys=False))
        for each in images:
            write_image(folder, each, made)
            counts[each.split] = counts.get(each.split, 0) + 1
        if not counts:
            raise InputError(f"{root}: there are no images to write")
    return counts


def write_image(folder: Path, each: LabelledImage, tasks: Mapping[str, Task]) -> None:
    """Writes one image of a dataset and its labels, the image last.

    Raises:
        InputError: it cannot be: an unknown split or task, an id that is no path, a size that disagrees.
    """
    if each.split not in SPLITS:
        raise InputError(f"image '{each.id}': {unknown('split', each.split, SPLITS)}")
    relative = Path(each.id)
    if not each.id or relative.is_absolute() or ".." in relative.parts or relative.name.startswith("."):
        raise InputError(f"image '{each.id}': an id is a name, or a path below its split's folder")
    path, size, data = _encoded(each)
    path = folder / each.split / "image" / path
    if path.exists():
        raise InputError(f"image '{each.id}': there are two of this id in {each.split}; give each its own")
    labels: dict[str, Tensor] = {}
    for name, label in each.labels.items():
        if name not in tasks:
            raise InputError(f"image '{each.id}': {unknown('task', name, tasks)}")
        labels[name] = _as_label(np.asarray(label), tasks[name], each, size)
    for name, value in labels.items():  # none before all are known to fit: a label without its image is a fault
        extension = tasks[name].extension(value)  # always appended: the id itself may end in ".png"
        tasks[name].write(value, folder / each.split / name / f"{each.id}{extension}")
    write_bytes(path, data)  # last: an image that is there is there with its labels


def _encoded(each: LabelledImage) -> tuple[Path, tuple[int, int], bytes]:
    """The image's file below its split's folder, its size (height, width), and the file's bytes."""
    if isinstance(each.image, File):
        size = read_image(each.image).shape[:2]  # decoded to the end: a damaged one is not passed on
        return Path(each.id + each.image.suffix.lower()), size, each.image.read_bytes()
    if each.image.dtype != np.uint8 or each.image.ndim != 3 or each.image.shape[2] != 3:
        raise InputError(
            f"image '{each.id}': {each.image.dtype} of shape {each.image.shape}; give 8-bit RGB, (height, width, 3)"
        )
    _, encoded = cv2.imencode(".png", each.image[..., ::-1])
    return Path(f"{each.id}.png"), each.image.shape[:2], with_exif(encoded.tobytes(), each.exif)


def _as_label(label: np.ndarray, task: Task, each: LabelledImage, size: tuple[int, int]) -> Tensor:
    """An array (h, w), (h, w, k) or (points, 2 … 4) as the task's own (k, h, w) or (points, 4)."""
    height, width = size
    like = task.invalid(height, width).as_subclass(Tensor)
    native = label.dtype.newbyteorder("=")  # files may be of the other byte order, which torch lacks
    value = torch.from_numpy(np.array(label, native, order="C")).to(like.dtype)
    if task.dense:
        value = value[None] if value.ndim == 2 else value.movedim(-1, 0)
    elif value.ndim == 2 and value.shape[1] < like.shape[1]:
        value = torch.cat([value, value.new_full((len(value), like.shape[1] - value.shape[1]), float("nan"))], 1)
    if value.shape != like.shape:
        raise InputError(
            f"image '{each.id}': its label of '{task.name}' is {label.shape}; for an image of {height}x{width} it must"
            f" be {_wanted(task, like)}"
        )
    return task.wrap(value, (height, width))


def _wanted(task: Task, like: Tensor) -> str:
    if not task.dense:
        return f"({len(like)}, 2 … {like.shape[1]})"
    channels, height, width = like.shape
    return f"({height}, {width})" if channels == 1 else f"({height}, {width}, {channels})"
