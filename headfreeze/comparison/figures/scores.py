"""What a reader wants first: how much better than the baseline each recipe is, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headfreeze.comparison.figures.style import INK, WIDTH, Look, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Against:
    """A recipe minus the baseline: the difference with its interval, and that of each seed."""

    value: float
    low: float
    high: float
    seeds: Sequence[float]


def draw_differences(
    found: Mapping[str, Against], looks: Mapping[str, Look], metric: str, lower_is_better: bool
) -> "Figure":
    """A row for each recipe: the difference to the baseline, its 95 % interval, a small mark for each seed.

    Args:
        found: by recipe.
        looks: of the recipes.
        metric: what the differences are of, with its unit.
        lower_is_better: which side is good.
    """
    figure = new_figure(WIDTH, 0.8 + 0.32 * len(found))
    axes = plain(figure.subplots(), f"{metric}: recipe − baseline ({'← better' if lower_is_better else 'better →'})")
    axes.axvline(0, color=INK, linewidth=1)
    for row, (name, difference) in enumerate(found.items()):
        look = looks[name]
        axes.plot([difference.low, difference.high], [row, row], color=look.colour, linewidth=2.2, alpha=0.8)
        axes.plot(difference.value, row, marker=look.marker, color=look.colour, markersize=7)
        axes.plot(difference.seeds, np.full(len(difference.seeds), row - 0.26), "|", color=look.colour, markersize=6)
    axes.set_yticks(range(len(found)), list(found))
    axes.set_ylim(len(found) - 0.4, -0.6)
    return figure
