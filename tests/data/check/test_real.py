"""Real photographs with measured normals: right ones are not accused; all 48 frames, by depth, are named."""

from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pytest
import torch

from headfreeze.data.check.conventions import NormalsStatistics
from headfreeze.data.check.frames import FRAMES
from headfreeze.data.folder import open_dataset
from headfreeze.tasks.labels import Normals

pytestmark = pytest.mark.shared

SETS = [("real_indoor", "val"), ("real_indoor", "test"), ("real_faces_normals", "val"), ("real_faces_normals", "test")]
FEW = 24


def statistics(root: Path, split: str, frame: str = "x y z", with_depth: bool = False) -> NormalsStatistics:
    dataset = open_dataset(root)
    task = dataset.task("normals")
    turn = torch.from_numpy(np.linalg.inv(FRAMES[frame])).float()
    found = []
    for sample in dataset.samples(split, dataset.tasks if with_depth else ["normals"])[:FEW]:
        normals = task.read(sample.labels["normals"]).as_subclass(torch.Tensor)
        depth = dataset.task("depth").read(sample.labels["depth"]) if with_depth else None
        found.append(NormalsStatistics.of(Normals(torch.einsum("ij,jhw->ihw", turn, normals)), task, depth))
    return reduce(add, found)


@pytest.mark.parametrize(("name", "split"), SETS)
def test_measured_normals_are_not_accused_and_mirrored_ones_are(shared_data: Path, name: str, split: str) -> None:
    root = shared_data / name
    found = statistics(root, split)
    assert [*found.faults(), *found.doubts()] == []
    for frame in ("x -y z", "x y -z"):
        found = statistics(root, split, frame)
        assert frame in found.verdict().frames
        assert len([*found.faults(), *found.doubts()]) == 1


@pytest.mark.parametrize("frame", ["x y z", "-x y z", "x -y -z", "z x -y", "y x z", "-z y x"])
def test_the_depth_of_a_sensor_tells_every_axis(shared_data: Path, frame: str) -> None:
    assert statistics(shared_data / "real_indoor", "val", frame, with_depth=True).verdict().frames == (frame,)
