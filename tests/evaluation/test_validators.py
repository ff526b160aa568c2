"""Validators against what they should say of runs, and what they must not open."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from headfreeze.data.folder import open_dataset
from headfreeze.data.images import read_image
from headfreeze.data.pair import OpenPair, open_pair
from headfreeze.evaluation.validators import (
    VALIDATORS,
    anchor_error,
    domain_accuracy,
    flip_consistency,
    photometric_consistency,
    source_loss,
)
from headfreeze.run import Run
from headfreeze.tasks.labels import Normals
from headfreeze.tuning.space import OBJECTIVE, OBJECTIVES
from tests.audit import touched
from tests.runs import pair_of
from tests.worlds import TinyPair


def opened(tiny: TinyPair) -> OpenPair:
    pair, problems = open_pair(pair_of(tiny))
    assert pair is not None, problems
    return pair


def mean_angle(one: Tensor, other: Tensor) -> float:
    cosine = (one.double() * other.double()).sum(0) / (one.double().norm(dim=0) * other.double().norm(dim=0))
    return float(torch.rad2deg(torch.acos(cosine.clamp(-1, 1))).mean())


def test_source_loss_is_what_the_last_validation_found(tiny_pair: TinyPair, normals_run: Path) -> None:
    run = Run(normals_run, "cpu")
    recorded = json.loads((normals_run / "run.json").read_text())["phases"][-1]["validation"]
    assert source_loss(run, opened(tiny_pair)) == recorded["val_source_normals"]
    run.card.phases[-1]["validation"].clear()
    assert math.isnan(source_loss(run, opened(tiny_pair))), "the source had no val split"


def test_anchor_error_is_the_anchors_own_score_on_val_else_on_train(
    tiny_pair: TinyPair, normals_run: Path, tmp_path: Path
) -> None:
    run, copy = Run(normals_run, "cpu"), tiny_pair.copy(tmp_path)
    for split in ("val", "train"):
        hits = labelled = predicted = np.zeros(3)
        dataset = open_dataset(copy.target)
        for sample in dataset.samples(split, ["segmentation"]):
            label = dataset.tasks["segmentation"].read(sample.labels["segmentation"]).numpy()
            found = run.predict(read_image(sample.image))["segmentation"].numpy()
            valid = label != 255
            hits = hits + [((found == c) & (label == c)).sum() for c in range(3)]
            labelled = labelled + [(label == c).sum() for c in range(3)]
            predicted = predicted + [((found == c) & valid).sum() for c in range(3)]
        union = labelled + predicted - hits
        miou = np.mean(hits[union > 0] / union[union > 0])
        assert anchor_error(run, opened(copy)) == pytest.approx(-miou)
        shutil.rmtree(copy.target / "val/segmentation", ignore_errors=True)


def test_anchor_error_opens_no_other_label(tiny_pair: TinyPair, depth_run: Path) -> None:
    pair, problems = open_pair(pair_of(tiny_pair, main="depth", anchor="normals"))
    assert pair is not None, problems
    with touched() as paths:
        assert math.isfinite(anchor_error(Run(depth_run, "cpu"), pair))
    labels = {path.parent.name for path in paths if path.parent.parent.parent == tiny_pair.target.resolve()}
    assert labels == {"image", "normals"}, "a segmentation, by whose classes errors are counted, may be the main task"


def test_flip_consistency_is_the_mean_angle_between_mirrored_predictions(
    tiny_pair: TinyPair, normals_run: Path
) -> None:
    run, angles = Run(normals_run, "cpu"), []
    for sample in open_dataset(tiny_pair.target).samples("val"):
        image = read_image(sample.image)
        plain = run.predict(image)["normals"]
        mirrored = run.predict(np.ascontiguousarray(image[:, ::-1]))["normals"].flip(-1)
        angles.append(mean_angle(mirrored * torch.tensor([-1.0, 1.0, 1.0]).view(3, 1, 1), plain))
    assert flip_consistency(run, opened(tiny_pair)) == pytest.approx(np.mean(angles), abs=1e-3)


def test_a_network_that_says_the_same_of_every_image_is_consistent(tiny_pair: TinyPair, normals_run: Path) -> None:
    run, pair = Run(normals_run, "cpu"), opened(tiny_pair)
    upward, sideward = (
        Normals(torch.tensor(n).view(3, 1, 1).expand(3, 48, 48)) for n in ([0, 0.6, 0.8], [0.6, 0, 0.8])
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "predict", lambda _: {"normals": upward})
        assert flip_consistency(run, pair) == pytest.approx(0, abs=1e-3)
        assert photometric_consistency(run, pair) == pytest.approx(0, abs=1e-3)
        patch.setattr(run, "predict", lambda _: {"normals": sideward})
        assert flip_consistency(run, pair) == pytest.approx(2 * math.degrees(math.asin(0.6)), abs=1e-3)


def test_photometric_consistency_sees_other_light_the_same_for_every_run(
    tiny_pair: TinyPair, normals_run: Path
) -> None:
    run, pair, seen = Run(normals_run, "cpu"), opened(tiny_pair), []
    predict = run.predict

    def noting(image: Any) -> dict[str, Tensor]:
        seen.append(image.copy())
        return predict(image)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "predict", noting)
        first, second = photometric_consistency(run, pair), photometric_consistency(run, pair)
    assert first == second > 0
    half = len(seen) // 2
    assert all(np.array_equal(a, b) for a, b in zip(seen[:half], seen[half:], strict=True))
    plain, changed = seen[0:half:2], seen[1:half:2]
    assert all(a.shape == b.shape and not np.array_equal(a, b) for a, b in zip(plain, changed, strict=True))


@pytest.mark.parametrize(
    ("phase", "wanted"),
    [
        ({}, math.nan),
        ({"adversary": {"levels": {"up1": {"probe": 0.6}, "up2": {"probe": 0.8}}}}, 0.7),
        ({"adversary": {"levels": {"up1": {"probe": 0.6}, "up2": {"probe": None}}}}, math.nan),
    ],
)
def test_domain_accuracy_is_the_probes_mean(
    phase: dict[str, Any], wanted: float, tiny_pair: TinyPair, normals_run: Path
) -> None:
    run = Run(normals_run, "cpu")
    run.card.phases[-1] = phase
    assert domain_accuracy(run, opened(tiny_pair)) == pytest.approx(wanted, nan_ok=True)


def test_an_anchor_that_was_never_trained_says_nothing(tiny_pair: TinyPair, normals_run: Path) -> None:
    run = Run(normals_run, "cpu")
    run.trained = ["normals"]
    assert math.isnan(anchor_error(run, opened(tiny_pair)))


def test_no_validator_opens_main_labels_or_the_test_split_of_the_target(tiny_pair: TinyPair, normals_run: Path) -> None:
    run = Run(normals_run, "cpu")
    with touched() as paths:
        for validator in VALIDATORS.values():
            validator(run, opened(tiny_pair))
    seen = {path.relative_to(tiny_pair.target).as_posix() for path in paths if path.is_relative_to(tiny_pair.target)}
    assert "val/image/0000.png" in seen
    assert not {name for name in seen if "normals" in name or "depth" in name or name.startswith("test")}


def test_commands_know_every_validator_without_importing_torch() -> None:
    assert tuple(VALIDATORS) == OBJECTIVES
    assert OBJECTIVE in OBJECTIVES
