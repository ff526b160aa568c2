"""How far an unfinished comparison is, from DIR/progress.json, which `compare` writes while it runs."""

import json
import time
from dataclasses import dataclass
from typing import Any

from headfreeze.comparison.report.contents import Contents
from headfreeze.comparison.report.words import duration
from headfreeze.comparison.tracking import FORMAT

_SILENT_SECONDS = 600
_OVER = ("done", "failed")


@dataclass(frozen=True)
class PhaseProgress:
    """One phase of the comparison.

    Attributes:
        name: whose it is and which.
        done: steps.
        steps: of the whole phase.
        state: waiting, training or finished.
        speed: images a second; empty where unknown.
    """

    name: str
    done: int
    steps: int
    state: str
    speed: str


@dataclass(frozen=True)
class ComparisonProgress:
    """The whole comparison.

    Attributes:
        state: training, evaluating, done or failed; stopped where nothing has been heard for long.
        runs: how many are evaluated.
        wanted: how many there will be.
        left: time left, in words; empty where unknown.
        updated: when this was last heard, in UTC.
        phases: those that are being trained, then those that wait, then the finished ones.
    """

    state: str
    runs: int
    wanted: int
    left: str
    updated: str
    phases: list[PhaseProgress]

    @property
    def line(self) -> str:
        """All of it in one line."""
        training = [f"{p.name} {p.done}/{p.steps}" for p in self.phases if p.state == "training"]
        parts = [f"{self.runs}/{self.wanted} runs", self.state, f"{self.left} left" if self.left else "", *training]
        return ", ".join(part for part in parts if part)


def read_progress(contents: Contents) -> ComparisonProgress:
    """How far it is; a file that is missing or not understood leaves what the runs tell."""
    try:
        values = json.loads((contents.folder / "progress.json").read_text())
        if values["format"] == FORMAT:
            return _from_file(contents, values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass  # it says nothing of the results
    return ComparisonProgress("done" if contents.finished else "unfinished", *_runs(contents), "", "", [])


def _from_file(contents: Contents, values: dict[str, Any]) -> ComparisonProgress:
    updated, left = float(values["updated"]), values["seconds_left"]
    state = str(values["state"])
    if state in ("training", "evaluating") and time.time() - updated > _SILENT_SECONDS:
        state, left = "stopped", None
    order = {"training": 0, "waiting": 1, "finished": 2}
    phases = [_phase(phase) for phase in values["phases"]]
    return ComparisonProgress(
        state="done" if contents.finished else state,
        runs=len(contents.runs),
        wanted=contents.wanted,
        left="" if left is None or contents.finished or state in _OVER else duration(float(left)),
        updated=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(updated)),
        phases=sorted(phases, key=lambda phase: order.get(phase.state, 1)),
    )


def _phase(values: dict[str, Any]) -> PhaseProgress:
    speed = values["images_per_second"]
    recipes = ", ".join(map(str, values["recipes"]))
    return PhaseProgress(
        name=f"{recipes} · seed {values['seed']} · phase {values['phase']}/{values['of']}",
        done=int(values["done"]),
        steps=int(values["steps"]),
        state=str(values["state"]),
        speed="" if speed is None else f"{float(speed):.0f} images/s",
    )


def _runs(contents: Contents) -> tuple[int, int]:
    return len(contents.runs), contents.wanted
