"""The share of pixels whose error is below x: the whole of what "< 11.25°" and "< 30°" are two points of."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from headfreeze.comparison.figures.style import INK, WIDTH, Look, legend, new_figure, plain
from headfreeze.evaluation.tally import ErrorTally
from headfreeze.tasks.base import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 0.98
"""Curves end where this share of the pixels of the worst recipe lies below."""
_MARKED = {"°": (11.25, 22.5, 30.0)}


def draw_curves(tallies: Mapping[str, ErrorTally], task: Task, looks: Mapping[str, Look]) -> "Figure":
    """A line for each recipe; higher is better."""
    assert task.error is not None
    figure = new_figure(WIDTH, 3.7)
    axes = plain(figure.subplots(), _label(task), "share of pixels below")
    ends = []
    for name, tally in tallies.items():
        share, edges = tally.below(), tally.edges
        axes.plot(edges, share, color=looks[name].colour, linestyle=looks[name].dash, linewidth=1.5)
        reached = np.nonzero(share >= _SHOWN)[0]
        ends.append(float(edges[reached[0]]) if len(reached) else tally.end)
    end = max(ends)
    for threshold in _MARKED.get(task.error.unit, ()):
        if threshold < end:
            axes.axvline(threshold, color=INK, linewidth=0.7, linestyle=(0, (1, 2)))
            axes.annotate(f"{threshold:g}{task.error.unit}", (threshold, 1.0), fontsize=7, color=INK, ha="center")
    axes.set(xlim=(0, end), ylim=(0, 1.04))
    legend(figure, {name: looks[name] for name in tallies}, WIDTH)
    return figure


def _label(task: Task) -> str:
    assert task.error is not None
    unit = {"°": " in degrees"}.get(task.error.unit, f" in {task.error.unit}" if task.error.unit else "")
    return f"{task.error.name}{unit}"
