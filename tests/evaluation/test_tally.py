"""Errors counted in the pass of an evaluation against numpy over the very same pixels."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from headfreeze.data.folder import open_dataset
from headfreeze.errors import InputError
from headfreeze.evaluation.evaluate import evaluate
from headfreeze.evaluation.tally import ErrorTally, pooled
from headfreeze.run import Run
from headfreeze.tasks import make_task
from headfreeze.tasks.error_scale import ErrorScale
from tests.worlds import CLASSES, COUNTS, TinyPair

SCALE = ErrorScale("error", "", end=2, bins=8, brightest=1)


def test_counts_are_numpys_histogram_and_what_is_beyond_counts_in_the_last_bin() -> None:
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 3, (4, 6, 6))
    images[rng.random(images.shape) < 0.2] = np.nan
    tally = ErrorTally.empty(SCALE)
    for image in images:
        tally.add(torch.from_numpy(image))
    values = images[~np.isnan(images)]
    expected, edges = np.histogram(values.clip(max=1.999), bins=8, range=(0, 2))
    assert tally.counts.tolist() == expected.tolist()
    np.testing.assert_allclose(tally.edges, edges)
    np.testing.assert_allclose(tally.below()[:-1], [(values < edge).mean() for edge in edges[:-1]])
    assert tally.below()[-1] == 1


def test_nothing_counted_has_no_shares() -> None:
    tally = ErrorTally.empty(SCALE)
    tally.add(torch.full((2, 2), torch.nan))
    assert np.isnan(tally.below()).all()


def test_errors_are_summed_by_the_classes_of_valid_pixels() -> None:
    task = make_task("segmentation", {"classes": ["a", "b", "c"]})
    rng = np.random.default_rng(0)
    tally = ErrorTally.empty(SCALE)
    errors, labels = rng.random((3, 4, 4)), rng.choice([0, 1, 255], (3, 1, 4, 4)).astype(np.uint8)
    errors[0, 0] = np.nan
    for error, label in zip(errors, labels, strict=True):
        tally.add_classes(torch.from_numpy(error), task, torch.from_numpy(label))
    for index, name in enumerate("ab"):
        values = errors[(labels[:, 0] == index) & ~np.isnan(errors)]
        found = tally.classes["segmentation"][name]
        assert (found.pixels, found.mean) == (len(values), pytest.approx(values.mean()))
    assert tally.classes["segmentation"]["c"].pixels == 0
    assert np.isnan(tally.classes["segmentation"]["c"].mean)
    both = pooled([tally, tally])
    assert both is not None
    assert both.classes["segmentation"]["a"].pixels == 2 * tally.classes["segmentation"]["a"].pixels
    assert both.classes["segmentation"]["a"].mean == pytest.approx(tally.classes["segmentation"]["a"].mean)
    assert both.counts.sum() == 2 * tally.counts.sum()
    assert pooled([]) is None


def test_what_is_written_is_read_back_and_damage_is_said_in_a_line(tmp_path: Path) -> None:
    tally = ErrorTally.empty(SCALE)
    tally.add(torch.rand(3, 3).double())
    tally.add_classes(torch.rand(2, 2).double(), make_task("s", {"kind": "segmentation", "classes": ["a", "b"]}),
                      torch.zeros(1, 2, 2, dtype=torch.uint8))  # fmt: skip
    path = tmp_path / "normals_errors.json"
    assert ErrorTally.read(path) is None
    tally.write(path)
    read = ErrorTally.read(path)
    assert read is not None
    assert (read.counts.tolist(), read.end, read.classes) == (tally.counts.tolist(), tally.end, tally.classes)
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    assert ErrorTally.read(path) is None, "one of another version is as if it were not there"
    path.write_text("{")
    with pytest.raises(InputError, match=r"normals_errors\.json: damaged; remove it and evaluate the run again"):
        ErrorTally.read(path)


@pytest.mark.parametrize("inside", ["", "segmentation"])
def test_an_evaluation_counts_the_pixels_that_its_metrics_pool(
    inside: str, tiny_pair: TinyPair, normals_run: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(normals_run, tmp_path / "run")
    scores = evaluate(folder, tiny_pair.target, "test", "cpu", inside)
    name = "target-test-inside-segmentation" if inside else "target-test"
    tally = ErrorTally.read(folder / f"evaluation/{name}/normals_errors.json")
    assert tally is not None
    metrics = scores.metrics["normals"]
    assert tally.counts.sum() == metrics["pixels"]
    share = dict(zip(tally.edges.tolist(), tally.below().tolist(), strict=True))
    assert share[22.5] == pytest.approx(metrics["below_22_5"])
    run, angles, classes = Run(folder, "cpu"), [], []
    for sample in open_dataset(tiny_pair.target).samples("test", ["normals", "segmentation"]):
        label = run.main.read(sample.labels["normals"])
        predicted = run.predict(np.array(Image.open(sample.image)))["normals"]
        angle = np.degrees(np.arccos((predicted * label).sum(0).clamp(-1, 1).numpy()))
        index = np.array(Image.open(sample.labels["segmentation"]))
        angles.append(np.where(np.isin(index, (1, 2)) if inside else label.any(0).numpy(), angle, np.nan))
        classes.append(index)
    assert len(angles) == COUNTS["test"]
    for index, of in enumerate(CLASSES):
        values = np.array(angles)[(np.array(classes) == index) & ~np.isnan(angles)]
        found = tally.classes["segmentation"][of]
        assert found.pixels == len(values)
        assert found.total == pytest.approx(values.sum(), rel=1e-3, abs=1e-6)
    if not inside:
        segmentation = json.loads((folder / f"evaluation/{name}/segmentation_errors.json").read_text())
        assert segmentation["classes"] == {}, "a segmentation's errors by its own classes are what its metrics say"
