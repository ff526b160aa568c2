"""The network that makes the anchor of the main task, and what it says of runs."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from headfreeze.data.folder import open_dataset
from headfreeze.data.images import read_image
from headfreeze.data.pair import OpenPair, open_pair
from headfreeze.run import Run
from headfreeze.selection import cross_task
from headfreeze.selection.cross_task import cross_task_energy, learnt_map
from tests.runs import pair_of
from tests.worlds import TinyPair


def opened(tiny: TinyPair) -> OpenPair:
    pair, problems = open_pair(pair_of(tiny))
    assert pair is not None, problems
    return pair


def test_it_is_learnt_once_and_again_when_the_labels_change(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tiny_pair.copy(tmp_path / "copy")
    first = learnt_map(opened(copy), pair_of(copy), tmp_path / "maps", "cpu")
    assert first is not None
    assert first.trained == ["segmentation"]
    fit, fitted = cross_task.fit, []
    monkeypatch.setattr(cross_task, "fit", lambda *args, **how: fitted.append(1) or fit(*args, **how))
    again = learnt_map(opened(copy), pair_of(copy), tmp_path / "maps", "cpu")
    assert again is not None
    assert (again.folder, fitted) == (first.folder, [])
    shutil.copyfile(copy.source / "train/normals/0001.png", copy.source / "train/normals/0000.png")
    other = learnt_map(opened(copy), pair_of(copy), tmp_path / "maps", "cpu")
    assert other is not None
    assert (other.folder != first.folder, fitted) == (True, [1])


def test_a_source_without_anchors_teaches_nothing(tiny_pair: TinyPair, tmp_path: Path) -> None:
    copy = tiny_pair.copy(tmp_path / "copy")
    shutil.rmtree(copy.source / "train/segmentation")
    assert learnt_map(opened(copy), pair_of(copy), tmp_path / "maps", "cpu") is None
    assert not (tmp_path / "maps").exists()


def test_true_normals_go_better_with_the_anchor_than_others(
    tiny_pair: TinyPair, normals_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_task, "_STEPS", 60)
    pair, run = opened(tiny_pair), Run(normals_run, "cpu")
    map_ = learnt_map(pair, pair_of(tiny_pair), tmp_path / "maps", "cpu")
    assert map_ is not None
    target = open_dataset(tiny_pair.target)
    truth = {
        read_image(s.image).tobytes(): target.tasks["normals"].read(s.labels["normals"])
        for s in target.samples("val", ["normals"])
    }
    labels = list(truth.values())
    shifted = dict(zip(truth, labels[1:] + labels[:1], strict=True))

    def energy(predictions: dict[bytes, object]) -> float:
        monkeypatch.setattr(run, "predict", lambda image: {"normals": predictions[np.asarray(image).tobytes()]})
        return cross_task_energy(run, pair, map_)

    right, wrong = energy(truth), energy(shifted)
    assert -1 <= right < wrong - 0.1 < 0, "minus the mean IoU: the classes are the balls, which the normals show"
