"""The table of runs within which `headfreeze select` has chosen: their last, selected and best state."""

from collections.abc import Sequence
from dataclasses import dataclass

from headfreeze.comparison.tables.numbers import NONE, number
from headfreeze.selection.snapshots import LastPhase


@dataclass(frozen=True)
class State:
    """One state of a run: after which step of the last phase, the main task's score, how far off the best it is."""

    step: str
    score: str = NONE
    off: str = NONE


@dataclass(frozen=True)
class SnapshotRow:
    """A run and its states."""

    recipe: str
    seed: int
    kept: int
    last: State
    selected: State
    best: State


def snapshot_rows(phases: Sequence[LastPhase]) -> list[SnapshotRow]:
    """A row for each run; without errors, where the target's test labels are gone, nothing is known of the best."""
    return [_row(each) for each in phases]


def _row(phase: LastPhase) -> SnapshotRow:
    run = phase.selection.best
    last, selected = _state(phase, phase.last), _state(phase, phase.selected)
    best = _state(phase, phase.best) if phase.errors else State(NONE)
    return SnapshotRow(run.recipe, run.seed, len(phase.steps), last, selected, best)


def _state(phase: LastPhase, place: int) -> State:
    step = f"{phase.steps[place]:,}"
    if not phase.errors:
        return State(step)
    score = phase.selection.best.card.tasks_in("main")[0].score
    return State(step, number(score, abs(phase.errors[place])), f"{100 * phase.regret(place):.1f} %")
