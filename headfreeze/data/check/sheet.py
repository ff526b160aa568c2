"""Contact sheets: a few images of a split with every label beside them, and a ball to compare normals with."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from headfreeze.data.check.files import SplitFindings
from headfreeze.data.folder import Dataset
from headfreeze.data.images import image_size, read_image
from headfreeze.errors import InputError
from headfreeze.files import write_with
from headfreeze.pictures import grid, image_cell, label_cell, spread
from headfreeze.stored import File
from headfreeze.tasks.base import Task
from headfreeze.tasks.depth import DepthTask
from headfreeze.tasks.normals import NormalsTask
from headfreeze.tasks.segmentation import SegmentationTask

_ROWS = 6
_CELL = 128  # pixels
_LEGEND_LINES, _LEGEND_COLUMNS = 8, 4
_NOTHING = np.full((_CELL, 32, 3), 225, np.uint8)  # a missing or unreadable file


def write_sheet(dataset: Dataset, findings: SplitFindings, path: Path) -> None:
    """Writes the sheet of a split: images at equal distances, and what can be read of their labels."""
    tasks = {name: task for name, task in dataset.tasks.items() if findings.labels[name]}
    rows = [_row(findings, key, tasks) for key in spread(list(findings.images), _ROWS)]
    picture = grid(["image", *tasks], [_key_row(tasks), *rows])
    write_with(path, lambda p: picture.save(p))


def ball() -> Float[Tensor, "3 h w"]:
    """The normals of a ball that fills the picture, in our frame; invalid around it."""
    x = (torch.arange(_CELL) + 0.5) / _CELL * 2 - 1
    y = -x[:, None]
    z = (1 - x**2 - y**2).clamp(min=0).sqrt()
    return torch.stack([x.expand_as(z), y.expand_as(z), z]) * (z > 0)


def _row(findings: SplitFindings, key: str, tasks: Mapping[str, Task]) -> list[Image.Image]:
    return [
        _image(findings.images[key]),
        *(_label(task, findings.labels[name].get(key), findings.images[key]) for name, task in tasks.items()),
    ]


def _key_row(tasks: Mapping[str, Task]) -> list[Image.Image]:
    """How to read the colours: a ball in grey, lit from the camera, and in its normals; near and far; the classes."""
    normals = ball()
    grey = (normals[2:] * 200).to(torch.uint8).expand(3, -1, -1).permute(1, 2, 0).numpy()
    cells = [image_cell(grey)]
    for task in tasks.values():
        if task.kind == NormalsTask.kind:
            cells.append(label_cell(task.render(normals)))
        elif task.kind == DepthTask.kind:
            cells.append(_near_to_far(task))
        else:
            cells.append(
                _class_names(task) if isinstance(task, SegmentationTask) else Image.new("RGB", (1, 1), "white")
            )
    return cells


def _near_to_far(task: Task) -> Image.Image:
    """A depth that grows from left to right, and what its ends are."""
    picture = Image.new("RGB", (_CELL, _CELL), "white")
    ramp = task.render(torch.linspace(1, 5, _CELL).expand(1, 16, _CELL))
    picture.paste(Image.fromarray(np.ascontiguousarray(ramp)), (0, _CELL // 2 - 8))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=11)
    draw.text((0, _CELL // 2 + 12), "near", fill="black", font=font)
    draw.text((_CELL, _CELL // 2 + 12), "far", fill="black", font=font, anchor="ra")
    return picture


def _class_names(task: SegmentationTask) -> Image.Image:
    """Each class's name in its colour, in columns of eight; as many as a few columns hold."""
    names = task.classes[: _LEGEND_LINES * _LEGEND_COLUMNS]
    font = ImageFont.load_default(size=11)
    width = int(max(font.getlength(name) for name in names)) + 22
    picture = Image.new("RGB", (width * -(-len(names) // _LEGEND_LINES), _CELL), "white")
    draw = ImageDraw.Draw(picture)
    for index, name in enumerate(names):
        left, top = index // _LEGEND_LINES * width, index % _LEGEND_LINES * (_CELL // _LEGEND_LINES)
        colour = task.render(torch.full((1, 1, 1), index))[0, 0]
        draw.rectangle((left, top + 2, left + 11, top + 13), fill=tuple(colour.tolist()))
        draw.text((left + 16, top + 8), name, fill="black", font=font, anchor="lm")
    return picture


def _image(path: File) -> Image.Image:
    try:
        return image_cell(read_image(path))
    except InputError:
        return label_cell(_NOTHING)


def _label(task: Task, path: File | None, image: File) -> Image.Image:
    if path is None:
        return label_cell(_NOTHING)
    try:
        return label_cell(task.render(task.wrap(task.read(path), image_size(image)), read_image(image)))
    except InputError:
        return label_cell(_NOTHING)
