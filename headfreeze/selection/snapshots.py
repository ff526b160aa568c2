"""Within a run: which of the states that were kept of its last phase to use, set beside the last one.

A snapshot is a run of its own, so `select` ranks those of one run as it ranks runs, by the same validators.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from headfreeze.columns import aligned
from headfreeze.selection.judge import true_errors
from headfreeze.selection.select import Selection, read_selection, select


@dataclass(frozen=True)
class LastPhase:
    """The states of one run's last phase.

    Attributes:
        run: where it lies.
        selection: its snapshots, with what validators say of them.
        errors: by snapshot, the main task's score on the target's test split, negated where more is better; empty
            where nobody has looked.
    """

    run: Path
    selection: Selection
    errors: Sequence[float] = ()

    @cached_property
    def steps(self) -> list[int]:
        """After how many steps of the last phase each was kept."""
        return [int(snapshot.card.phases[-1]["steps"]) for snapshot in self.selection.runs]

    @property
    def last(self) -> int:
        """The place of the end of the phase: RUN itself."""
        return self.steps.index(max(self.steps))

    @property
    def selected(self) -> int:
        """The place of the one to use, chosen without labels; of equal ones the later."""
        return self.selection.order[0]

    @property
    def best(self) -> int:
        """The place of the oracle's choice, which needs `errors`; of equal ones the later."""
        return min(range(len(self.errors)), key=lambda i: (self.errors[i], -self.steps[i]))

    def regret(self, place: int) -> float:
        """How far off the oracle's choice one is, as a share of the score of that."""
        least = self.errors[self.best]
        return (self.errors[place] - least) / abs(least) if least else math.nan

    def judged(self, device: str = "auto", inside: str = "") -> "LastPhase":
        """With errors; opens the target's test labels, see `true_errors`.

        Raises:
            InputError: there are none.
        """
        return replace(self, errors=true_errors(self.selection.runs, device, inside))


def last_phases(found: Selection, device: str = "auto", workers: int = 0) -> list[LastPhase]:
    """The choice within each run of a selection that keeps snapshots; of a selection among snapshots, that one alone.

    Args:
        found: what `select` gave; its validator decides here, too.
        device: where networks compute.
        workers: processes, see `select`.
    """
    if found.within_a_run:
        return [LastPhase(found.folder, found)]
    maps = found.folder / "selection"
    return [
        LastPhase(run.folder, select(run.folder, found.validator, device=device, workers=workers, maps=maps))
        for run, score in zip(found.runs, found.scores, strict=True)
        if run.snapshots and math.isfinite(score)
    ]


def read_last_phase(run: Path) -> LastPhase | None:
    """The choice that `select` has made within a run; None where it has not, or what it wrote is of no use."""
    found = read_selection(run)
    return LastPhase(run, found) if found else None


def table(phases: Sequence[LastPhase]) -> str:
    """For people: the steps of the last, the selected and, where errors are known, the best state of each run."""
    if not all(each.errors for each in phases):
        rows = [[each.run.name, str(each.steps[each.last]), str(each.steps[each.selected])] for each in phases]
        return aligned(["run", "last\nstep", "selected\nstep"], rows, left=1)
    score = phases[0].selection.best.card.tasks_in("main")[0].score
    heads = [
        "run",
        *(head for which in ("last", "selected", "oracle's") for head in (f"{which}\nstep", score, "off by")),
    ]
    rows = [
        [each.run.name, *(cell for place in (each.last, each.selected, each.best) for cell in _judged(each, place))]
        for each in phases
    ]
    return aligned(heads[:-1], [row[:-1] for row in rows], left=1)  # the oracle's choice is off by nothing


def _judged(phase: LastPhase, place: int) -> tuple[str, str, str]:
    return str(phase.steps[place]), f"{abs(phase.errors[place]):.4g}", f"{phase.regret(place):.1%}"
