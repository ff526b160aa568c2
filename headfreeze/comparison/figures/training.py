"""Losses over the whole budget: every phase in its place, a panel for each loss, training and validation."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from headfreeze.comparison.figures.history import History, mean_history
from headfreeze.comparison.figures.style import INK, Look, legend, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3
_APART = ("loss_adversary", "loss_discriminator")


def draw_training(histories: Mapping[str, Sequence[History]], looks: Mapping[str, Look]) -> "Figure":
    """A line for each recipe, the mean over its seeds; a vertical mark where a second phase begins.

    Args:
        histories: of every recipe, one a seed.
        looks: of the recipes.
    """
    terms = losses_of(histories)
    columns = min(_COLUMNS, len(terms))
    rows = math.ceil(len(terms) / columns)
    width = 3.0 * columns + 0.4
    figure = new_figure(width, 2.1 * rows + 0.7)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for panel in panels.flat[len(terms) :]:
        panel.set_visible(False)
    for panel, term in zip(panels.flat, terms, strict=False):
        plain(panel, "")
        panel.set_title(_title(term), fontsize=8, color=INK)
        for recipe, seeds in histories.items():
            _draw(panel, term, mean_history(seeds), looks[recipe])
        panel.set_xlim(left=0)
    for panel in panels[-1]:
        panel.set_xlabel("steps of the budget", fontsize=8, color=INK)
    legend(figure, {name: looks[name] for name in histories}, width)
    return figure


def losses_of(histories: Mapping[str, Sequence[History]]) -> list[str]:
    """Columns of losses, validation before training, those that adversaries have aside."""
    names = dict.fromkeys(name for seeds in histories.values() for history in seeds for name in history.columns)
    found = [name for name in names if name.startswith(("val_", "loss_")) and name not in _APART]
    return sorted(found, key=lambda name: (name.removeprefix("val_").removeprefix("loss_"), name.startswith("loss_")))


def _draw(panel: "Axes", term: str, history: History, look: Look) -> None:
    steps, values = history.column(term)
    if len(steps):
        alone = "o" if len(steps) == 1 else None
        panel.plot(steps, values, color=look.colour, linestyle=look.dash, linewidth=1.2, marker=alone, markersize=3)
    for begin in history.begins[1:]:
        panel.axvline(begin, color=INK, linewidth=0.6, linestyle=(0, (1, 2)))


def _title(term: str) -> str:
    kind, _, what = term.partition("_")
    domain, _, task = what.partition("_")
    return f"{task} on {domain}, {'validation' if kind == 'val' else 'training'}" if task else term
