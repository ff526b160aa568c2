"""The template filled with what was found."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from headfreeze import __version__
from headfreeze.comparison.report.commands import compare_command
from headfreeze.comparison.report.contents import Contents
from headfreeze.comparison.report.drawn import Drawn
from headfreeze.comparison.report.inline import data_uris, inline_svg
from headfreeze.comparison.report.pairs import Pairs
from headfreeze.comparison.report.progress import read_progress
from headfreeze.comparison.report.table import (
    MARKS,
    ascending,
    columns,
    metric_titles,
    pair_rows,
    recipe_rows,
    run_anchor,
    run_entries,
)
from headfreeze.comparison.report.verdict import verdict
from headfreeze.comparison.report.words import number, percent, title, unit
from headfreeze.comparison.results import BASELINE, ORACLE
from headfreeze.comparison.shown import Shown

EXAMPLES = "figures/shown/all.png"
_PICTURE_BYTES = 8_000_000
_HERE = "headfreeze.comparison.report.page"
_FILES = ("results.csv", "summary.json", "table.md", "comparison.json")


def rendered(
    contents: Contents,
    pairs: Pairs,
    shown: Sequence[Shown],
    drawn: Sequence[Drawn],
    figures: Path,
    missing: str,
    written: str,
) -> str:
    """The report as HTML: everything is in it, and nothing is fetched.

    Args:
        contents: the comparison.
        pairs: its tests.
        shown: images to look at.
        drawn: the figures.
        figures: where they lie.
        missing: why pictures or features are not there; may be empty.
        written: when.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(_HERE, ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    page = files(_HERE)
    return environment.get_template("report.html").render(
        _values(contents, pairs, shown, drawn, figures),
        missing=missing,
        written=written,
        version=__version__,
        style=(page / "style.css").read_text(),
        script=(page / "script.js").read_text(),
    )


def _values(
    contents: Contents, pairs: Pairs, shown: Sequence[Shown], drawn: Sequence[Drawn], figures: Path
) -> dict[str, Any]:
    results, card = contents.results, contents.card
    task, metrics = results.task, columns(contents)
    trained, without_sharing = contents.phases_trained()
    sections: dict[str, list[dict[str, Any]]] = {name: [] for name in ("scores", "errors", "features", "training")}
    for each in drawn:
        svg = inline_svg(figures / f"{each.name}.svg", f"{each.title}. {each.caption}")
        sections[each.section].append({"drawn": each, "svg": svg})
    return {
        "folder": contents.folder.resolve().name,
        "card": card,
        "task": task,
        "budget": results.budget,
        "anchor": card.settings["pair"]["anchor"],
        "pair": card.settings["pair"],
        "images": len(next(iter(results.images[contents.recipes[0]].values()))) if contents.recipes else 0,
        "verdict": verdict(contents, pairs),
        "tiles": _tiles(contents, pairs),
        "progress": read_progress(contents),
        "finished": contents.finished,
        "marks": MARKS,
        "titles": list(zip(metrics, metric_titles(metrics), ascending(metrics), strict=True)),
        "rows": recipe_rows(contents, pairs),
        "pairs": pair_rows(contents, pairs),
        "resampled": title(results.resampled),
        "runs": run_entries(contents),
        "run_anchor": run_anchor,
        "recipe_anchor": lambda name: f"recipe-{quote(name, safe='')}",
        "figures": sections,
        "shown": _pictures(shown),
        "recipes": contents.recipes,
        "trained": trained,
        "without_sharing": without_sharing,
        "command": compare_command(card, contents.folder),
        "files": [name for name in _FILES if (contents.folder / name).is_file()],
        "examples": EXAMPLES,
    }


def _tiles(contents: Contents, pairs: Pairs) -> list[tuple[str, str, str]]:
    """The numbers to see first: what it is, the number, a note."""
    results = contents.results
    if not contents.recipes:
        return []
    task, best = results.task, results.best()
    behind = unit(task, task.score)
    of = title(task.score)

    def tile(name: str, note: str) -> tuple[str, str, str]:
        return f"{of}, {name}", f"{number(task.score, results.mean(name)[task.score])}{behind}", note

    found = [tile(BASELINE, "without adapting")] if BASELINE in results.metrics and best != BASELINE else []
    found.append(tile(best, "best, the oracle aside" if best != ORACLE else "the oracle"))
    if ORACLE in results.metrics and best != ORACLE:
        found.append(tile(ORACLE, "with the target's labels"))
    gap, low, high = pairs.gap(best)
    if best not in (BASELINE, ORACLE) and not np.isnan(gap):
        interval = "no interval" if np.isnan(low) else f"95 %: {percent(low)} … {percent(high)}"
        found.append(("gap closed", percent(gap), interval))
    return found


def _pictures(shown: Sequence[Shown]) -> list[dict[str, Any]]:
    """By image, data URIs of its pictures under the names input, truth, p-NUMBER and e-NUMBER."""
    pictures = {}
    for i, each in enumerate(shown):
        pictures[f"{i}-input"] = each.input
        if each.truth is not None:
            pictures[f"{i}-truth"] = each.truth
        pictures |= {f"{i}-p-{k}": picture for k, picture in enumerate(each.predictions.values())}
        numbers = {name: k for k, name in enumerate(each.predictions)}
        pictures |= {f"{i}-e-{numbers[name]}": picture for name, picture in each.errors.items()}
    uris = data_uris(pictures, _PICTURE_BYTES) if pictures else {}
    return [
        {
            "id": each.choice.id,
            "reason": each.choice.reason,
            "width": each.input.shape[1],
            "height": each.input.shape[0],
            "input": uris[f"{i}-input"],
            "truth": uris.get(f"{i}-truth"),
            "cells": [
                (name, uris[f"{i}-p-{k}"], uris.get(f"{i}-e-{k}")) for k, name in enumerate(each.predictions)
            ],
        }
        for i, each in enumerate(shown)
    ]
