"""Judges on the source look from where the target's cameras look."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from headfreeze.data.pair import OpenPair, open_pair
from headfreeze.evaluation.stylised import error_on_source
from headfreeze.evaluation.turned import pitch_of, turned
from headfreeze.evaluation.validators import source_loss
from headfreeze.run import Run
from headfreeze.settings import Pair
from headfreeze.tasks import make_task
from tests.corridor import SIDE, corridor, written
from tests.runs import fit_tiny
from tests.worlds import TinyPair

NORMALS = make_task("normals")


@pytest.fixture(scope="module")
def run(tiny_pair: TinyPair, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("turned") / "run"
    fit_tiny("baseline", tiny_pair, out, steps=2)
    return Run(out, "cpu")


def opened(source: Path, target: Path) -> OpenPair:
    pair, problems = open_pair(Pair(source, target, "normals", "segmentation"))
    assert pair is not None, problems
    return pair


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("corridors")
    return {pitch: written(folder / str(pitch), pitch) for pitch in (0, -2, -18)}


def test_the_angle_is_that_of_the_anchors_whatever_the_targets_main_labels_say(
    roots: dict[int, Path], run: Run, tmp_path: Path
) -> None:
    assert pitch_of(opened(roots[0], roots[-18]), run) == pytest.approx(-18, abs=3)
    assert pitch_of(opened(roots[0], roots[-2]), run) == 0, "too little to be worth a word"
    target = written(tmp_path / "garbage", -18)
    for label in (target / "train/normals").iterdir():
        label.write_bytes(b"garbage")
    assert pitch_of(opened(roots[0], target), run) == pytest.approx(-18, abs=3)


def test_an_image_and_its_label_are_turned_together(run: Run) -> None:
    level, down = corridor(0, 1.2), corridor(-15, 1.2)
    image = torch.from_numpy(np.stack([90 * level["segmentation"]] * 3, -1).astype(np.uint8))
    narrow = replace(run.card, settings=run.card.settings | {"pair": run.card.settings["pair"] | {"fov_deg": 65.0}})
    run.card = narrow
    seen, label = turned(
        image, NORMALS.wrap(torch.from_numpy(level["normals"]).float(), (SIDE, SIDE)), NORMALS, -15, run
    )
    valid = NORMALS.valid(label)[0].numpy()
    assert 0.5 < valid.mean() < 0.9
    there = np.abs(label.as_subclass(Tensor).numpy() - down["normals"]).max(0) < 1e-4
    assert there[valid].mean() > 0.95
    assert (np.abs(seen[..., 0].numpy() - 90.0 * down["segmentation"]) < 45)[valid].mean() > 0.95


def test_where_cameras_differ_source_loss_is_the_error_on_turned_images(run: Run, roots: dict[int, Path]) -> None:
    same, differ = opened(roots[0], roots[-2]), opened(roots[0], roots[-18])
    assert source_loss(run, same) == run.card.phases[-1]["validation"]["val_source_normals"]
    error_deg = source_loss(run, differ)
    assert error_deg == error_on_source(run, differ, lambda image: image)
    assert error_deg != pytest.approx(error_on_source(run, same, lambda image: image), abs=0.1)
    assert 0 < error_deg < 180
