"""Choosing among trained runs without labels of the main task on the target.

DIR/selection.json   the runs, best first
DIR/selection/       networks that cross-task energy has learnt; what was found of a run lies in RUN/selection
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from headfreeze.columns import aligned
from headfreeze.errors import InputError, unknown
from headfreeze.files import check_folder, write_json
from headfreeze.run import RunCard
from headfreeze.selection.names import CHOICES, DEFAULT, VALIDATORS
from headfreeze.selection.ranking import scores
from headfreeze.selection.runs import TrainedRun, find_runs
from headfreeze.selection.values import values_of

_FILE = "selection.json"


@dataclass(frozen=True)
class Selection:
    """Runs with what validators say of them.

    Attributes:
        folder: below which they lie.
        validator: the one that decides, a name in CHOICES.
        runs: in the order in which they were found.
        values: of each run, its finite values by validator; lower is better.
    """

    folder: Path
    validator: str
    runs: Sequence[TrainedRun]
    values: Sequence[Mapping[str, float]]

    @cached_property
    def scores(self) -> list[float]:
        """By run, what decides: the validator's value, or the mean of ranks in 0 … 1; NaN where there is none."""
        return scores(self.values, self.validator)

    @cached_property
    def order(self) -> list[int]:
        """Places in `runs`, the best run first, of equal ones the longest trained; those without a score last."""

        def by(i: int) -> tuple[float, int, str]:
            score, run = self.scores[i], self.runs[i]
            return (score if math.isfinite(score) else math.inf), -run.steps, run.folder.name

        return sorted(range(len(self.runs)), key=by)

    @property
    def within_a_run(self) -> bool:
        """Whether the runs are snapshots of one."""
        return (self.folder / "run.json").is_file()

    @property
    def best(self) -> TrainedRun:
        """The run to use."""
        return self.runs[self.order[0]]

    def rows(self) -> list[dict[str, Any]]:
        """What selection.json holds: a run each, the best first; where they lie as seen from the folder."""
        return [
            {
                "recipe": self.runs[i].recipe,
                "seed": self.runs[i].seed,
                "run": self.runs[i].folder.relative_to(self.folder).as_posix(),
                "score": self.scores[i],
                "validator": self.validator,
                "validators": dict(self.values[i]),
            }
            for i in self.order
        ]

    def table(self) -> str:
        """The runs, the best first, with what every validator says; lower is better everywhere."""
        names = [name for name in VALIDATORS if any(name in each for each in self.values)]
        names = [self.validator, *(name for name in names if name != self.validator)]
        rows = [
            [str(place), self.runs[i].recipe, str(self.runs[i].seed), self.runs[i].folder.name, _cell(self.scores[i])]
            + [_cell(self.values[i].get(name, math.nan)) for name in names[1:]]
            for place, i in enumerate(self.order, 1)
        ]
        short = [name.replace("_", "\n") + " ↓" * (name == self.validator) for name in names]
        return aligned(["", "recipe", "seed", "run", *short], rows, left=4)


def select(
    folder: Path | str,
    validator: str = DEFAULT,
    *,
    device: str = "auto",
    workers: int = 0,
    maps: Path | None = None,
) -> Selection:
    """Ranks the finished runs below a folder, or the snapshots of a run, and writes FOLDER/selection.json, best first.

    Labels of the main task on the target are not opened, and nothing of its test split. Runs that were trained on such
    labels, as the oracle's, do not take part.

    Args:
        folder: what `compare`, finished or not, or `search` wrote, a folder of runs of `fit`, or one run that was
            trained with snapshots.
        validator: what decides, a name in CHOICES; combined is the mean of the ranks by those of MEASURING that
            say something of all runs.
        device: where networks compute.
        workers: processes; 0 chooses: one on a GPU, else one for four runs, at most one a core.
        maps: keeps the networks that cross-task energy learns; FOLDER/selection if not given.

    Raises:
        InputError: no runs, runs of several pairs, the data is gone, or the validator says nothing of any run.
    """
    folder = Path(folder)
    if validator not in CHOICES:
        raise InputError(unknown("validator", validator, CHOICES))
    if workers < 0:
        raise InputError(f"workers is {workers}; the least is 0")
    runs = find_runs(folder)
    check_folder(folder)
    found = Selection(folder, validator, runs, values_of(runs, maps or folder / "selection", device, workers))
    if not any(map(math.isfinite, found.scores)):
        known = {name for each in found.values for name in each}
        raise InputError(
            f"validator is {validator}, which says nothing of the runs in {folder}; choose from"
            f" {', '.join(name for name in VALIDATORS if name in known)}"
        )
    write_json(folder / _FILE, found.rows())
    return found


def read_selection(folder: Path) -> Selection | None:
    """What `select` has written to `folder`; None where there is nothing, it is damaged, or its runs are gone."""
    try:
        rows = json.loads((folder / _FILE).read_text())
        runs = [TrainedRun(folder / row["run"], RunCard.read(folder / row["run"])) for row in rows]
        values = [{str(name): float(value) for name, value in row["validators"].items()} for row in rows]
        return Selection(folder, str(rows[0]["validator"]), runs, values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, InputError):
        return None


def _cell(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else ""
