"""Features of both domains at the same places, along their principal components: the paper's Fig. 3."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from headfreeze.comparison.features import PlacedFeatures
from headfreeze.comparison.figures.style import INK, new_figure
from headfreeze.files import write_with

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#888888")  # Okabe & Ito
_COLUMNS = 5


def draw_features(found: Mapping[str, PlacedFeatures]) -> "Figure":
    """A panel for each recipe: ● source, × target; its title says how far the domains are apart."""
    columns = min(_COLUMNS, len(found))
    rows = math.ceil(len(found) / columns)
    figure = new_figure(max(2.6 * columns, 3.2), 2.6 * rows + 0.9)
    panels = figure.subplots(rows, columns, squeeze=False)
    for panel in panels.flat[len(found) :]:
        panel.set_visible(False)
    names: dict[str, str] = {}
    for panel, (recipe, features) in zip(panels.flat, found.items(), strict=False):
        plane = features.plane()
        for (place, name), colour in zip(features.names.items(), _COLOURS, strict=False):
            names[name] = colour
            for domain, marker in enumerate(("o", "x")):
                chosen = (features.place == place) & (features.domain == domain)
                # thousands of points: pixels even in a vector file
                panel.scatter(
                    *plane[chosen].T, s=14, marker=marker, c=colour, linewidths=0.8, alpha=0.7, rasterized=True
                )
        panel.set_title(f"{recipe}: {features.domain_distance():.2f}", fontsize=9, color=INK)
        panel.set(xticks=[], yticks=[])
        for spine in panel.spines.values():
            spine.set(color=INK, linewidth=0.6)
    _legend(figure, names)
    figure.suptitle("● source  × target   (distance of the domains ÷ of the places)", fontsize=9, color=INK)
    return figure


def write_features(found: Mapping[str, PlacedFeatures], path: Path) -> None:
    """Writes the figure as a PNG."""
    figure = draw_features(found)
    write_with(path, lambda p: figure.savefig(p, format="png", dpi=130))


def _legend(figure: "Figure", names: Mapping[str, str]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=c, linestyle="none", marker="o", label=name) for name, c in names.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, frameon=False, labelcolor=INK)
