"""A picture of a comparison: a row for each test image; the input, each recipe's prediction, the truth."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from headfreeze.data.folder import Sample
from headfreeze.data.images import read_image
from headfreeze.files import write_with
from headfreeze.run import Run
from headfreeze.tasks.base import Task

_CELL_HEIGHT = 128
_MARGIN = 4
_TITLE_HEIGHT = 20


def draw_figure(runs: Mapping[str, Run], samples: Sequence[Sample], task: Task, path: Path) -> None:
    """Writes the picture; every cell has the same height, labels are scaled without blending."""
    rows = []
    for sample in samples:
        image = read_image(sample.image)
        cells = [_scaled(image, Image.Resampling.LANCZOS)]
        for run in runs.values():
            cells.append(_scaled(task.render(run.predict(image)[task.name]), Image.Resampling.NEAREST))
        cells.append(_scaled(task.render(task.read(sample.labels[task.name])), Image.Resampling.NEAREST))
        rows.append(cells)
    picture = _grid(["input", *runs, "truth"], rows)
    write_with(path, lambda p: picture.save(p))


def spread_samples(samples: Sequence[Sample], count: int) -> list[Sample]:
    """`count` samples at equal distances, so that the choice depends on no result."""
    return [samples[int(i)] for i in np.linspace(0, len(samples) - 1, min(count, len(samples)))]


def _grid(titles: Sequence[str], rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    widths = [max(row[i].width for row in rows) for i in range(len(titles))]
    size = (sum(widths) + _MARGIN * (len(widths) + 1), _TITLE_HEIGHT + len(rows) * (_CELL_HEIGHT + _MARGIN) + _MARGIN)
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=13)
    left = _MARGIN
    for i, title in enumerate(titles):
        draw.text((left + widths[i] / 2, _TITLE_HEIGHT / 2 + 1), title, fill="black", font=font, anchor="mm")
        for k, row in enumerate(rows):
            picture.paste(row[i], (left, _TITLE_HEIGHT + _MARGIN + k * (_CELL_HEIGHT + _MARGIN)))
        left += widths[i] + _MARGIN
    return picture


def _scaled(array: UInt8[np.ndarray, "h w 3"], how: Image.Resampling) -> Image.Image:
    height, width = array.shape[:2]
    return Image.fromarray(array).resize((max(round(width * _CELL_HEIGHT / height), 1), _CELL_HEIGHT), how)
