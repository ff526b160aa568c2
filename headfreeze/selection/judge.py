"""Validators put to the test: how well do they rank runs by labels of the target's test split? For research alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from headfreeze.columns import aligned
from headfreeze.data.folder import Dataset, open_dataset
from headfreeze.evaluation.evaluate import evaluation_name, score_run
from headfreeze.evaluation.kept import evaluation_of, keep, kept
from headfreeze.evaluation.kept import judged as judged_tasks
from headfreeze.evaluation.unlabelled import badness
from headfreeze.roles import as_tuple
from headfreeze.run import Run
from headfreeze.selection.names import CHOICES
from headfreeze.selection.ranking import Values, scores
from headfreeze.selection.runs import TrainedRun

_FEWEST = 3


@dataclass(frozen=True)
class Judgement:
    """How well a validator has ranked runs.

    Attributes:
        validator: its name.
        runs: how many it says something of.
        correlation: Spearman's, of its values and the true errors; 1 is perfect, NaN for fewer than three runs.
        chosen: the true score of the run that it would choose.
        regret: how far that is from the best run's, as a share of the best one's.
    """

    validator: str
    runs: int
    correlation: float
    chosen: float
    regret: float


def judged(runs: Sequence[TrainedRun], values: Values, device: str = "auto", inside: str = "") -> list[Judgement]:
    """Every validator against the main task's score on the target's test split, whose labels this opens.

    Args:
        runs: of one pair.
        values: of each of them.
        device: where networks compute.
        inside: a task inside of whose labels alone pixels are judged, see `evaluate`.

    Raises:
        InputError: the target's test split has no labels of the main task.
    """
    errors = true_errors(runs, device, inside)
    return [each for name in CHOICES if (each := _judged(name, scores(values, name), errors))]


def judgements(found: Sequence[Judgement]) -> str:
    """A table for people, in the order of the regret."""
    rows = [
        [each.validator, str(each.runs), _cell(each.correlation), f"{each.chosen:.4g}", f"{each.regret:.1%}"]
        for each in sorted(found, key=lambda each: each.regret)
    ]
    return aligned(["validator", "runs", "Spearman", "test score of its choice", "regret"], rows, left=1)


def true_errors(runs: Sequence[TrainedRun], device: str = "auto", inside: str = "") -> list[float]:
    """The main task's score on the target's test split, negated where more is better. Evaluations are kept."""
    card = runs[0].card
    target, mains = open_dataset(Path(card.settings["pair"]["target"])), card.names("main")
    task = target.task(mains[0])
    target.samples("test", [task.name])
    of = evaluation_of(target, "test", judged_tasks(target, "test", mains, inside), inside)
    return [badness(task, _metrics(run, target, of, device, inside)[task.name]) for run in runs]


def _metrics(
    run: TrainedRun, target: Dataset, of: dict[str, Any], device: str, inside: str
) -> dict[str, dict[str, float]]:
    """By task."""
    folder = run.folder / "evaluation" / evaluation_name(target, "test", inside)
    of = of | {"key": run.card.phases[-1]["key"]}  # as `compare` keeps it
    found = kept(folder, of)
    if found is None:
        network = Run(run.folder, device)
        tasks = {name: network.tasks[name] for name in as_tuple(of["task"])}
        found = score_run(network, target, "test", tasks, inside)
        keep(found, folder, of)
    return found.metrics


def _cell(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else ""


def _judged(validator: str, guesses: Sequence[float], errors: Sequence[float]) -> Judgement | None:
    said = [(guess, error) for guess, error in zip(guesses, errors, strict=True) if math.isfinite(guess)]
    if not said:
        return None
    chosen = min(said, key=lambda each: each[0])[1]  # of equal guesses the first run, as `select` has it
    best = min(errors)
    correlation = math.nan
    if len(said) >= _FEWEST and len({guess for guess, _ in said}) > 1 and len({error for _, error in said}) > 1:
        correlation = float(spearmanr(*zip(*said, strict=True)).statistic)
    return Judgement(validator, len(said), correlation, abs(chosen), (chosen - best) / abs(best) if best else math.nan)
