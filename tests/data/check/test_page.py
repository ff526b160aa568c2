"""The page: it stands alone, names what was found, and takes no name for HTML."""

import html
import re
from pathlib import Path

import pytest

from headfreeze.data.check import check_datasets
from tests.worlds import TinyPair

Capture = pytest.CaptureFixture[str]


def page(roots: list[Path], out: Path) -> str:
    check_datasets(roots, out)
    return (out / "index.html").read_text()


def test_the_page_shows_every_split_and_fetches_nothing(tiny_pair: TinyPair, tmp_path: Path) -> None:
    text = page([tiny_pair.source, tiny_pair.target], tmp_path)
    assert not re.search(r"(src|href)=\"(https?:)?//|url\(|@import|<script", text)
    pictures = re.findall(r'<img src="([^"]+)"', text)
    assert len(pictures) == 6
    assert all((tmp_path / picture).is_file() for picture in pictures)
    for words in (
        "Nothing is wrong",
        "As source and target",
        "normals: directions",
        "depth: share of the pixels, logarithmic",
    ):
        assert words in text


def test_faults_are_on_the_page_and_names_are_escaped(tiny_pair: TinyPair, tmp_path: Path, capsys: Capture) -> None:
    root = tiny_pair.copy(tmp_path).source
    evil = root / 'train/image/<img src=x onerror="alert(1)">.png'
    evil.write_bytes(b"")
    renamed = root.rename(root.with_name("<b>&source"))
    text = page([renamed], tmp_path / "out")
    assert "<img src=x" not in text
    assert "<b>&source" not in text
    assert html.escape('<img src=x onerror="alert(1)">.png', quote=False).replace('"', "&#34;") in text
    assert "1 wrong" in text
    assert "wrong (1):" in capsys.readouterr().out
    assert (tmp_path / "out" / "<b>&source-train.png").is_file()
    assert 'src="%3Cb%3E%26source-train.png"' in text
