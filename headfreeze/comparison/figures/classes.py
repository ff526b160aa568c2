"""The mean error on every class of a segmentation: does a recipe help ceilings and shelves, or floors alone?"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from headfreeze.comparison.figures.style import WIDTH, Look, legend, new_figure, plain
from headfreeze.evaluation.tally import ErrorTally
from headfreeze.tasks.base import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_CLASSES = 16


def draw_class_errors(
    tallies: Mapping[str, Sequence[ErrorTally]], segmentation: str, task: Task, looks: Mapping[str, Look]
) -> "Figure":
    """A row for each class, those with the most pixels first; a mark for each recipe, its whisker the range over seeds.

    Args:
        tallies: of every recipe, one a seed.
        segmentation: the task whose classes they are.
        task: whose errors.
        looks: of the recipes.
    """
    assert task.error is not None
    pixels = class_pixels(tallies, segmentation)
    classes = sorted(pixels, key=lambda name: -pixels[name])[:_MOST_CLASSES]
    width = WIDTH
    figure = new_figure(width, 0.9 + len(classes) * max(0.34, 0.055 * len(tallies) + 0.12))
    unit = f" ({task.error.unit})" if task.error.unit else ""
    axes = plain(figure.subplots(), f"mean {task.error.name}{unit}")
    offsets = np.linspace(-0.32, 0.32, len(tallies)) if len(tallies) > 1 else np.zeros(1)
    for offset, (recipe, seeds) in zip(offsets, tallies.items(), strict=True):
        found = np.array([[_mean(tally, segmentation, name) for name in classes] for tally in seeds])
        mean = found.mean(0)
        spread = np.abs(np.stack([found.min(0), found.max(0)]) - mean)
        look = looks[recipe]
        axes.errorbar(
            mean, np.arange(len(classes)) + offset, xerr=spread, fmt=look.marker, color=look.colour, markersize=4,
            elinewidth=1, markerfacecolor=look.colour if look.dash == "solid" else "none",
        )  # fmt: skip
    total = sum(pixels.values())
    axes.set_yticks(range(len(classes)), [f"{name}  {pixels[name] / total:.0%}" for name in classes])
    axes.set_ylim(len(classes) - 0.4, -0.6)
    axes.set_xlim(left=0)
    for row in range(1, len(classes)):
        axes.axhline(row - 0.5, color="#888888", linewidth=0.5, alpha=0.5)
    legend(figure, {name: looks[name] for name in tallies}, width)
    return figure


def class_pixels(tallies: Mapping[str, Sequence[ErrorTally]], segmentation: str) -> dict[str, int]:
    """How many pixels of the split are of each class that all runs have met."""
    each = [tally.classes.get(segmentation, {}) for seeds in tallies.values() for tally in seeds]
    names = [name for name in (each[0] if each else {}) if all(of.get(name) and of[name].pixels for of in each)]
    return {name: each[0][name].pixels for name in names}


def _mean(tally: ErrorTally, segmentation: str, name: str) -> float:
    return tally.classes[segmentation][name].mean
