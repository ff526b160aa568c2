"""The share of images whose keypoints are off by less than x: the cumulative error distribution of 300-W."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from headfreeze.comparison.figures.style import INK, WIDTH, Look, legend, new_figure, plain
from headfreeze.tasks.keypoints_metric import FAILURE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_keypoint_curves(errors: Mapping[str, Float[np.ndarray, " n"]], looks: Mapping[str, Look]) -> "Figure":
    """A line for each recipe from the errors of its images, over all seeds; higher is better."""
    figure = new_figure(WIDTH, 3.7)
    axes = plain(figure.subplots(), "normalised mean error", "share of images below")
    end = FAILURE
    for name, values in errors.items():
        ordered = np.sort(values[np.isfinite(values)])
        if not len(ordered):
            continue
        share = np.arange(1, len(ordered) + 1) / len(ordered)
        axes.step(ordered, share, where="post", color=looks[name].colour, linestyle=looks[name].dash, linewidth=1.5)
        end = max(end, float(ordered[int(0.98 * (len(ordered) - 1))]))
    axes.axvline(FAILURE, color=INK, linewidth=0.7, linestyle=(0, (1, 2)))
    axes.set(xlim=(0, end), ylim=(0, 1.04))
    legend(figure, {name: looks[name] for name in errors}, WIDTH)
    return figure
