"""Photographs, the truth, and what every recipe makes of them, errors below: the paper's Fig. 4."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from headfreeze.comparison.shown import Shown
from headfreeze.pictures import grid, image_cell, label_cell


def draw_examples(shown: Sequence[Shown]) -> Image.Image:
    """A row of predictions for each image and, below it, one of their errors, where the task has errors of pixels."""
    recipes = list(shown[0].predictions)
    known = any(each.truth is not None for each in shown)
    rows = []
    for each in shown:
        labels = [each.truth] if known else []
        cells = [image_cell(each.input), *(_cell(label) for label in labels)]
        rows.append([*cells, *(_cell(each.predictions[name]) for name in recipes)])
        if each.errors:
            rows.append([_cell(None)] * len(cells) + [_cell(each.errors.get(name)) for name in recipes])
    return grid(["input", *(["truth"] if known else []), *recipes], rows)


def _cell(label: np.ndarray | None) -> Image.Image:
    return Image.new("RGB", (1, 1), "white") if label is None else label_cell(label)
