"""The documentation site is built without a warning, and neither building nor reading it fetches anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import headfreeze

pytest.importorskip("mkdocs")
ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted(path.name for path in (ROOT / "docs").glob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    environment["https_proxy"] = environment["http_proxy"]  # nobody listens there: a download would fail
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return out


def test_every_page_is_there_and_in_the_navigation(site: Path) -> None:
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2]
    for name in (*DOCS, "index.md", "contributing.md", "changelog.md"):
        assert f"- {name}\n" in navigation, f"{name} is not in mkdocs.yml's nav"
        assert (site / name.replace(".md", ".html")).is_file()


def test_the_first_page_is_the_readme_with_links_that_lead_somewhere(site: Path) -> None:
    page = (site / "index.html").read_text()
    assert "Synthetic labels, real photographs." in page
    for link in re.findall(r'(?:href|src)="([^":#]+)(?:#[^"]*)?"', page):
        assert (site / link).exists(), link
    assert 'href="CITATION.cff"' in page


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    fetched = re.compile(r'<(?:script|img|iframe|link)\b[^>]*(?:src|href)="(?:https?:)?//[^"]*"')
    for page in site.rglob("*.html"):
        assert not fetched.findall(page.read_text()), page
    for style in site.rglob("*.css"):
        assert not re.findall(r"url\(\W?https?:|@import", style.read_text()), style


def test_the_reference_describes_every_public_name(site: Path) -> None:
    page = (site / "reference.html").read_text()
    for name in set(headfreeze.__all__) - {"RECIPES"}:
        place = getattr(headfreeze, name)
        assert f'id="{place.__module__}.{place.__name__}"' in page, name


def test_the_examples_are_included_not_copied(site: Path) -> None:
    markdown, page = (ROOT / "docs/programming.md").read_text(), (site / "programming.html").read_text()
    for example in sorted((ROOT / "examples").glob("own_*.py")):
        assert f"--8<--\nexamples/{example.name}\n--8<--" in markdown
        first = example.read_text().splitlines()[0].split(":")[0].strip('"')
        assert first in page, example
        assert first not in markdown


def test_the_theme_fetches_no_fonts() -> None:
    text = (ROOT / "mkdocs.yml").read_text()
    assert yaml.safe_load(text)["theme"]["font"] is False
