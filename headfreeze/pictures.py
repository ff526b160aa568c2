"""Pictures to look at: a grid of images and rendered labels, a title above each column."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

_CELL_HEIGHT = 128
_MARGIN = 4
_TITLE_HEIGHT, _LINE_HEIGHT = 20, 16
_Item = TypeVar("_Item")


def image_cell(array: UInt8[np.ndarray, "h w 3"]) -> Image.Image:
    """A photograph at the height of the cells."""
    return _scaled(array, Image.Resampling.LANCZOS)


def label_cell(array: UInt8[np.ndarray, "h w 3"]) -> Image.Image:
    """A rendered label at the height of the cells, its values unblended."""
    return _scaled(array, Image.Resampling.NEAREST)


def grid(titles: Sequence[str], rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Rows of cells below the titles of their columns; every row has a cell for each title.

    A title that is wider than its column goes on in another line at a plus sign.
    """
    font = ImageFont.load_default(size=13)
    cells = [max((row[i].width for row in rows), default=0) for i in range(len(titles))]
    broken = [_broken(title, width, font) for title, width in zip(titles, cells, strict=True)]
    widths = [
        max(width, *(int(font.getlength(line)) + 1 for line in lines))
        for width, lines in zip(cells, broken, strict=True)
    ]
    top = _TITLE_HEIGHT + _LINE_HEIGHT * (max(map(len, broken)) - 1)
    size = (sum(widths) + _MARGIN * (len(widths) + 1), top + len(rows) * (_CELL_HEIGHT + _MARGIN) + _MARGIN)
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    left = _MARGIN
    for i, (width, lines) in enumerate(zip(widths, broken, strict=True)):
        first = top / 2 + 1 - _LINE_HEIGHT * (len(lines) - 1) / 2
        for number, line in enumerate(lines):
            draw.text((left + width / 2, first + number * _LINE_HEIGHT), line, fill="black", font=font, anchor="mm")
        for k, row in enumerate(rows):
            picture.paste(row[i], (left, top + _MARGIN + k * (_CELL_HEIGHT + _MARGIN)))
        left += width + _MARGIN
    return picture


def _broken(title: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """The title in lines that fit into a width, where it can be broken."""
    first, *parts = title.split("+")
    lines = [first]
    for part in parts:
        if font.getlength(f"{lines[-1]}+{part}") < width:
            lines[-1] += f"+{part}"
        else:
            lines.append(f"+{part}")
    return lines


def spread(items: Sequence[_Item], count: int) -> list[_Item]:
    """`count` of the items at equal distances, the first and the last among them; all where there are fewer."""
    return [items[int(i)] for i in np.linspace(0, len(items) - 1, min(count, len(items)))]


def _scaled(array: UInt8[np.ndarray, "h w 3"], how: Image.Resampling) -> Image.Image:
    height, width = array.shape[:2]
    return Image.fromarray(array).resize((max(round(width * _CELL_HEIGHT / height), 1), _CELL_HEIGHT), how)
