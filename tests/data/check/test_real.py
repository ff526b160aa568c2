"""Real photographs with measured normals: right ones are not accused, mirrored ones are."""

from pathlib import Path

import pytest
import torch

from headfreeze.data.check.conventions import NormalsStatistics
from headfreeze.data.folder import open_dataset
from headfreeze.tasks.labels import Normals

pytestmark = pytest.mark.shared

SETS = [("real_indoor", "val"), ("real_indoor", "test"), ("real_faces_normals", "val"), ("real_faces_normals", "test")]


def objections(root: Path, split: str, signs: tuple[int, int, int], with_depth: bool = False) -> list[str]:
    dataset = open_dataset(root)
    task = dataset.task("normals")
    total = None
    for sample in dataset.samples(split, dataset.tasks if with_depth else ["normals"]):
        normals = Normals(task.read(sample.labels["normals"]) * torch.tensor(signs).view(3, 1, 1))
        depth = dataset.task("depth").read(sample.labels["depth"]) if with_depth else None
        statistics = NormalsStatistics.of(normals, task, depth)
        total = statistics if total is None else total + statistics
    assert total is not None
    return [*total.faults(), *total.doubts()]


@pytest.mark.parametrize(("name", "split"), SETS)
def test_measured_normals_are_not_accused_and_flipped_ones_are(shared_data: Path, name: str, split: str) -> None:
    root = shared_data / name
    assert objections(root, split, (1, 1, 1)) == []
    assert any("y seems to be flipped" in line for line in objections(root, split, (1, -1, 1)))
    assert any("z seems to point away" in line for line in objections(root, split, (1, 1, -1)))


@pytest.mark.parametrize("split", ["val", "test"])
def test_the_depth_of_a_sensor_tells_the_axis(shared_data: Path, split: str) -> None:
    root = shared_data / "real_indoor"
    assert objections(root, split, (1, 1, 1), with_depth=True) == []
    (fault,) = objections(root, split, (-1, 1, 1), with_depth=True)
    assert fault.startswith("x seems to be flipped: it contradicts the slope of the depth in 9")
