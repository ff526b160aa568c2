"""Pictures of chosen images: what they show, and that none is predicted twice."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from headfreeze.comparison.choice import Choice
from headfreeze.comparison.shown import Shown, ShownRun, error_map, shown
from headfreeze.data.folder import open_dataset
from headfreeze.run import Run, RunCard
from headfreeze.tasks import make_task
from tests.worlds import TinyPair

CHOICES = (Choice("0001", "one"), Choice("0004", "other"), Choice("9999", "not there"))


class Counting:
    """A run that counts how often it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.loads = folder, 0

    def shown(self, tiny: TinyPair, cache: Path, inside: str = "") -> list[Shown]:
        def load() -> Run:
            self.loads += 1
            return Run(self.folder, "cpu")

        target = open_dataset(tiny.target)
        run = ShownRun(self.folder, RunCard.read(self.folder), load)
        return shown(CHOICES, {"headfreeze": run}, target, target.task("normals"), inside, cache)


def test_pictures_are_those_of_the_prediction_and_a_second_call_predicts_nothing(
    tiny_pair: TinyPair, normals_run: Path, tmp_path: Path
) -> None:
    run = Counting(normals_run)
    first = run.shown(tiny_pair, tmp_path)
    assert [each.choice.id for each in first] == ["0001", "0004"]
    assert run.loads == 2
    image = np.array(Image.open(tiny_pair.target / "test/image/0004.png"))
    network = Run(normals_run, "cpu")
    np.testing.assert_array_equal(first[1].input, image)
    np.testing.assert_array_equal(
        first[1].predictions["headfreeze"], network.main.render(network.predict(image)["normals"])
    )
    again = run.shown(tiny_pair, tmp_path)
    assert run.loads == 2
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.predictions["headfreeze"], other.predictions["headfreeze"])
        np.testing.assert_array_equal(one.errors["headfreeze"], other.errors["headfreeze"])


def test_what_has_changed_is_predicted_anew_and_what_is_not_needed_goes(
    tiny_pair: TinyPair, normals_run: Path, tmp_path: Path
) -> None:
    pair, run = tiny_pair.copy(tmp_path), Counting(normals_run)
    run.shown(pair, tmp_path / "cache")
    before = {path.name for path in (tmp_path / "cache").iterdir()}
    shutil.copy(pair.target / "test/normals/0002.png", pair.target / "test/normals/0001.png")
    run.shown(pair, tmp_path / "cache")
    after = {path.name for path in (tmp_path / "cache").iterdir()}
    assert run.loads == 3
    assert len(before) == len(after) == 4
    assert len(before & after) == 2


def test_errors_outside_of_the_region_are_not_shown(tiny_pair: TinyPair, normals_run: Path, tmp_path: Path) -> None:
    run = Counting(normals_run)
    inside = run.shown(tiny_pair, tmp_path, "segmentation")[0].errors["headfreeze"]
    label = np.array(Image.open(tiny_pair.target / "test/segmentation/0001.png"))
    grey = (inside == 128).all(-1)
    np.testing.assert_array_equal(grey, ~np.isin(label, (1, 2)))


def test_an_image_without_a_label_has_no_truth_and_no_errors(
    tiny_pair: TinyPair, normals_run: Path, tmp_path: Path
) -> None:
    pair = tiny_pair.copy(tmp_path)
    (pair.target / "test/normals/0001.png").unlink()
    found = Counting(shutil.copytree(normals_run, tmp_path / "run")).shown(pair, tmp_path / "cache")
    assert (found[0].truth, found[0].errors) == (None, {})
    assert found[1].truth is not None


@pytest.mark.parametrize("degrees", [0, 30, 60, 180])
def test_errors_are_brighter_the_larger_they_are(degrees: float) -> None:
    angle = np.radians(degrees)
    label, prediction = torch.zeros(3, 2, 2), torch.zeros(3, 2, 2)
    label[2] = 1
    prediction[0], prediction[2] = np.sin(angle), np.cos(angle)
    label[:, 0, 0] = 0
    picture = error_map(make_task("normals"), prediction, label)
    assert picture[0, 0].tolist() == [128, 128, 128]
    brightness = picture[1, 1].astype(int).sum()
    low, high = {0: (0, 10), 30: (200, 450), 60: (500, 765), 180: (500, 765)}[int(degrees)]
    assert low <= brightness <= high


def test_large_photographs_are_shown_small(tiny_pair: TinyPair, normals_run: Path, tmp_path: Path) -> None:
    pair = tiny_pair.copy(tmp_path)
    for folder in ("image", "normals"):
        path = pair.target / f"test/{folder}/0001.png"
        with Image.open(path) as image:
            image.resize((1100, 700), Image.Resampling.NEAREST).save(path)
    for path in (pair.target / "test/segmentation").iterdir():
        path.unlink()
    found = Counting(normals_run).shown(pair, tmp_path / "cache")[0]
    for picture in (found.input, found.truth, *found.predictions.values(), *found.errors.values()):
        assert picture is not None
        assert picture.shape == (326, 512, 3)
