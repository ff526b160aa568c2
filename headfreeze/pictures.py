"""Pictures to look at: a grid of images and rendered labels, a title above each column."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

_CELL_HEIGHT = 128
_MARGIN = 4
_TITLE_HEIGHT = 20
_Item = TypeVar("_Item")


def image_cell(array: UInt8[np.ndarray, "h w 3"]) -> Image.Image:
    """A photograph at the height of the cells."""
    return _scaled(array, Image.Resampling.LANCZOS)


def label_cell(array: UInt8[np.ndarray, "h w 3"]) -> Image.Image:
    """A rendered label at the height of the cells, its values unblended."""
    return _scaled(array, Image.Resampling.NEAREST)


def grid(titles: Sequence[str], rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Rows of cells below the titles of their columns; every row has a cell for each title."""
    font = ImageFont.load_default(size=13)
    widths = [max(int(font.getlength(title)) + 1, *(row[i].width for row in rows)) for i, title in enumerate(titles)]
    size = (sum(widths) + _MARGIN * (len(widths) + 1), _TITLE_HEIGHT + len(rows) * (_CELL_HEIGHT + _MARGIN) + _MARGIN)
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    left = _MARGIN
    for i, title in enumerate(titles):
        draw.text((left + widths[i] / 2, _TITLE_HEIGHT / 2 + 1), title, fill="black", font=font, anchor="mm")
        for k, row in enumerate(rows):
            picture.paste(row[i], (left, _TITLE_HEIGHT + _MARGIN + k * (_CELL_HEIGHT + _MARGIN)))
        left += widths[i] + _MARGIN
    return picture


def spread(items: Sequence[_Item], count: int) -> list[_Item]:
    """`count` of the items at equal distances, the first and the last among them; all where there are fewer."""
    return [items[int(i)] for i in np.linspace(0, len(items) - 1, min(count, len(items)))]


def _scaled(array: UInt8[np.ndarray, "h w 3"], how: Image.Resampling) -> Image.Image:
    height, width = array.shape[:2]
    return Image.fromarray(array).resize((max(round(width * _CELL_HEIGHT / height), 1), _CELL_HEIGHT), how)
