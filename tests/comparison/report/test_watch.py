"""A report that is watched is written again for every new run, and ends with the comparison."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from headfreeze import cli
from headfreeze.comparison.report import watch
from headfreeze.comparison.report.contents import read_contents


def unfinished(compared: Path, tmp_path: Path) -> Path:
    """A copy of which two evaluations lie aside, and that does not say how far it is."""
    folder = shutil.copytree(compared, tmp_path / "out")
    (folder / "progress.json").unlink()
    for seed in (0, 1):
        (folder / f"runs/oracle-seed{seed}/evaluation").rename(tmp_path / f"aside{seed}")
    return folder


@pytest.fixture(autouse=True)
def _unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read for a report is all that is watched."""
    monkeypatch.setattr(watch, "write_report", read_contents)


def test_a_line_for_every_change_until_all_runs_are_there(
    compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, sleeps = unfinished(compared, tmp_path), []

    def later(seconds: float) -> None:
        """What happens while it sleeps: nothing, a run, steps alone, the last run."""
        sleeps.append(seconds)
        if len(sleeps) in (2, 4):
            seed = len(sleeps) // 2 - 1
            (tmp_path / f"aside{seed}").rename(folder / f"runs/oracle-seed{seed}/evaluation")
        elif len(sleeps) == 3:
            values = {"format": 1, "state": "training", "updated": time.time(), "seconds_left": 5.0, "phases": []}
            (folder / "progress.json").write_text(json.dumps(values))
        assert len(sleeps) < 5

    monkeypatch.setattr(watch.time, "sleep", later)
    assert list(watch.watch_report(folder, 0.5)) == ["4/6 runs, unfinished", "5/6 runs, unfinished", "6/6 runs, done"]
    assert sleeps == [0.5] * 4


def test_steps_alone_are_news_after_a_while_and_a_failure_ends_it(
    compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = unfinished(compared, tmp_path)

    def fail(_: float) -> None:
        values = {"format": 1, "state": "failed", "updated": time.time(), "seconds_left": None, "phases": []}
        (folder / "progress.json").write_text(json.dumps(values))

    monkeypatch.setattr(watch.time, "sleep", fail)
    monkeypatch.setattr(watch, "_SECONDS_BETWEEN_STEPS", 0.0)
    assert list(watch.watch_report(folder)) == ["4/6 runs, unfinished", "4/6 runs, failed"]


def test_an_interruption_ends_it_quietly(
    compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: float) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", interrupt)
    assert cli.run(["report", "--watch", str(unfinished(compared, tmp_path))]) == 0
    assert capsys.readouterr() == ("4/6 runs, unfinished\n", "")
