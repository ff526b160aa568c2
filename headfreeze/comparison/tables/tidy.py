"""Tables as CSV with unrounded numbers, for other programs; what does not exist is an empty cell."""

from typing import Any

from headfreeze.columns import records_csv
from headfreeze.comparison.pooled import stand_in
from headfreeze.comparison.results import Results
from headfreeze.comparison.tables.layout import columns
from headfreeze.recipes import MARKS, TRAINED_ON, marks_of


def recipes_csv(results: Results) -> str:
    """A row for each recipe: what it trains on, seeds, each metric's mean, spread and whether it is bold, the gap."""
    bold = {metric: results.bold(metric) for metric in columns(results)}
    rows = []
    for recipe, seeds in results.metrics.items():
        marks = zip(MARKS, marks_of(recipe), strict=True)
        row: dict[str, Any] = {"recipe": recipe} | {name: int(mark == TRAINED_ON) for name, mark in marks}
        row |= {"seeds": len(seeds), "budget": results.budget}
        mean, std = results.mean(recipe), results.std(recipe)
        for metric in bold:
            row |= {metric: mean[metric], f"{metric}_std": std[metric], f"{metric}_bold": int(recipe in bold[metric])}
        low, high = results.gap_interval(recipe)
        rows.append(row | {"gap_closed": results.gap_closed(recipe), "gap_closed_low": low, "gap_closed_high": high})
    return records_csv(rows)


def pairs_csv(results: Results) -> str:
    """A row for each metric and pair of recipes; `tested` is what stands for a metric that is no mean over images."""
    rows = []
    for metric in columns(results):
        for (recipe, other), test in results.tests(metric).items():
            pair = {"metric": metric, "tested": stand_in(metric), "recipe": recipe, "other": other}
            rows.append(pair | vars(test) | {"significant": int(test.certain)})
    return records_csv(rows)
