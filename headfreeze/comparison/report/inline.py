"""Figures and pictures as parts of a page: SVG in its own colours, WebP as data URIs that fit into a limit of bytes."""

import base64
import io
import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from headfreeze.comparison.figures.style import INK

_QUALITY = 88
_SIDES = (512, 384, 288, 216, 160, 112, 80)
_SMALL = 128


def inline_svg(path: Path, alt: str) -> str:
    """The figure as an element whose texts and axes have the colour of the page's own text."""
    text = path.read_text()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL).replace(
        INK, "currentColor"
    )
    prefix = re.sub(r"\W", "-", path.stem)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)  # several figures are in one page, and each has an axes_1
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", text)
    text = re.sub(r' (width|height)="[\d.]+pt"', "", text, count=2)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1)


def data_uris(pictures: Mapping[str, UInt8[np.ndarray, "h w 3"]], limit_bytes: int) -> dict[str, str]:
    """The pictures as data URIs that together are at most so long, smaller where they would be longer.

    Small ones are kept without loss, so that their pixels stay what they are.
    """
    for side in _SIDES:
        found = {name: _webp(picture, side) for name, picture in pictures.items()}
        if _length(found.values()) <= limit_bytes:
            break
    return {name: f"data:image/webp;base64,{base64.b64encode(data).decode()}" for name, data in found.items()}


def _length(encoded: Iterable[bytes]) -> int:
    return sum(4 * len(data) // 3 + 40 for data in encoded)


def _webp(picture: UInt8[np.ndarray, "h w 3"], side: int) -> bytes:
    image = Image.fromarray(picture)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    image.save(data, "webp", quality=_QUALITY, lossless=max(image.size) <= _SMALL)
    return data.getvalue()
