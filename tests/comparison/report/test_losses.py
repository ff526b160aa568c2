"""Losses of phases that lie in the store, wherever that is; what is missing of them is said in the report."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from headfreeze.comparison.report import write_report
from headfreeze.comparison.report.contents import Contents, read_contents
from headfreeze.files import write_json
from headfreeze.training.mirror import Mirror


def read_from(store: str, compared: Path, tmp_path: Path) -> Contents:
    """A copy of the comparison, as if its phases had been trained in another store."""
    folder = tmp_path / "out"
    if not folder.exists():
        shutil.copytree(compared, folder)
    card = json.loads((folder / "comparison.json").read_text())
    write_json(folder / "comparison.json", card | {"phases": store})
    return read_contents(folder)


@pytest.fixture
def url(compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What training leaves in object storage of the comparison's phases, for a machine that has not trained them."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    for path in (compared.parent / "phases").glob("*/metrics.csv"):
        Mirror("memory://losses/phases").push(path, f"{path.parent.name}/metrics.csv")
    yield "memory://losses/phases"
    fsspec.filesystem("memory").store.clear()


def test_losses_are_read_from_object_storage(url: str, compared: Path, tmp_path: Path) -> None:
    found, expected = read_from(url, compared, tmp_path), read_contents(compared)
    assert found.histories() == expected.histories()
    (first, _) = found.histories()["headfreeze-da"]
    assert min(row["step"] for row in first.rows) < first.begins[1], "the first phase is there"
    assert found.missing == expected.missing == []


@pytest.mark.usefixtures("unrendered")
def test_what_a_store_lacks_is_said_and_the_last_phase_is_there(
    compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = read_from("phases", compared, tmp_path)
    for history in found.histories()["headfreeze-da"]:
        assert min(row["step"] for row in history.rows) > history.begins[1]
    line = f"No losses of 2 of 2 phases before a recipe's last one: they are not in {tmp_path}/phases"
    assert found.missing == [line]
    write_report(tmp_path / "out")
    assert line.replace("'", "&#39;") in (tmp_path / "out/report.html").read_text()


def test_a_store_that_cannot_be_reached_is_asked_once_and_said_to_be_so(
    url: str, compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(_: Mirror, name: str) -> bool:
        asked.append(name)
        raise OSError("no route\nto host")

    monkeypatch.setattr(Mirror, "has", refuse)
    line = f"No losses of 2 of 2 phases before a recipe's last one: {url} cannot be read (no route to host)"
    assert read_from(url, compared, tmp_path).missing == [line]
    assert len(asked) == 1
    (line,) = read_from("nonsense://x", compared, tmp_path).missing
    assert "one: nonsense://x cannot be read (phases is 'nonsense://x': Protocol not known: nonsense; give" in line
