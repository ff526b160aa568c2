"""All that a report is made from, read from a comparison's folder, finished or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from headfreeze.comparison.card import ComparisonCard, read_results
from headfreeze.comparison.figures.history import History, read_history
from headfreeze.comparison.report.losses import StoredLosses
from headfreeze.comparison.results import Results
from headfreeze.errors import InputError
from headfreeze.evaluation.tally import ErrorTally
from headfreeze.roles import as_tuple
from headfreeze.run import RunCard


@dataclass(frozen=True)
class EvaluatedRun:
    """One run that is trained and evaluated.

    Attributes:
        recipe: its name.
        seed: of its training.
        folder: where it lies.
        card: what it is.
        history: losses of all its phases.
        tally: errors of pixels on the test split; None where the evaluation counted none.
        files: all that this was read from.
    """

    recipe: str
    seed: int
    folder: Path
    card: RunCard
    history: History
    tally: ErrorTally | None
    files: Sequence[Path]


@dataclass(frozen=True)
class Contents:
    """A comparison as it lies on disk now.

    Attributes:
        folder: where.
        card: what was to be compared.
        results: what was found so far.
        runs: those that are evaluated, in the order of the recipes, then of the seeds.
        missing: why losses are not there, a line each.
    """

    folder: Path
    card: ComparisonCard
    results: Results
    runs: Sequence[EvaluatedRun]
    missing: Sequence[str] = ()

    @cached_property
    def recipes(self) -> list[str]:
        """The recipes of which anything is known, in the comparison's order."""
        return [name for name in self.card.recipes if name in self.results.metrics]

    @property
    def wanted(self) -> int:
        """How many runs the comparison will have."""
        return len(self.card.recipes) * len(self.card.seeds)

    @property
    def finished(self) -> bool:
        """Whether every run is trained and evaluated."""
        return len(self.runs) == self.wanted

    def of(self, recipe: str) -> list[EvaluatedRun]:
        """The runs of one recipe, a seed each."""
        return [run for run in self.runs if run.recipe == recipe]

    def tallies(self) -> dict[str, list[ErrorTally]]:
        """By recipe, the errors of every run that has some."""
        found = {name: [run.tally for run in self.of(name) if run.tally] for name in self.recipes}
        return {name: tallies for name, tallies in found.items() if tallies}

    def histories(self) -> dict[str, list[History]]:
        """By recipe, the histories of its runs."""
        return {name: [run.history for run in self.of(name)] for name in self.recipes}

    def phases_trained(self) -> tuple[int, int]:
        """Phases of all runs that differ, and how many there would be if each run had trained its own."""
        keys = [phase["key"] for run in self.runs for phase in run.card.phases]
        return len(set(keys)), len(keys)


def read_contents(folder: Path) -> Contents:
    """Reads a comparison.

    Raises:
        InputError: no comparison lies there, or one of its files is damaged.
    """
    card = ComparisonCard.read(folder)
    results, losses = read_results(folder), StoredLosses(card.phases)
    runs = [
        _run(card, recipe, seed, path, losses)
        for recipe, seed, path in sorted(card.runs(folder), key=lambda run: card.recipes.index(run[0]))
        if seed in results.metrics.get(recipe, {})
    ]
    return Contents(folder, card, results, runs, losses.missing)


def _run(card: ComparisonCard, recipe: str, seed: int, folder: Path, losses: StoredLosses) -> EvaluatedRun:
    run, main = RunCard.read(folder), as_tuple(card.main)[0]["name"]
    evaluation = folder / "evaluation" / card.evaluation
    try:
        phases = [(losses.of(str(phase["key"])), int(phase["steps"])) for phase in run.phases[:-1]]
        phases.append((folder / "metrics.csv", int(run.phases[-1]["steps"])))
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{folder}/run.json: damaged; train the run again or restore the file") from None
    tally = evaluation / f"{main}_errors.json"
    files = [folder / "run.json", evaluation / "metrics.json", evaluation / f"{main}_images.csv", tally]
    files += [path for path, _ in phases if path]
    return EvaluatedRun(recipe, seed, folder, run, read_history(phases), ErrorTally.read(tally), files)
