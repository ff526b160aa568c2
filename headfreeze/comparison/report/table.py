"""The rows of the report's tables: recipes with their numbers, pairs with their tests, runs with their settings."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from urllib.parse import quote

import yaml

from headfreeze.comparison.report.command_lines import fit_command
from headfreeze.comparison.report.contents import Contents, EvaluatedRun
from headfreeze.comparison.results import BASELINE, ORACLE, Results
from headfreeze.comparison.tables.layout import columns
from headfreeze.comparison.tables.numbers import number, p_value, percent, percents, signed, title
from headfreeze.recipes import MARKS, known_recipe, marks_of

MARK_NAMES = {
    "y_Sm": "main labels of the source",
    "y_Sa": "anchor labels of the source",
    "y_Tm": "main labels of the target",
    "y_Ta": "anchor labels of the target",
}


@dataclass(frozen=True)
class Cell:
    """A number of the table: what it sorts by, its text, its spread over seeds, whether it is among the best."""

    sort: float | str
    text: str
    spread: str = ""
    bold: bool = False


@dataclass(frozen=True)
class RecipeRow:
    """A recipe: which labels it sees, what it does, its numbers."""

    name: str
    about: str
    marks: list[str | None]
    frozen: bool | None
    adversary: bool | None
    cells: list[Cell]
    gap: Cell
    seeds: int


@dataclass(frozen=True)
class PairRow:
    """A pair of recipes and its test."""

    first: str
    second: str
    value: Cell
    interval: str
    p_holm: Cell
    p_wilcoxon: Cell
    certain: bool


@dataclass(frozen=True)
class RunEntry:
    """A run: its number, where it lies, how it came about."""

    anchor: str
    recipe: str
    seed: int
    folder: str
    files: list[tuple[str, str]]
    score: str
    phases: list[dict[str, Any]]
    verdict: str
    command: str
    settings: str


def heads(results: Results) -> list[tuple[str, str, bool]]:
    """Of the metrics' columns: the metric, its title, and whether sorting by it begins with the least."""
    return [(metric, title(metric), results.sign(metric) >= 0) for metric in _columns(results)]


def recipe_rows(contents: Contents) -> list[RecipeRow]:
    """A row for each recipe that has numbers, in the comparison's order."""
    bold = {metric: contents.results.bold(metric) for metric in _columns(contents.results)}
    return [_row(contents.results, name, bold) for name in contents.recipes]


def _columns(results: Results) -> list[str]:
    return columns(results) if results.metrics else []


def _row(results: Results, name: str, bold: Mapping[str, set[str]]) -> RecipeRow:
    recipe, mean, std = known_recipe(name), results.mean(name), results.std(name)
    cells = [
        Cell(
            _sortable(mean[metric]),
            number(metric, mean[metric]),
            "" if math.isnan(std[metric]) else f"± {number(metric, std[metric])}",
            name in best,
        )
        for metric, best in bold.items()
    ]
    gap = math.nan if name in (BASELINE, ORACLE) else results.gap_closed(name)
    low, high = (math.nan, math.nan) if math.isnan(gap) else results.gap_interval(name)
    return RecipeRow(
        name=name,
        about=recipe.about if recipe else "a recipe of your own",
        marks=[*marks_of(name)] if recipe else [None] * len(MARKS),
        frozen=any(phase.freeze_head for phase in recipe.phases) if recipe else None,
        adversary=any(phase.adversary for phase in recipe.phases) if recipe else None,
        cells=cells,
        gap=Cell(_sortable(gap), percent(gap), "" if math.isnan(low) else percents(low, high)),
        seeds=len(results.metrics[name]),
    )


def _sortable(value: float) -> float | str:
    return value if math.isfinite(value) else ""


def pair_rows(contents: Contents) -> list[PairRow]:
    """A row for each pair of which something can be said: the later recipe of the comparison minus the earlier one."""
    results, metric = contents.results, contents.results.resampled
    found = []
    for second, first in combinations(contents.recipes, 2):
        test = results.difference(first, second)
        if not math.isnan(test.low):
            found.append(
                PairRow(
                    first,
                    second,
                    Cell(test.value, signed(metric, test.value)),
                    f"{signed(metric, test.low)} … {signed(metric, test.high)}",
                    Cell(_sortable(test.p_holm), p_value(test.p_holm)),
                    Cell(_sortable(test.p_wilcoxon), p_value(test.p_wilcoxon)),
                    test.certain,
                )
            )
    return found


def run_entries(contents: Contents) -> list[RunEntry]:
    """An entry for each run that is evaluated."""
    return [_entry(contents, run) for run in contents.runs]


def run_anchor(recipe: str, seed: int) -> str:
    """The id of a run's entry in the page."""
    return f"run-{quote(recipe, safe='')}-seed{seed}"


def _entry(contents: Contents, run: EvaluatedRun) -> RunEntry:
    task, card = contents.results.task, run.card
    folder = quote(run.folder.relative_to(contents.folder).as_posix())
    evaluation = f"{folder}/evaluation/{quote(contents.card.evaluation)}"
    phases = [
        {
            "number": number_,
            "steps": phase["steps"],
            "key": phase["key"],
            "weights": ", ".join(f"{name} {value:.3g}" for name, value in phase.get("weights", {}).items()),
            "speed": f"{phase['images_per_second']:.0f}" if phase.get("images_per_second") else "",
        }
        for number_, phase in enumerate(card.phases, 1)
    ]
    verdicts = [phase["adversary"]["verdict"] for phase in card.phases if "adversary" in phase]
    return RunEntry(
        anchor=run_anchor(run.recipe, run.seed),
        recipe=run.recipe,
        seed=run.seed,
        folder=folder,
        files=[
            ("run.json", f"{folder}/run.json"),
            ("metrics.json", f"{evaluation}/metrics.json"),
            ("scores of every image", f"{evaluation}/{quote(task.name)}_images.csv"),
            ("losses", f"{folder}/metrics.csv"),
        ],
        score=number(task.score, contents.results.metrics[run.recipe][run.seed][task.score]),
        phases=phases,
        verdict="; ".join(verdicts),
        command=fit_command(contents.card, run.recipe, run.seed, run.folder),
        settings=yaml.safe_dump(card.settings, sort_keys=False, allow_unicode=True),
    )
