"""A picture of a comparison: a row for each image; the input, each recipe's prediction, the truth where it is known."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from headfreeze.data.folder import Sample
from headfreeze.data.images import read_image
from headfreeze.files import write_with
from headfreeze.pictures import grid, image_cell, label_cell
from headfreeze.run import Run
from headfreeze.tasks.base import Task


def draw_figure(runs: Mapping[str, Run], samples: Sequence[Sample], task: Task, path: Path) -> None:
    """Writes the picture; every cell has the same height, labels are scaled without blending."""
    known = all(task.name in sample.labels for sample in samples)
    rows = []
    for sample in samples:
        image = read_image(sample.image)
        cells = [image_cell(image)]
        for run in runs.values():
            cells.append(label_cell(task.render(run.predict(image)[task.name], image)))
        if known:
            cells.append(label_cell(task.render(sample.label(task), image)))
        rows.append(cells)
    picture = grid(["input", *runs, *(["truth"] if known else [])], rows)
    write_with(path, lambda p: picture.save(p))
