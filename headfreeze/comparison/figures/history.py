"""What a recipe's phases wrote down while they trained, one after the other on the axis of the budget."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from headfreeze.errors import InputError


@dataclass(frozen=True)
class History:
    """Rows of metrics.csv of all phases of a run.

    Attributes:
        rows: their numbers, with `step` counted from the beginning of the recipe.
        begins: the step at which each phase begins.
    """

    rows: Sequence[dict[str, float]]
    begins: Sequence[float]

    @property
    def columns(self) -> list[str]:
        """Names of what was written down, `step` aside."""
        return [name for name in dict.fromkeys(name for row in self.rows for name in row) if name != "step"]

    def column(self, name: str) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Steps and values of one of them, where it was written down; a gap (NaN) between phases."""
        steps: list[float] = []
        values: list[float] = []
        for number, row in enumerate(self.rows):
            if name in row:
                if number and steps and self._phase(row["step"]) != self._phase(steps[-1]):
                    steps.append(np.nan)
                    values.append(np.nan)
                steps.append(row["step"])
                values.append(row[name])
        return np.array(steps, float), np.array(values, float)

    def _phase(self, step: float) -> int:
        """Steps are counted from 1: a phase that begins at 30 has 31 as its first one."""
        return sum(step > begin for begin in self.begins)


def read_history(phases: Sequence[tuple[Path | None, int]]) -> History:
    """The history of phases that lie one after the other.

    Args:
        phases: of each, its metrics.csv, which may be missing, or None, and its steps.

    Raises:
        InputError: a file is damaged.
    """
    rows: list[dict[str, float]] = []
    begins: list[float] = []
    before = 0
    for path, steps in phases:
        begins.append(before)
        try:
            rows += _rows(path, before) if path else []
        except FileNotFoundError:
            pass  # the other phases are still worth a look
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{path}: damaged; remove it to draw the training without it") from None
        before += steps
    return History(rows, begins)


def _rows(path: Path, before: int) -> list[dict[str, float]]:
    """What a phase wrote down, with the steps before it added to its own."""
    with path.open(newline="") as file:
        numbers = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    return [row | {"step": row["step"] + before} for row in numbers]


def mean_history(histories: Sequence[History]) -> History:
    """The mean over seeds at the steps that all of them have."""
    if len(histories) == 1:
        return histories[0]
    by_step = [{row["step"]: row for row in history.rows} for history in histories]
    rows = []
    for step in sorted(set.intersection(*(set(steps) for steps in by_step))):
        each = [steps[step] for steps in by_step]
        names = set.intersection(*(set(row) for row in each))
        rows.append({name: float(np.mean([row[name] for row in each])) for name in each[0] if name in names})
    return History(rows, histories[0].begins)
