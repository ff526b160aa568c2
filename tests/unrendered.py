"""Reports whose figures are made, but not rendered: rendering takes half the time of a tiny comparison."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def unrendered_figures() -> Iterator[None]:
    """Within it, the files of a report's figures are there and empty; tests/comparison/report renders them."""

    def save(_: object, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.png").write_text("")
        (folder / f"{name}.svg").write_text("<svg ></svg>")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headfreeze.comparison.report.drawn.save", save)
        yield
