"""What mkdocs calls: pages of the site that are files of the repository's root, with their links turned accordingly."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).resolve().parents[1]
_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_ALONGSIDE = ("CITATION.cff",)


def on_files(files: Files, *, config: Any) -> Files:
    """Adds the README as the first page, and what it links to beside it."""
    for source, page in _PAGES.items():
        files.append(File.generated(config, page, content=_relinked((_ROOT / source).read_text())))
    for name in _ALONGSIDE:
        files.append(File.generated(config, name, abs_src_path=str(_ROOT / name)))
    return files


def _relinked(text: str) -> str:
    """Links as seen from docs/ instead of from the root."""
    for source, page in _PAGES.items():
        text = text.replace(f"]({source})", f"]({page})")
    return re.sub(r"\]\(docs/", "](", text)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to files of the repository that are no pages become their text."""
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]+\)", r"\1", markdown)
