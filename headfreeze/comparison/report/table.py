"""The rows of the report's tables: recipes with their numbers, pairs with their tests, runs with their settings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import yaml

from headfreeze.comparison.report.commands import fit_command
from headfreeze.comparison.report.contents import Contents, EvaluatedRun
from headfreeze.comparison.report.pairs import Pairs
from headfreeze.comparison.report.words import lower_is_better, number, percent, probability, title
from headfreeze.comparison.results import BASELINE, ORACLE
from headfreeze.recipes import RECIPES, SOURCE_ANCHOR, SOURCE_MAIN, TARGET_ANCHOR, TARGET_MAIN

MARKS = (
    ("y_Sm", "main labels of the source", SOURCE_MAIN),
    ("y_Sa", "anchor labels of the source", SOURCE_ANCHOR),
    ("y_Tm", "main labels of the target", TARGET_MAIN),
    ("y_Ta", "anchor labels of the target", TARGET_ANCHOR),
)
_NORMALS_COLUMNS = ("below_11_25", "below_22_5", "below_30", "rmse", "mean", "median")


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
    marks: list[bool | None]
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


def columns(contents: Contents) -> list[str]:
    """The metrics of the table of recipes."""
    results = contents.results
    if results.task.kind == "normals":
        return list(_NORMALS_COLUMNS)
    found = results.mean(contents.recipes[0]) if contents.recipes else {}
    return [name for name in found if name != results.task.counted and not name.startswith("iou_")]


def recipe_rows(contents: Contents, pairs: Pairs) -> list[RecipeRow]:
    """A row for each recipe that has numbers, in the comparison's order."""
    bold = {metric: contents.results.bold(metric) for metric in columns(contents)} if contents.recipes else {}
    return [_row(contents, pairs, name, bold) for name in contents.recipes]


def _row(contents: Contents, pairs: Pairs, name: str, bold: dict[str, set[str]]) -> RecipeRow:
    results, recipe = contents.results, RECIPES.get(name)
    mean = results.mean(name)
    seen = frozenset().union(*(phase.supervision for phase in recipe.phases)) if recipe else None
    cells = [
        Cell(_sortable(mean[m]), number(m, mean[m]), _spread(contents, name, m), name in bold[m]) for m in bold
    ]
    gap, low, high = pairs.gap(name)
    if name in (BASELINE, ORACLE):
        gap = low = high = math.nan
    interval = "" if math.isnan(low) else f"{percent(low)} … {percent(high)}"
    return RecipeRow(
        name=name,
        about=recipe.about if recipe else "a recipe of your own",
        marks=[None if seen is None else labels <= seen for _, _, labels in MARKS],
        frozen=any(phase.freeze_head for phase in recipe.phases) if recipe else None,
        adversary=any(phase.adversary for phase in recipe.phases) if recipe else None,
        cells=cells,
        gap=Cell(_sortable(gap), percent(gap), interval),
        seeds=len(results.metrics[name]),
    )


def _spread(contents: Contents, name: str, metric: str) -> str:
    """The standard deviation over seeds; empty for one seed."""
    values = [row[metric] for row in contents.results.metrics[name].values()]
    if len(values) < 2 or any(math.isnan(value) for value in values):
        return ""
    mean = sum(values) / len(values)
    return f"± {number(metric, math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1)))}"


def _sortable(value: float) -> float | str:
    return "" if math.isnan(value) else value


def ascending(names: Sequence[str]) -> list[bool]:
    """By metric, whether a table sorted by it begins with small values."""
    return [lower_is_better(name) for name in names]


def pair_rows(contents: Contents, pairs: Pairs) -> list[PairRow]:
    """A row for each pair that was tested."""
    found, metric = [], contents.results.resampled
    for i, second in enumerate(contents.recipes):
        for first in contents.recipes[i + 1 :]:
            test = pairs.test(first, second)
            if test:
                ends = (number(metric, end, signed=True) for end in (test.low, test.high))
                found.append(
                    PairRow(
                        first,
                        second,
                        Cell(test.value, number(metric, test.value, signed=True)),
                        " … ".join(ends),
                        Cell(_sortable(test.p_holm), probability(test.p_holm)),
                        Cell(_sortable(test.p_wilcoxon), probability(test.p_wilcoxon)),
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


def metric_titles(names: Sequence[str]) -> list[str]:
    """The heads of the table's columns."""
    return [title(name) for name in names]
