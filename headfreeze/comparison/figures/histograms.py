"""Which errors pixels have: a small panel for each recipe, the baseline's shape behind it."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from headfreeze.comparison.figures.style import INK, WIDTH, Look, new_figure, plain
from headfreeze.evaluation.tally import ErrorTally
from headfreeze.tasks.base import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BARS = 40
_SHOWN = 0.95
_COLUMNS = 2


def draw_histograms(
    tallies: Mapping[str, ErrorTally], task: Task, looks: Mapping[str, Look], reference: str
) -> "Figure":
    """Panels with one scale; the outline in each is that of the recipe `reference`, where it is among them."""
    assert task.error is not None
    end = max(_reach(tally) for tally in tallies.values())
    edges = np.linspace(0, end, _BARS + 1)
    heights = {name: _shares(tally, edges) for name, tally in tallies.items()}
    top = 1.08 * max(float(values.max()) for values in heights.values())
    columns = min(_COLUMNS, len(tallies))
    rows = math.ceil(len(tallies) / columns)
    figure = new_figure(WIDTH, 1.4 * rows + 0.5)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for panel in panels.flat[len(tallies) :]:
        panel.set_visible(False)
    for panel, (name, values) in zip(panels.flat, heights.items(), strict=False):
        plain(panel, "")
        panel.stairs(values, edges, fill=True, color=looks[name].colour, alpha=0.55)
        if reference in heights and name != reference:
            panel.stairs(heights[reference], edges, color=INK, linewidth=0.8)
        panel.set_title(name, fontsize=8, color=INK)
        panel.set(xlim=(0, end), ylim=(0, top or 1))
    unit = f" ({task.error.unit})" if task.error.unit else ""
    figure.supxlabel(f"{task.error.name}{unit}", fontsize=9, color=INK)
    figure.supylabel("share of pixels", fontsize=9, color=INK)
    return figure


def _reach(tally: ErrorTally) -> float:
    reached = np.nonzero(tally.below() >= _SHOWN)[0]
    return float(tally.edges[reached[0]]) if len(reached) else tally.end


def _shares(tally: ErrorTally, edges: Float[np.ndarray, " edges"]) -> Float[np.ndarray, " bars"]:
    """The share of pixels between neighbouring edges."""
    shares: np.ndarray = np.nan_to_num(np.diff(np.interp(edges, tally.edges, tally.below())))
    return shares
