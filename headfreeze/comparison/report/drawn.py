"""The figures of a report: draws those that the comparison has something for, and says what each shows."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headfreeze.comparison.features import PlacedFeatures, placing
from headfreeze.comparison.figures.classes import class_pixels, draw_class_errors
from headfreeze.comparison.figures.curves import draw_curves
from headfreeze.comparison.figures.discriminators import discriminated, draw_discriminators
from headfreeze.comparison.figures.features import draw_features
from headfreeze.comparison.figures.histograms import draw_histograms
from headfreeze.comparison.figures.keypoint_curves import draw_keypoint_curves
from headfreeze.comparison.figures.scores import Against, draw_differences
from headfreeze.comparison.figures.style import Look, drawing, looks, save
from headfreeze.comparison.figures.training import draw_training, losses_of
from headfreeze.comparison.report.contents import Contents
from headfreeze.comparison.results import BASELINE
from headfreeze.comparison.tables.numbers import title
from headfreeze.evaluation.tally import ErrorTally, pooled
from headfreeze.files import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawn:
    """A figure in DIR/figures.

    Attributes:
        name: of its files, NAME.png and NAME.svg.
        title: above it.
        caption: below it: what is to be seen, and how it was made.
        section: the part of the report that it belongs to.
        wide: whether it needs the page's whole width.
    """

    name: str
    title: str
    caption: str
    section: str
    wide: bool = False


_STATE = ".drawn"
_Plan = tuple[Drawn, Callable[[], "Figure"]]


def draw_all(contents: Contents, features: Mapping[str, PlacedFeatures], folder: Path, state: str) -> list[Drawn]:
    """Writes FOLDER/NAME.png and .svg of every figure that has something to show, and removes those of earlier calls.

    Args:
        contents: the comparison.
        features: of every recipe.
        folder: of the figures.
        state: what they are drawn from, as a short text: nothing is drawn again where the last call had the same.
    """
    look = looks(contents.card.recipes)
    plans = [
        *_differences(contents, look),
        *_errors(contents, look),
        *_features(contents, features),
        *_trainings(contents, look),
    ]
    kept = {f"{entry.name}.{kind}" for entry, _ in plans for kind in ("png", "svg")}
    marker = folder / _STATE
    if not (all((folder / name).is_file() for name in kept) and _read(marker) == state):
        marker.unlink(missing_ok=True)
        with drawing():
            for entry, draw in plans:
                save(draw(), folder, entry.name)
        for path in [*folder.glob("*.png"), *folder.glob("*.svg")]:
            if path.name not in kept:
                path.unlink(missing_ok=True)
        write_text(marker, state)
    return [entry for entry, _ in plans]


def _read(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def _differences(contents: Contents, look: Mapping[str, Look]) -> Iterator[_Plan]:
    results, metric = contents.results, contents.results.resampled
    found = {}
    for name in [name for name in contents.recipes if name != BASELINE and BASELINE in contents.recipes]:
        test = results.difference(name, BASELINE)
        if not math.isnan(test.low):
            ours, theirs = results.metrics[name], results.metrics[BASELINE]
            each = [ours[seed][metric] - theirs[seed][metric] for seed in sorted(ours.keys() & theirs.keys())]
            found[name] = Against(test.value, test.low, test.high, each)
    if found:
        of = f"{title(metric)} (°)" if results.task.kind == "normals" else title(metric)
        caption = (
            "Marks: the difference of the pooled scores, averaged over seeds; bars: 95 % intervals over"
            f" {results.drawn} and seeds; ticks above: each seed. A bar that crosses the line could be chance."
        )
        yield (
            Drawn("differences", "How much better than the baseline", caption, "scores"),
            lambda: draw_differences(found, look, of, lower_is_better=results.sign(metric) > 0),
        )


def _errors(contents: Contents, look: Mapping[str, Look]) -> Iterator[_Plan]:
    task, tallies = contents.results.task, contents.tallies()
    together = {name: total for name, each in tallies.items() if (total := _counted(each))}
    if task.error and task.error.graded and together:
        caption = "The share of all test pixels with an error below x, seeds pooled. Higher is better."
        yield (
            Drawn("curves", "How many pixels are how good", caption, "scores"),
            lambda: draw_curves(together, task, look),
        )
    if not task.dense:
        errors = {
            name: np.array([float(row[task.score]) for rows in seeds.values() for row in rows])
            for name, seeds in contents.results.images.items()
        }
        if any(np.isfinite(values).any() for values in errors.values()):
            caption = "The share of test images with an error below x, seeds together. Dotted: where failures begin."
            yield (
                Drawn("curves", "How many images are how good", caption, "scores"),
                lambda: draw_keypoint_curves(errors, look),
            )
    for segmentation in dict.fromkeys(name for each in tallies.values() for tally in each for name in tally.classes):
        if class_pixels(tallies, segmentation):
            caption = (
                f"Mean error on the pixels of each class of '{segmentation}', those with the most pixels first (their"
                " share behind the name). Marks: means over seeds; whiskers: the range over seeds."
            )
            yield (
                Drawn(f"classes-{segmentation}", f"Where it helps: classes of '{segmentation}'", caption, "errors"),
                lambda of=segmentation: draw_class_errors(tallies, of, task, look),  # type: ignore[misc]
            )
    if task.error and task.error.graded and together:
        caption = "Shares of test pixels by error, seeds pooled, up to the 95 % quantile. Outlines: the baseline."
        yield (
            Drawn("histograms", "Which errors pixels have", caption, "errors"),
            lambda: draw_histograms(together, task, look, BASELINE),
        )


def _features(contents: Contents, features: Mapping[str, PlacedFeatures]) -> Iterator[_Plan]:
    if features:
        anchor = placing(contents.runs[0].card.tasks_in("anchor")).name
        caption = (
            f"Features of the network at places that '{anchor}' names in both domains, along their two principal"
            " components; one panel a recipe (its first seed). ● source, × target. The number: the mean distance of a"
            " place's two domains, divided by that between places; small where the domains coincide."
        )
        yield (
            Drawn("features", "Do both domains look alike to the head?", caption, "features", wide=True),
            lambda: draw_features(features),
        )


def _trainings(contents: Contents, look: Mapping[str, Look]) -> Iterator[_Plan]:
    histories = contents.histories()
    if losses_of(histories):
        caption = (
            "Means over seeds, all phases of a recipe in their place in its budget; dotted lines: where second phases"
            " begin. Losses on the target's main labels are the oracle's: no other recipe may see them."
        )
        yield (
            Drawn("training", "Losses over the budget", caption, "training", wide=True),
            lambda: draw_training(histories, look),
        )
    if discriminated(histories):
        caption = (
            "Each run's discriminators, averaged between validations. At 50 % they guess; an adversary has done its"
            " work where they stay below the dotted line, 55 %."
        )
        yield (
            Drawn("discriminators", "How well discriminators tell the domains apart", caption, "training"),
            lambda: draw_discriminators(histories, look),
        )


def _counted(tallies: Sequence[ErrorTally]) -> ErrorTally | None:
    total = pooled(tallies)
    return total if total is not None and not math.isnan(total.below()[-1]) else None
