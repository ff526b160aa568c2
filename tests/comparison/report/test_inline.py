"""Parts of a page: figures that take its colours and names, pictures that keep within a limit."""

import base64
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from headfreeze.comparison.figures.scores import Against, draw_differences
from headfreeze.comparison.figures.style import INK, looks, save
from headfreeze.comparison.report.inline import data_uris, inline_svg


def decoded(uri: str) -> Image.Image:
    head, _, data = uri.partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_texts_of_figures_have_the_pages_colour_and_ids_are_told_apart(tmp_path: Path) -> None:
    for name in ("one", "two figures"):
        figure = draw_differences({"mtl-both": Against(1.0, 0.5, 2.0, [1.0])}, looks(["mtl-both"]), "mean", True)
        save(figure, tmp_path, name)
    one, two = (inline_svg(tmp_path / f"{name}.svg", 'a "title" & more') for name in ("one", "two figures"))
    for text in (one, two):
        assert INK not in text
        assert "currentColor" in text
        root = ElementTree.fromstring(text)
        assert root.get("aria-label") == 'a "title" & more'
        assert root.get("width") is None
        ids = set(re.findall(r'\bid="([^"]+)"', text))
        assert set(re.findall(r'(?:url\(|href=")#([^")]+)', text)) <= ids, "what is referred to is there"
    assert not set(re.findall(r'\bid="([^"]+)"', one)) & set(re.findall(r'\bid="([^"]+)"', two))


def test_small_pictures_keep_every_value() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    uri = data_uris({"a": picture}, 1_000_000)["a"]
    np.testing.assert_array_equal(np.array(decoded(uri).convert("RGB")), picture)


@pytest.mark.parametrize("limit", [60_000, 400_000])
def test_many_large_pictures_keep_within_the_limit(limit: int) -> None:
    rng = np.random.default_rng(0)
    pictures = {str(k): rng.integers(0, 256, (384, 512, 3)).astype(np.uint8) for k in range(4)}
    uris = data_uris(pictures, limit)
    assert sum(map(len, uris.values())) <= limit
    assert all(decoded(uri).width >= 80 for uri in uris.values())
