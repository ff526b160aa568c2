"""How far a comparison is, from what it writes and from what lies there."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from headfreeze.comparison.report.contents import read_contents
from headfreeze.comparison.report.progress import ComparisonProgress, read_progress
from headfreeze.comparison.report.words import duration, listed


def phase(state: str, **values: Any) -> dict[str, Any]:
    usual = {"recipes": ["mtl-both", "oracle"], "seed": 1, "phase": 1, "of": 2, "key": None, "steps": 40, "done": 10}
    return usual | {"state": state, "images_per_second": None, "worker": None} | values


def progress_of(compared: Path, tmp_path: Path, **values: Any) -> ComparisonProgress:
    """Of a comparison of which one run is missing."""
    folder = tmp_path / "out"
    if not folder.exists():
        shutil.copytree(compared, folder)
        shutil.rmtree(folder / "runs/headfreeze-da-seed1/evaluation")
    usual = {"format": 1, "state": "training", "updated": time.time(), "seconds_left": 250.0, "phases": []}
    (folder / "progress.json").write_text(json.dumps(usual | {"trained": 3, "without_sharing": 4} | values))
    return read_progress(read_contents(folder))


def test_phases_that_train_come_first_and_time_is_in_words(compared: Path, tmp_path: Path) -> None:
    phases = [phase("finished", done=40), phase("waiting", done=0), phase("training", images_per_second=81.6)]
    found = progress_of(compared, tmp_path, phases=phases)
    assert (found.runs, found.wanted, found.state, found.left) == (5, 6, "training", "4 min")
    assert [each.state for each in found.phases] == ["training", "waiting", "finished"]
    assert found.phases[0].name == "mtl-both, oracle · seed 1 · phase 1/2"
    assert found.phases[0].speed == "82 images/s"
    assert found.line == "5/6 runs, training, 4 min left, mtl-both, oracle · seed 1 · phase 1/2 10/40"


def test_one_that_has_been_silent_for_long_has_stopped(compared: Path, tmp_path: Path) -> None:
    found = progress_of(compared, tmp_path, updated=time.time() - 3600)
    assert (found.state, found.left) == ("stopped", "")
    assert progress_of(compared, tmp_path, updated=time.time() - 3600, state="failed").state == "failed"


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 1}'])
def test_what_is_not_understood_leaves_what_the_runs_tell(text: str, compared: Path, tmp_path: Path) -> None:
    progress_of(compared, tmp_path)
    (tmp_path / "out/progress.json").write_text(text)
    assert read_progress(read_contents(tmp_path / "out")).line == "5/6 runs, unfinished"
    assert read_progress(read_contents(compared)).line == "6/6 runs, done"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (89, "89 s"),
        (91, "2 min"),
        (3600, "60 min"),
        (7200, "2 h 0 min"),
        (9000, "2 h 30 min"),
        (9e5, "10 days"),
    ],
)
def test_durations_are_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_names_are_listed_as_people_list_them() -> None:
    assert [listed(["a", "b", "c"][:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
    assert listed(["a", "b"], "or") == "a or b"
