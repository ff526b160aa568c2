"""A comparison in words: a Markdown table that stands beside the paper's, and a sentence on what was gained."""

import math
from collections.abc import Callable

from headfreeze.comparison import paper
from headfreeze.comparison.results import BASELINE, ORACLE, Results

_NORMALS_COLUMNS = ("below_11_25", "below_22_5", "below_30", "rmse", "mean", "median")
_TITLES = {"below_11_25": "< 11.25°", "below_22_5": "< 22.5°", "below_30": "< 30°"}
_SHARES = ("below_", "delta_", "iou_", "miou", "pixel_accuracy", "auc_", "failure_rate")
_SMALL = ("nme",)


def markdown(results: Results) -> str:
    """The whole table file: our numbers, what was gained, and the paper's where it measured the same things."""
    parts = [
        f"# {results.task.name} on the target's test images",
        _about(results),
        own_table(results),
        verdict(results),
    ]
    if results.adversaries:
        parts += ["## Did the adversaries do their work?", adversaries(results)]
    if results.task.kind == "normals":
        parts += ["## The paper's own numbers, on its data", _paper_table()]
    return "\n\n".join(parts) + "\n"


def verdict(results: Results) -> str:
    """One sentence: what the best recipe gained over the baseline, and how sure that is."""
    best, score = results.best(), results.task.score
    if BASELINE not in results.metrics:
        return f"Best: {best} ({score} {_number(score, results.mean(best)[score])}); no baseline to compare with."
    if best == BASELINE:
        return f"No recipe was better than the baseline ({score} {_number(score, results.mean(best)[score])})."
    unit = "°" if results.task.kind == "normals" else ""
    difference = results.difference(best, BASELINE)
    seeds = len(results.metrics[best])
    images = len(next(iter(results.images[best].values())))
    gap = results.gap_closed(best)
    closed = "" if math.isnan(gap) else f", {gap:.0%} of the gap to the oracle"
    over = f"{images} test images and {seeds} seeds" if seeds > 1 else f"{images} test images, one seed"
    what = "" if results.resampled == score else f"{results.resampled} "

    def signed(value: float) -> str:
        return ("+" if value >= 0 else "") + _number(results.resampled, value)

    sure = "the interval leaves out zero" if difference.certain else "which could be chance"
    return (
        f"{best} changed the {score} from {_number(score, results.mean(BASELINE)[score])}{unit} (baseline) to"
        f" {_number(score, results.mean(best)[score])}{unit}{closed}: {what}{signed(difference.value)}{unit}, 95 %"
        f" interval {signed(difference.low)} … {signed(difference.high)} over {over}; {sure}."
    )


def adversaries(results: Results) -> str:
    """A line for every adversary: whether its discriminators were confused."""
    return "\n".join(
        f"- {recipe}, seed {seed}: {report['verdict']}"
        for recipe, seeds in results.adversaries.items()
        for seed, report in seeds.items()
    )


def _about(results: Results) -> str:
    seeds = sorted({seed for seeds in results.metrics.values() for seed in seeds})
    where = f" inside of '{results.inside}'" if results.inside else ""
    how = (
        f"pool all valid pixels of the split{where}" if results.task.dense else "are means over the images of the split"
    )
    return (
        f"Every recipe had the same budget of {results.budget} steps. Metrics {how}, at the labels' full resolution,"
        f" and are averaged over the seeds {', '.join(map(str, seeds))}. Gap closed = (baseline − recipe) / (baseline"
        f" − oracle) on the {results.task.score}."
    )


def _columns(results: Results) -> list[str]:
    if results.task.kind == "normals":
        return list(_NORMALS_COLUMNS)
    found = results.mean(next(iter(results.metrics)))
    return [name for name in found if name != results.task.counted and not name.startswith("iou_")]


def own_table(results: Results) -> str:
    """Every recipe's metrics, averaged over seeds, as a Markdown table."""
    columns = _columns(results)
    rows = [["recipe", *(_TITLES.get(c, c) for c in columns), "± (seeds)", "gap closed"]]
    for recipe in results.metrics:
        mean, gap, spread = results.mean(recipe), results.gap_closed(recipe), results.spread(recipe)
        ends = "–" if math.isnan(gap) or recipe in (BASELINE, ORACLE) else f"{gap:.0%}"
        rows.append([recipe, *(_number(c, mean[c]) for c in columns), _number(results.task.score, spread), ends])
    return _table(rows)


def _paper_table() -> str:
    titles = [_TITLES.get(m, m) for m in paper.METRICS]
    rows = [["recipe", *(f"faces {t}" for t in titles), *(f"indoor {t}" for t in titles)]]
    for recipe, faces in paper.FACES.items():
        values = (*zip(paper.METRICS, faces, strict=True), *zip(paper.METRICS, paper.INDOOR[recipe], strict=True))
        rows.append([recipe, *(f"{v:.3f}" if m.startswith(_SHARES) else f"{v:.1f}" for m, v in values)])
    return _table(rows)


def _number(metric: str, value: float) -> str:
    if math.isnan(value):  # the overlap of a class that is nowhere, say
        return "–"
    if metric.startswith(_SMALL):
        return f"{value:.4f}"
    return f"{value:.3f}" if metric.startswith((*_SHARES, "abs_rel", "rmse_")) else f"{value:.2f}"


def _table(rows: list[list[str]]) -> str:
    """Cells padded to equal widths: the same text reads well on a terminal and as Markdown."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    pad: list[Callable[[str, int], str]] = [str.ljust, *([str.rjust] * (len(widths) - 1))]
    lines = ["| " + " | ".join(p(c, w) for p, c, w in zip(pad, row, widths, strict=True)) + " |" for row in rows]
    rule = "|" + "|".join("-" * (w + 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
