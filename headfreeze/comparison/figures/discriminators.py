"""How well discriminators told the domains apart, step by step: an adversary works where they no longer can."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from headfreeze.adversaries.indicator import CONFUSED_BELOW
from headfreeze.comparison.figures.history import History
from headfreeze.comparison.figures.style import INK, Look, legend, new_figure, plain
from headfreeze.training.progressed import ACCURACY

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_discriminators(histories: Mapping[str, Sequence[History]], looks: Mapping[str, Look]) -> "Figure":
    """A panel for each level that was looked at, a line for each run; below the dotted line they are confused."""
    levels = discriminated(histories)
    width = 3.4 * len(levels) + 1.2
    figure = new_figure(width, 3.0)
    panels = figure.subplots(1, len(levels), squeeze=False, sharey=True)[0]
    drawn = {}
    for panel, level in zip(panels, levels, strict=True):
        plain(panel, "steps of the budget", "accuracy" if panel is panels[0] else "")
        panel.axhline(CONFUSED_BELOW, color=INK, linewidth=0.8, linestyle=(0, (1, 2)))
        panel.set_title(f"at {level}", fontsize=8, color=INK)
        for recipe, seeds in histories.items():
            for history in seeds:
                steps, values = history.column(f"{ACCURACY}{level}")
                if len(steps):
                    drawn[recipe] = looks[recipe]
                    look = looks[recipe]
                    panel.plot(steps, values, color=look.colour, linestyle=look.dash, linewidth=1.2, alpha=0.8)
        panel.set(ylim=(0.4, 1.02))
        panel.set_xlim(left=0)
    legend(figure, drawn, width)
    return figure


def discriminated(histories: Mapping[str, Sequence[History]]) -> list[str]:
    """The levels that any discriminator looked at."""
    names = dict.fromkeys(name for seeds in histories.values() for history in seeds for name in history.columns)
    return [name.removeprefix(ACCURACY) for name in names if name.startswith(ACCURACY)]
