"""The template filled with what was found."""

import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from headfreeze import __version__
from headfreeze.comparison.choice import contender
from headfreeze.comparison.pooled import first_rows
from headfreeze.comparison.report.command_lines import compare_command
from headfreeze.comparison.report.contents import Contents
from headfreeze.comparison.report.drawn import Drawn
from headfreeze.comparison.report.headline import headline
from headfreeze.comparison.report.inline import data_uris, inline_svg
from headfreeze.comparison.report.progress import read_progress
from headfreeze.comparison.report.snapshots import snapshot_rows
from headfreeze.comparison.report.table import (
    MARK_NAMES,
    heads,
    pair_rows,
    recipe_rows,
    run_anchor,
    run_entries,
)
from headfreeze.comparison.results import BASELINE, ORACLE, Results
from headfreeze.comparison.shown import Shown
from headfreeze.comparison.tables.layout import full, looked_at_means
from headfreeze.comparison.tables.numbers import number, percent, percents, title
from headfreeze.comparison.verdict import verdict
from headfreeze.recipes import LOOKED_AT
from headfreeze.roles import as_tuple
from headfreeze.selection.snapshots import LastPhase
from headfreeze.selection.verdict import said_without_labels

EXAMPLES = "figures/shown/all.png"
_PICTURE_BYTES = 8_000_000
_HERE = "headfreeze.comparison.report.page"
_FILES = ("results.csv", "summary.json", "table.md", "table.tex", "table.csv", "tests.csv", "comparison.json")


def rendered(
    contents: Contents,
    shown: Sequence[Shown],
    drawn: Sequence[Drawn],
    figures: Path,
    phases: Sequence[LastPhase],
    missing: Sequence[str],
    written: str,
) -> str:
    """The report as HTML: everything is in it, and nothing is fetched.

    Args:
        contents: the comparison.
        shown: images to look at.
        drawn: the figures.
        figures: where they lie.
        phases: of the runs within which a snapshot was chosen.
        missing: why losses, pictures, features or scores are not there, a line each.
        written: when.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(_HERE, ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    page = files(_HERE)
    return environment.get_template("report.html").render(
        _values(contents, shown, drawn, figures),
        snapshots=snapshot_rows(phases),
        selected_by=phases[0].selection.validator if phases else "",
        missing=missing,
        written=written,
        version=__version__,
        style=(page / "style.css").read_text(),
        script=(page / "script.js").read_text(),
    )


def _values(contents: Contents, shown: Sequence[Shown], drawn: Sequence[Drawn], figures: Path) -> dict[str, Any]:
    results, card = contents.results, contents.card
    task = results.task
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
        "anchor": ", ".join(as_tuple(card.settings["pair"]["anchor"])),
        "pair": card.settings["pair"],
        "images": len(first_rows(results.images)),
        "groups": results.groups,
        "drawn": results.drawn,
        "headline": headline(contents),
        "verdict": verdict(results),
        "unlabelled": said_without_labels(contents.folder),
        "tiles": _tiles(results),
        "progress": read_progress(contents),
        "finished": contents.finished,
        "marks": MARK_NAMES,
        "looked_at": LOOKED_AT,
        "looked_at_means": looked_at_means(contents.recipes),
        "heads": heads(results),
        "rows": recipe_rows(contents),
        "pairs": pair_rows(contents),
        "others": {name: full(other) for name, other in results.others.items() if other.metrics},
        "resampled": title(results.resampled),
        "runs": run_entries(contents),
        "run_anchor": run_anchor,
        "recipe_anchor": lambda name: f"recipe-{quote(name, safe='')}",
        "figures": sections,
        "shown": _pictures(shown),
        "recipes": contents.recipes,
        "contender": contender(results),
        "trained": trained,
        "without_sharing": without_sharing,
        "command": compare_command(card, contents.folder),
        "files": [name for name in _files(results) if (contents.folder / name).is_file()],
        "examples": EXAMPLES,
    }


def _files(results: Results) -> list[str]:
    """What lies beside the report, as far as it is there."""
    return [_FILES[0], *(f"results-{name}.csv" for name in results.others), *_FILES[1:]]


def _tiles(results: Results) -> list[tuple[str, str, str]]:
    """The numbers to see first: what it is, the number, a note."""
    if not results.metrics:
        return []
    score, best = results.task.score, results.best()
    behind = "°" if results.task.kind == "normals" else ""

    def tile(name: str, note: str) -> tuple[str, str, str]:
        return f"{title(score)}, {name}", f"{number(score, results.mean(name)[score])}{behind}", note

    notes = {BASELINE: "without adapting", ORACLE: "with the target's labels"}
    shown = dict.fromkeys(name for name in (BASELINE, best, ORACLE) if name in results.metrics)
    found = [tile(name, notes.get(name, "the best")) for name in shown]
    gap = results.gap_closed(best)
    if best not in notes and not math.isnan(gap):
        low, high = results.gap_interval(best)
        interval = "no interval" if math.isnan(low) else f"95 % interval {percents(low, high)}"
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
            "cells": [(name, uris[f"{i}-p-{k}"], uris.get(f"{i}-e-{k}")) for k, name in enumerate(each.predictions)],
        }
        for i, each in enumerate(shown)
    ]
