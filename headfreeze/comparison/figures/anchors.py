"""Which anchor, and how much of it: what each gains, and whether its affinity to the main task tells."""

from typing import TYPE_CHECKING

import numpy as np

from headfreeze.comparison.figures.style import INK, WIDTH, legend, looks, new_figure, plain
from headfreeze.comparison.outcomes import Study
from headfreeze.comparison.results import BASELINE, ORACLE
from headfreeze.comparison.tables.numbers import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_APART = 0.22
"""Distance of two recipes' marks in one anchor's row."""


def draw_study(study: Study) -> "Figure":
    """Left: a row for each anchor, a mark with its 95 % interval for each recipe. Right: the same over the affinity."""
    look = looks(study.recipes)
    height = 1.3 + 0.16 * len(study.outcomes) + 0.1 * len(study.anchors)
    figure = new_figure(1.7 * WIDTH, max(height, 3.0))
    gains, tells = figure.subplots(1, 2, width_ratios=(3, 2))
    better = "← better" if study.ends.sign(study.metric) > 0 else "better →"
    unit = " (°)" if study.ends.task.kind == "normals" else ""
    difference = f"{title(study.metric)}{unit}: recipe − baseline ({better})"
    plain(gains, difference)
    plain(tells, "affinity of the anchor to the main task", f"{title(study.metric)}{unit}: recipe − baseline")
    gains.axvline(0, color=INK, linewidth=1)
    tells.axhline(0, color=INK, linewidth=1)
    middle = (len(study.recipes) - 1) / 2
    for number, recipe in enumerate(study.recipes):
        found, colour = study.of(recipe), look[recipe].colour
        rows = np.array([study.anchors.index(each.anchor) for each in found]) + _APART * (number - middle)
        gains.hlines(rows, [e.low for e in found], [e.high for e in found], color=colour, linewidth=2, alpha=0.8)
        values = [each.difference for each in found]
        gains.plot(values, rows, look[recipe].marker, color=colour, markersize=5)
        tells.plot([e.affinity for e in found], values, look[recipe].marker, color=colour, markersize=5)
    for each in study.of(study.recipes[-1]):  # the names once, at the last recipe's marks
        tells.annotate(
            each.anchor, (each.affinity, each.difference), (4, 3), textcoords="offset points", fontsize=6, color=INK
        )
    gains.set_yticks(range(len(study.anchors)), study.anchors)
    gains.set_ylim(len(study.anchors) - 0.4, -0.6)
    _gap_closed(gains, study)
    legend(figure, look, WIDTH)
    return figure


def _gap_closed(axes: "Axes", study: Study) -> None:
    """A second scale, on top: the share of the gap to the oracle. Only where differences are of the score itself."""
    score = study.ends.task.score
    if ORACLE not in study.ends.metrics or study.metric != score:
        return
    gap = study.ends.mean(ORACLE)[score] - study.ends.mean(BASELINE)[score]
    if study.ends.sign(score) * gap >= 0:  # an oracle that is no better leaves no gap to close
        return
    percent = gap / 100
    above = axes.secondary_xaxis("top", functions=(lambda x: np.divide(x, percent), lambda x: np.multiply(x, percent)))
    above.spines["top"].set_visible(False)
    above.tick_params(colors=INK, labelsize=7, width=0.8, length=3)
    above.set_xlabel("gap closed in %", fontsize=8, color=INK)
