"""What stands in the tables of a comparison, whatever they are written in."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headfreeze.comparison import paper
from headfreeze.comparison.results import BASELINE, ORACLE, Results
from headfreeze.comparison.tables.numbers import (
    NONE,
    digits,
    number,
    p_value,
    percent,
    percents,
    precision,
    signed,
    title,
)
from headfreeze.evaluation.significance import LEVEL
from headfreeze.recipes import LOOKED_AT, MARKS, marks_of

_NORMALS_COLUMNS = ("below_11_25", "below_22_5", "below_30", "rmse", "mean", "median")


@dataclass(frozen=True)
class Cell:
    """A number, what it spreads, and whether it is among the best."""

    text: str
    spread: str = ""
    bold: bool = False


@dataclass(frozen=True)
class Table:
    """Heads of the columns, rows of cells of which the first is a name, and what one has to know to read them."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str


def columns(results: Results) -> list[str]:
    """The metrics that tables show, in their order."""
    if results.task.kind == "normals":
        return list(_NORMALS_COLUMNS)
    found = results.mean(next(iter(results.metrics)))
    return [name for name in found if name != results.task.counted and not name.startswith("iou_")]


def full(results: Results) -> Table:
    """Every recipe: labels that it saw, metrics with their spread over seeds, the gap closed with its interval."""
    shown = columns(results)
    bold = {metric: results.bold(metric) for metric in shown}
    rows = []
    for recipe in results.metrics:
        mean, std = results.mean(recipe), results.std(recipe)
        metrics = [_cell(metric, mean[metric], std[metric], recipe in bold[metric]) for metric in shown]
        rows.append([Cell(recipe), *map(Cell, marks_of(recipe)), *metrics, Cell(_gap(results, recipe))])
    return Table(["recipe", *MARKS, *map(title, shown), "gap closed"], rows, caption(results))


def compact(results: Results) -> Table:
    """The same for a terminal: without the labels, and with the spread of the score alone."""
    shown = columns(results)
    bold = {metric: results.bold(metric) for metric in shown}
    rows = []
    for recipe in results.metrics:
        mean = results.mean(recipe)
        metrics = [_cell(metric, mean[metric], math.nan, recipe in bold[metric]) for metric in shown]
        spread = Cell(number(results.task.score, results.spread(recipe)))
        rows.append([Cell(recipe), *metrics, spread, Cell(_gap(results, recipe))])
    return Table(["recipe", *map(title, shown), "± (seeds)", "gap closed"], rows, "")


def pairs(results: Results) -> Table:
    """Every pair of recipes and how sure their difference is."""
    metric = results.resampled
    rows = [
        [
            Cell(f"{recipe} − {other}"),
            Cell(signed(metric, test.value), bold=test.certain),
            Cell(f"{signed(metric, test.low)} … {signed(metric, test.high)}" if math.isfinite(test.p) else NONE),
            *(Cell(p_value(p)) for p in (test.p, test.p_holm, test.p_wilcoxon)),
        ]
        for (recipe, other), test in results.tests().items()
    ]
    better = {1: "negative: the first is better", -1: "positive: the first is better"}[results.sign(results.task.score)]
    text = (
        f"Differences of {metric} ({better}) with 95 % interval and p {_over(results)}; p after Holm's correction over"
        f" all pairs; p of Wilcoxon's signed-rank test, over {results.drawn} alone. Bold: significant at"
        f" {100 * LEVEL:.0f} % after Holm."
    )
    return Table(["pair", "difference", "95 % interval", "p", "p (Holm)", "p (Wilcoxon)"], rows, text)


def beside_paper(results: Results) -> Table:
    """Our mean error and gap closed, and what the paper has on its two pairs for the same recipes."""
    rows = []
    for recipe in results.metrics:
        ours = number("mean", results.mean(recipe)["mean"])
        theirs = []
        for table in (paper.FACES, paper.INDOOR):
            mean = paper.value(table, recipe, "mean")
            ends = recipe in (BASELINE, ORACLE)
            gap = percent(math.nan if ends else paper.gap_closed(table, recipe))
            theirs += [Cell(NONE if math.isnan(mean) else f"{mean:.1f}"), Cell(gap)]
        rows.append([Cell(recipe), Cell(ours), Cell(_gap(results, recipe, interval=False)), *theirs])
    heads = ["recipe", "mean here", "gap closed", "faces: mean", "gap closed", "indoor: mean", "gap closed"]
    text = (
        "Mean angular error in degrees and gap closed; beside them the paper's on rendered faces → FaceWarehouse and on"
        " SUNCG → NYUv2 (arXiv 1908.06079; its adversaries: feature on faces, output indoors)."
    )
    return Table(heads, rows, text)


def of_paper(table: paper.Table, text: str) -> Table:
    """One of the paper's tables."""
    rows = [
        [
            Cell(name),
            *(Cell(f"{v:.3f}" if digits(m) == 3 else f"{v:.1f}") for m, v in zip(paper.METRICS, row, strict=True)),
        ]
        for name, row in table.items()
    ]
    return Table(["recipe", *map(title, paper.METRICS)], rows, text)


def caption(results: Results) -> str:
    """What one has to know to read the numbers."""
    seeds = sorted({seed for seeds in results.metrics.values() for seed in seeds})
    where = f" inside of '{results.inside}'" if results.inside else ""
    how = (
        f"pool all valid pixels of the split{where}" if results.task.dense else "are means over the images of the split"
    )
    several = len(seeds) > 1
    which = f"averaged over the seeds {', '.join(map(str, seeds))}" if several else f"of one seed, {seeds[0]}"
    spread = " ± their standard deviation over seeds (n − 1)" if several else ""
    sentences = [
        f"Every recipe had the same budget of {results.budget} steps.",
        f"Metrics {how}, at the labels' full resolution, and are {which}{spread}.",
        f"Fixed precision: {precision(columns(results))}.",
        f"Bold: the best, or not significantly worse than the best at {100 * LEVEL:.0f} % after Holm's correction over"
        f" all pairs of recipes, {_over(results)}; the oracle aside.",
        *_stand_ins(results),
        looked_at_means(results.metrics),
        f"Gap closed = (baseline − recipe) / (baseline − oracle) on the {results.task.score}, with its 95 % interval"
        " where the gap itself is certain.",
    ]
    return " ".join(filter(None, sentences))


def looked_at_means(recipes: Iterable[str]) -> str:
    """What the mark in brackets says; empty where none of these recipes has it."""
    there = any(LOOKED_AT in marks_of(recipe) for recipe in recipes)
    return f"{LOOKED_AT}: labels that are measured before training, and not trained on." if there else ""


def _over(results: Results) -> str:
    several = max(len(seeds) for seeds in results.metrics.values()) > 1
    return f"over {results.drawn} and seeds" if several else f"over {results.drawn} alone, for there is one seed"


def _stand_ins(results: Results) -> list[str]:
    shown = columns(results)
    return [
        text
        for metric, text in (
            ("median", "For the median the images' medians are tested."),
            ("miou", "For miou the pixel_accuracy is tested."),
        )
        if metric in shown
    ]


def _cell(metric: str, mean: float, std: float, bold: bool) -> Cell:
    return Cell(number(metric, mean), "" if math.isnan(std) else number(metric, std), bold)


def _gap(results: Results, recipe: str, interval: bool = True) -> str:
    closed = results.gap_closed(recipe)
    if math.isnan(closed) or recipe in (BASELINE, ORACLE):
        return NONE
    low, high = results.gap_interval(recipe)
    return percent(closed) + (f" ({percents(low, high)})" if interval and math.isfinite(low) else "")
