"""What is drawn is what was measured."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from headfreeze.comparison.figures.classes import class_pixels, draw_class_errors
from headfreeze.comparison.figures.curves import draw_curves
from headfreeze.comparison.figures.discriminators import discriminated, draw_discriminators
from headfreeze.comparison.figures.histograms import draw_histograms
from headfreeze.comparison.figures.history import History, mean_history, read_history
from headfreeze.comparison.figures.keypoint_curves import draw_keypoint_curves
from headfreeze.comparison.figures.scores import Against, draw_differences
from headfreeze.comparison.figures.style import looks
from headfreeze.comparison.figures.training import draw_training, losses_of
from headfreeze.errors import InputError
from headfreeze.evaluation.tally import ClassErrors, ErrorTally
from headfreeze.tasks import make_task

NORMALS = make_task("normals")
RECIPES = ("baseline", "headfreeze")
LOOKS = looks(RECIPES)


def tally_of(angles: Sequence[float], classes: dict[str, tuple[int, float]] | None = None) -> ErrorTally:
    counts = np.histogram(angles, 720, (0, 180))[0].astype(np.int64)
    found = {name: ClassErrors(*values) for name, values in (classes or {}).items()}
    return ErrorTally(180.0, counts, {"segmentation": found})


def test_curves_are_the_shares_below_and_end_where_the_worst_recipe_is_nearly_done() -> None:
    angles = {"baseline": np.linspace(0, 90, 901)[:-1], "headfreeze": np.linspace(0, 45, 901)[:-1]}
    figure = draw_curves({name: tally_of(each) for name, each in angles.items()}, NORMALS, LOOKS)
    axes = figure.axes[0]
    for line, each in zip(axes.lines, angles.values(), strict=False):
        x, y = (np.asarray(values, float) for values in line.get_data())
        np.testing.assert_allclose(y, [(each < edge).mean() for edge in x], atol=1e-9)
    assert axes.get_xlim() == (0, pytest.approx(0.98 * 90, abs=0.5))


def test_histograms_share_a_scale_and_sum_to_what_is_in_range() -> None:
    rng = np.random.default_rng(0)
    tallies = {name: tally_of(rng.gamma(2, scale, 5000)) for name, scale in (("baseline", 12), ("headfreeze", 8))}
    figure = draw_histograms(tallies, NORMALS, LOOKS, "baseline")
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [panel.get_title() for panel in panels] == list(RECIPES)
    assert panels[0].get_ylim() == panels[1].get_ylim()
    heights = panels[0].patches[0].get_data().values
    end = panels[0].get_xlim()[1]
    assert heights.sum() == pytest.approx(np.interp(end, tallies["baseline"].edges, tallies["baseline"].below()))
    assert len(panels[1].patches) == 2, "its own, and the baseline's outline"


def test_classes_stand_in_the_order_of_their_pixels_with_means_and_ranges_over_seeds() -> None:
    seeds = {
        "baseline": [tally_of([1], {"floor": (10, 100.0), "wall": (30, 600.0), "none": (0, 0.0)})],
        "headfreeze": [
            tally_of([1], {"floor": (10, total), "wall": (30, 300.0), "none": (0, 0.0)}) for total in (40.0, 80.0)
        ],
    }
    assert class_pixels(seeds, "segmentation") == {"floor": 10, "wall": 30}
    figure = draw_class_errors(seeds, "segmentation", NORMALS, LOOKS)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["wall  75%", "floor  25%"]
    means = [container.lines[0].get_xdata() for container in axes.containers]
    np.testing.assert_allclose(means, [[20, 10], [10, 6]])
    segments = axes.containers[1].lines[2][0].get_segments()
    np.testing.assert_allclose(np.array(segments)[:, :, 0], [[10, 10], [4, 8]])


def test_differences_are_drawn_with_their_intervals_and_seeds() -> None:
    found = {"headfreeze": Against(-2.0, -3.0, -1.0, [-2.5, -1.5])}
    axes = draw_differences(found, LOOKS, "mean (°)", lower_is_better=True).axes[0]
    assert axes.get_xlabel() == "mean (°): recipe − baseline (← better)"
    assert [list(line.get_xdata()) for line in axes.lines[1:]] == [[-3.0, -1.0], [-2.0], [-2.5, -1.5]]


def test_keypoints_have_the_share_of_images_below_an_error() -> None:
    errors = np.array([0.02, 0.05, math.nan, 0.01, 0.2])
    axes = draw_keypoint_curves({"baseline": errors, "headfreeze": np.array([math.nan])}, LOOKS).axes[0]
    x, y = axes.lines[0].get_data()
    np.testing.assert_allclose(x, [0.01, 0.02, 0.05, 0.2])
    np.testing.assert_allclose(y, [0.25, 0.5, 0.75, 1])


def write_rows(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_phases_follow_one_another_on_the_axis_of_the_budget(tmp_path: Path) -> None:
    first = write_rows(tmp_path / "a.csv", "step,loss_source_normals,val_source_normals\n5,1.0,2.0\n10,0.5,\n")
    second = write_rows(tmp_path / "b.csv", "step,loss_source_normals,accuracy_outputs\n5,0.25,0.6\n")
    history = read_history([(first, 10), (second, 8)])
    assert history.begins == [0, 10]
    steps, values = history.column("loss_source_normals")
    np.testing.assert_equal(steps, [5, 10, math.nan, 15])
    np.testing.assert_equal(values, [1, 0.5, math.nan, 0.25])
    assert history.column("accuracy_outputs")[0].tolist() == [15]
    assert history.columns == ["loss_source_normals", "val_source_normals", "accuracy_outputs"]


def test_a_phase_whose_losses_are_gone_leaves_the_others_and_damage_is_said_in_a_line(tmp_path: Path) -> None:
    there = write_rows(tmp_path / "b.csv", "step,loss_source_normals\n5,0.25\n")
    for gone in (tmp_path / "gone.csv", None):
        assert read_history([(gone, 10), (there, 8)]).rows == [{"step": 15, "loss_source_normals": 0.25}]
    write_rows(there, "step,loss_source_normals\n5,x\n")
    with pytest.raises(InputError, match=r"b\.csv: damaged; remove it to draw the training without it"):
        read_history([(there, 8)])


def history_of(values: Sequence[float], **more: float) -> History:
    return History([{"step": float(k), "loss_source_normals": v, **more} for k, v in enumerate(values, 1)], [0])


def test_lines_are_means_over_seeds_at_the_steps_that_all_have() -> None:
    mean = mean_history([history_of([4.0, 2.0]), history_of([2.0, 1.0, 9.0])])
    assert [row["loss_source_normals"] for row in mean.rows] == [3.0, 1.5]
    histories = {"baseline": [history_of([4.0, 2.0]), history_of([2.0, 1.0])], "headfreeze": [history_of([1.0])]}
    axes = draw_training(histories, LOOKS).axes[0]
    assert axes.get_title() == "normals on source, training"
    assert [line.get_ydata().tolist() for line in axes.lines] == [[3.0, 1.5], [1.0]]


def test_losses_of_adversaries_are_apart_and_discriminators_have_a_panel_each() -> None:
    more = {"loss_adversary": 0.1, "loss_discriminator": 0.7, "accuracy_up1": 0.6, "accuracy_up2": 0.5, "loss": 1.0}
    histories = {"baseline": [history_of([1.0, 2.0])], "headfreeze": [history_of([1.0], **more)] * 2}
    assert losses_of(histories) == ["loss_source_normals"]
    assert discriminated(histories) == ["up1", "up2"]
    figure = draw_discriminators(histories, LOOKS)
    assert [axes.get_title() for axes in figure.axes] == ["at up1", "at up2"]
    assert [line.get_ydata()[0] for line in figure.axes[0].lines] == [0.55, 0.6, 0.6]
