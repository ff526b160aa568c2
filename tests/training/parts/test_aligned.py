"""Source cameras are pitched as the target's are: in scenes whose rays are computed exactly, and in training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from headfreeze.data.augment import Augment, augmented
from headfreeze.data.batch import DeviceBatch
from headfreeze.data.geometric import seen_from_elsewhere
from headfreeze.errors import InputError
from headfreeze.recipes import find_recipe
from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task
from headfreeze.training.parts.aligned import Aligned, pitch_difference
from headfreeze.training.parts.build import check_parts
from tests.corridor import FOV_DEG, SIDE, corridor
from tests.runs import fit_tiny, same_bits, settings_of, weights_of
from tests.worlds import TinyPair

SEGMENTATION = make_task("segmentation", {"classes": ["floor", "wall", "ceiling"]})
NORMALS, DEPTH = make_task("normals"), make_task("depth")


def batches(
    source_deg: float, target_deg: float, spread_deg: float = 5, heights_m: tuple[float, float] = (0.8, 1.8)
) -> list[DeviceBatch]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(8):
        labels: dict[tuple[str, str], Tensor] = {}
        for domain, mean_deg in (("source", source_deg), ("target", target_deg)):
            views = [corridor(rng.normal(mean_deg, spread_deg), rng.uniform(*heights_m)) for _ in range(8)]
            for task in (SEGMENTATION, NORMALS, DEPTH):
                values = np.stack([np.atleast_3d(view[task.name].T).T for view in views])
                kind = torch.uint8 if task is SEGMENTATION else torch.float32
                labels[domain, task.name] = task.wrap(torch.from_numpy(values).to(kind), (SIDE, SIDE))
        found.append(DeviceBatch(torch.rand(16, 3, SIDE, SIDE), labels, 8))
    return found


@pytest.mark.parametrize("anchors", [[SEGMENTATION], [NORMALS], [DEPTH], [SEGMENTATION, DEPTH]])
@pytest.mark.parametrize(("source_deg", "target_deg"), [(-2, -18), (0, 12), (-10, -10), (5, -21)])
def test_the_angle_is_told_by_the_anchors(anchors: list[Task], source_deg: float, target_deg: float) -> None:
    found = pitch_difference(batches(source_deg, target_deg), anchors, FOV_DEG)
    assert found == pytest.approx(target_deg - source_deg, abs=3)


def test_invalid_labels_tell_nothing() -> None:
    told = batches(0, -14)
    for batch in told:
        blank = batch.labels["target", "segmentation"].as_subclass(Tensor)
        blank[:, :, :, : SIDE // 3] = 255
        batch.labels["target", "segmentation"] = SEGMENTATION.wrap(blank, (SIDE, SIDE))
    assert pitch_difference(told, [SEGMENTATION], FOV_DEG) == pytest.approx(-14, abs=3)


@pytest.mark.parametrize("domains", [["source"], ["target"], ["source", "target"]])
def test_labels_of_a_few_pixels_tell_the_angle_too_and_none_tell_of_none(domains: list[str]) -> None:
    for share, angle in ((0.1, -14), (0.0, 0)):
        told, generator = batches(0, -14)[:4], torch.Generator().manual_seed(0)
        for batch in told:
            for domain in domains:
                sparse = batch.labels[domain, "segmentation"].as_subclass(Tensor)
                sparse[torch.rand(sparse.shape, generator=generator) >= share] = 255
                batch.labels[domain, "segmentation"] = SEGMENTATION.wrap(sparse, (SIDE, SIDE))
        assert pitch_difference(told, [SEGMENTATION], FOV_DEG) == pytest.approx(angle, abs=3 if share else 0)


def test_a_turned_source_camera_sees_what_one_of_that_pitch_sees() -> None:
    (batch, *_) = batches(0, 0, spread_deg=0, heights_m=(1, 1))
    seen = seen_from_elsewhere(batch, torch.Generator().manual_seed(0), 1.0, 0.0, FOV_DEG, source_pitch_deg=-15)
    wanted = corridor(-15, 1)
    normals, depth = (seen.labels["source", name].as_subclass(Tensor)[0].numpy() for name in ("normals", "depth"))
    there = normals.any(0)
    assert 0.6 < there.mean() < 0.9
    assert not there[-5:].any(), "below what the level camera saw"
    exact = (np.abs(normals - wanted["normals"]).max(0) < 1e-5)[there]
    assert exact.mean() > 0.95  # all but the pixels where two surfaces meet
    assert np.median(np.abs(depth[0] / wanted["depth"] - 1)[there]) < 0.03
    target = seen.labels["target", "normals"].as_subclass(Tensor)
    assert torch.equal(target, batch.labels["target", "normals"].as_subclass(Tensor)), "the target's cameras stay"
    torch.testing.assert_close(seen.image[8:], batch.image[8:])


def test_the_angle_is_a_constant_of_the_augmentation_that_draws_the_rest_as_before() -> None:
    told = batches(0, -20)
    plain = Augment("photometric", rotate_deg=12.0)
    found = Aligned([SEGMENTATION]).augmenting(plain, lambda: iter(told))
    assert found.source_pitch_deg == pytest.approx(-20, abs=3)
    assert Augment("photometric", rotate_deg=12.0, source_pitch_deg=found.source_pitch_deg) == found
    one, other = (augmented(told[0], each, torch.Generator().manual_seed(3)) for each in (plain, found))
    assert torch.equal(one.image[8:], other.image[8:])
    assert not torch.equal(one.image[:8], other.image[:8])


def test_it_is_refused_where_nothing_can_be_aligned(tiny_pair: TinyPair) -> None:
    points, recipe = make_task("keypoints", {"count": 3, "mirror": []}), find_recipe("mtl-both+aligned")
    with pytest.raises(InputError, match="'aligned' needs anchors with labels for each pixel, and 'keypoints' has"):
        check_parts(settings_of(tiny_pair), [recipe], {"main": [NORMALS], "anchor": [points]})
    with pytest.raises(InputError, match="'aligned' turns cameras, and augment is none; leave the part out"):
        check_parts(
            settings_of(tiny_pair, {"augment": "none"}), [recipe], {"main": [NORMALS], "anchor": [SEGMENTATION]}
        )


def test_the_run_says_by_how_much(tiny_pair: TinyPair, tmp_path: Path) -> None:
    cards = [
        fit_tiny("mtl-both+aligned", tiny_pair, tmp_path / name, phases=tmp_path / f"{name}-phases", steps=3)
        for name in ("one", "other")
    ]
    (turned,) = {card.phases[-1].get("source_pitch_deg", 0.0) for card in cards}
    assert -36 <= turned <= 36
    assert same_bits(*(weights_of(tmp_path / name) for name in ("one", "other")))
