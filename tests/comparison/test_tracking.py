"""How far a comparison is said to be, and how long it is said to take: against sums by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from headfreeze.comparison.graph import Graph, PhaseNode
from headfreeze.comparison.tracking import Tracker
from headfreeze.recipes import RECIPES
from headfreeze.settings import Training


class Folder:
    """Stands for a phase's folder that says what a test wants."""

    def __init__(self, key: str, **says: Any) -> None:
        self.key, self.says = key, says
        self.finished = "steps" in says

    def result(self) -> dict[str, Any]:
        return self.says

    def progress(self) -> dict[str, Any]:
        return {} if self.finished else self.says


def tracker_of(out: Path, workers: int, says: dict[str, dict[str, Any]]) -> tuple[Tracker, dict[str, PhaseNode]]:
    """A hundred steps of 4 images a domain for baseline and headfreeze: 100, then 50 and 50 steps."""
    training = Training(steps=100, batch_size=4)
    graph = Graph([RECIPES["baseline"], RECIPES["headfreeze"]], (0,), training)
    nodes = dict(zip(("baseline", "first", "second"), graph.phases, strict=True))
    names = {node: name for name, node in nodes.items()}

    def folder_of(node: PhaseNode) -> Any:
        return Folder(names[node], **says[names[node]]) if names[node] in says else None

    return Tracker(out, graph, folder_of, training, workers), nodes


def written(out: Path) -> dict[str, Any]:
    return json.loads((out / "progress.json").read_text())


@pytest.mark.parametrize(("workers", "seconds"), [(1, 25.0), (2, 13.0), (4, 13.0)])
def test_the_time_left_is_that_of_all_phases_or_of_the_longest_chain(
    workers: int, seconds: float, tmp_path: Path
) -> None:
    says = {
        "baseline": {"step": 35, "images_per_second": 20.0, "worker": "here:1"},
        "first": {"step": 20, "images_per_second": 60.0, "worker": "here:2"},
    }
    tracker, nodes = tracker_of(tmp_path, workers, says)
    tracker.begin(nodes["baseline"])
    tracker.begin(nodes["first"])
    tracker.write("training")
    # baseline: 65 steps of 4 images at 20 a second; first: 30 of 4 at 60; second: 50 of 8 at 40, the mean of both
    assert 65 * 4 / 20 == 13
    assert 30 * 4 / 60 + 50 * 8 / 40 == 12
    assert written(tmp_path)["seconds_left"] == pytest.approx(seconds)


def test_every_phase_has_a_row_with_its_state(tmp_path: Path) -> None:
    says = {
        "first": {"steps": 30, "images_per_second": 50.0},
        "second": {"step": 10, "images_per_second": 0.0, "worker": "here:2"},
    }
    tracker, nodes = tracker_of(tmp_path, 2, says)
    tracker.end(nodes["first"])
    tracker.begin(nodes["second"])
    tracker.write("training")
    found = written(tmp_path)
    assert (found["format"], found["state"], found["trained"], found["without_sharing"]) == (1, "training", 1, 1)
    names = ("recipes", "phase", "of", "key", "steps", "done", "state", "images_per_second", "worker")
    assert [tuple(row[name] for name in names) for row in found["phases"]] == [
        (["baseline"], 1, 1, None, 100, 0, "waiting", None, None),
        (["headfreeze"], 1, 2, "first", 30, 30, "finished", 50.0, None),
        (["headfreeze"], 2, 2, "second", 50, 10, "training", None, "here:2"),
    ]


def test_nothing_is_said_of_the_time_left_before_a_speed_is_known_and_none_is_left_in_the_end(tmp_path: Path) -> None:
    tracker, nodes = tracker_of(tmp_path, 1, {})
    tracker.begin(nodes["baseline"])
    tracker.write("training")
    assert written(tmp_path)["seconds_left"] is None
    tracker.write("done")
    assert written(tmp_path)["seconds_left"] == 0.0


def test_it_is_written_every_few_seconds_and_no_more_often(tmp_path: Path) -> None:
    tracker, nodes = tracker_of(tmp_path, 1, {})
    tracker.begin(nodes["baseline"])
    first = (tmp_path / "progress.json").stat().st_mtime_ns
    for _ in range(100):
        tracker.look()
    assert (tmp_path / "progress.json").stat().st_mtime_ns == first


def test_people_are_told_the_steps_of_all_phases_together(tmp_path: Path) -> None:
    says = {"baseline": {"step": 35, "images_per_second": 20.0}, "first": {"step": 20, "images_per_second": 60.0}}
    tracker, nodes = tracker_of(tmp_path, 2, says)
    told: list[tuple[int, str]] = []
    tracker.report = lambda count, text: told.append((count, text))
    tracker.begun |= {nodes["baseline"], nodes["first"]}
    tracker.write("training")
    tracker.write("training")
    assert told == [(55, "0/3 phases, 2 in training at 80 images/s")], "nothing is said twice"
