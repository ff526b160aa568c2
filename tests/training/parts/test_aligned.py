"""Source cameras are pitched as the target's are: in scenes whose rays are computed exactly, and in training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from headfreeze.cli import run as headfreeze
from headfreeze.data.augment import Augment, augmented
from headfreeze.data.batch import DeviceBatch
from headfreeze.data.geometric import seen_from_elsewhere
from headfreeze.data.pitch import Told
from headfreeze.recipes import SOURCE_MAIN, Phase, Recipe, find_recipe
from headfreeze.run import RunCard
from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task
from headfreeze.training.fit import fit
from headfreeze.training.parts import aligned
from headfreeze.training.parts.aligned import Aligned, pitch_difference
from headfreeze.training.parts.build import part_problems
from tests.corridor import FOV_DEG, SIDE, corridor, write_corridors
from tests.runs import (
    TINY,
    KilledError,
    fit_tiny,
    pair_of,
    phase_records,
    same_bits,
    session_of,
    settings_of,
    training_of,
    watched,
    weights_of,
)
from tests.training.test_withheld import forwarded
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


@pytest.mark.parametrize(
    ("anchors", "source_deg", "target_deg"),
    [
        ([SEGMENTATION], -2, -18),
        ([SEGMENTATION], -10, -10),
        ([NORMALS], 0, 12),
        ([NORMALS], 5, -21),
        ([DEPTH], 5, -21),
        ([DEPTH], 0, 12),
        ([SEGMENTATION, DEPTH], -2, -18),
    ],
)
def test_the_angle_is_told_by_the_anchors(anchors: list[Task], source_deg: float, target_deg: float) -> None:
    found = pitch_difference(batches(source_deg, target_deg), anchors, FOV_DEG).deg
    assert found == pytest.approx(target_deg - source_deg, abs=3)


def test_invalid_labels_tell_nothing() -> None:
    told = batches(0, -14)
    for batch in told:
        blank = batch.labels["target", "segmentation"].as_subclass(Tensor)
        blank[:, :, :, : SIDE // 3] = 255
        batch.labels["target", "segmentation"] = SEGMENTATION.wrap(blank, (SIDE, SIDE))
    assert pitch_difference(told, [SEGMENTATION], FOV_DEG).deg == pytest.approx(-14, abs=3)


@pytest.mark.parametrize("domains", [["source"], ["target"], ["source", "target"]])
def test_labels_of_a_few_pixels_tell_the_angle_too_and_none_tell_of_none(domains: list[str]) -> None:
    for share, angle in ((0.1, -14), (0.0, 0)):
        told, generator = batches(0, -14)[:4], torch.Generator().manual_seed(0)
        for batch in told:
            for domain in domains:
                sparse = batch.labels[domain, "segmentation"].as_subclass(Tensor)
                sparse[torch.rand(sparse.shape, generator=generator) >= share] = 255
                batch.labels[domain, "segmentation"] = SEGMENTATION.wrap(sparse, (SIDE, SIDE))
        assert pitch_difference(told, [SEGMENTATION], FOV_DEG).deg == pytest.approx(angle, abs=3 if share else 0)


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
    (line,) = part_problems(settings_of(tiny_pair), [recipe], {"main": [NORMALS], "anchor": [points]})
    assert line == (
        "recipe 'mtl-both+aligned': the part 'aligned' needs anchors with labels for each pixel, and 'keypoints' has"
        " points; leave the part out"
    )
    unmoved = settings_of(tiny_pair, {"augment": "none"})
    (line,) = part_problems(unmoved, [recipe], {"main": [NORMALS], "anchor": [SEGMENTATION]})
    assert line.endswith("the part 'aligned' turns cameras, and augment is none; leave the part out")


# --- in training, on a pair whose cameras differ

SETTINGS = {"steps": 6, "checkpoint_every": 0.0}


@dataclass
class Trained:
    """A run of headfreeze+aligned at OUT/run, and what each of its phases was told the angle by."""

    pair: TinyPair
    out: Path
    card: RunCard
    told: list[list[DeviceBatch]]
    forwarded: list[tuple[int, int | None]]


@pytest.fixture(scope="module")
def few_labels() -> Iterator[None]:
    """Tell the angle: each of the pair's images once. More take longer, and tell the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aligned, "_IMAGES", 24)
        yield


@pytest.fixture(scope="module")
def trained(few_labels: None, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    out = tmp_path_factory.mktemp("aligned")
    pair, told = write_corridors(out), []

    def noted(batches: list[DeviceBatch], anchors: Sequence[Task], fov_deg: float) -> Told:
        told.append(batches)
        return pitch_difference(batches, anchors, fov_deg)

    with pytest.MonkeyPatch.context() as patch, forwarded() as seen:
        patch.setattr(aligned, "pitch_difference", noted)
        card = fit_tiny("headfreeze+aligned", pair, out / "run", **SETTINGS)
    return Trained(pair, out, card, told, seen)


def by_hand(trained: Trained, recipe: str, out: Path, **settings: Any) -> RunCard:
    """A run of a recipe without the part, whose angle is set to the one that the part has found."""
    pair = pair_of(trained.pair, source_pitch_deg=trained.card.phases[0]["source_pitch_deg"])
    return fit(recipe, pair, out, architecture=TINY, training=training_of(**SETTINGS | settings))


def test_every_phase_says_one_angle_that_the_same_labels_have_told(trained: Trained) -> None:
    first, second = (phase["source_pitch_deg"] for phase in trained.card.phases)
    assert first == second == pytest.approx(-18, abs=3)
    for one, other in zip(*trained.told, strict=True):
        for key in (("source", "segmentation"), ("target", "segmentation")):
            assert torch.equal(one.labels[key].as_subclass(Tensor), other.labels[key].as_subclass(Tensor))


def test_phases_are_those_of_the_angle_set_by_hand_and_the_first_sees_no_target(
    trained: Trained, tmp_path: Path
) -> None:
    """To the bit: batch statistics, λ, history; the keys alone differ, for one depends on the target's anchors."""
    hand = by_hand(trained, "headfreeze", tmp_path / "run")
    parts, plain = (
        [phase_records(store)[phase["key"]] for phase in card.phases]
        for store, card in ((trained.out / "run-phases", trained.card), (tmp_path / "phases", hand))
    )
    for one, other in zip(parts, plain, strict=True):
        assert one.pop("phase.json") != other.pop("phase.json")
        assert one == other
    assert trained.forwarded[0] == (4, 4)
    assert trained.forwarded[-1] == (8, 4)


def test_a_phase_that_trains_on_no_anchor_and_forwards_the_target_makes_no_loss_of_what_it_measures(
    trained: Trained, tmp_path: Path
) -> None:
    phase = Phase(SOURCE_MAIN, adversary=True, parts=frozenset({"aligned"}))
    own = fit(
        Recipe("own", (phase,), ""),
        pair_of(trained.pair),
        tmp_path / "own",
        architecture=TINY,
        training=training_of(steps=2),
    )
    by_hand(trained, "baseline-da", tmp_path / "hand", steps=2)
    assert own.phases[0]["source_pitch_deg"] == trained.card.phases[0]["source_pitch_deg"]
    assert own.trained == ["normals"]
    assert same_bits(*(weights_of(tmp_path / name) for name in ("own", "hand")))
    assert (tmp_path / "own/metrics.csv").read_bytes() == (tmp_path / "hand/metrics.csv").read_bytes()


def test_the_baseline_learns_from_the_source_alone_whose_cameras_the_anchors_have_turned(
    trained: Trained, tmp_path: Path
) -> None:
    with forwarded() as seen:
        card = fit_tiny("baseline+aligned", trained.pair, tmp_path / "own", **SETTINGS)
    by_hand(trained, "baseline", tmp_path / "hand")
    assert set(seen) == {(4, 4)}
    assert (card.trained, card.phases[0]["source_pitch_deg"]) == (["normals"], pytest.approx(-18, abs=3))
    assert same_bits(*(weights_of(tmp_path / name) for name in ("own", "hand")))


def test_cameras_that_agree_are_not_turned_and_fit_says_so(
    few_labels: None, tiny_pair: TinyPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"--source={tiny_pair.source}", f"--target={tiny_pair.source}", "--main=normals", "--anchor=segmentation"]
    words += ["--backbone=tiny", "--size=32", "--steps=2", "--batch_size=2", "--device=cpu", "--workers=0"]
    assert headfreeze(["fit", "baseline+aligned", *words, f"--out={tmp_path / 'run'}"]) == 0
    assert "the source's cameras were not turned: the anchor tells no difference" in capsys.readouterr().out
    assert RunCard.read(tmp_path / "run").phases[0]["source_pitch_deg"] == 0


def test_what_is_measured_is_apart_from_what_is_trained_and_validated_on(tiny_pair: TinyPair, tmp_path: Path) -> None:
    inputs, recipe = session_of(tiny_pair, tmp_path).inputs, find_recipe("headfreeze+aligned")
    first, second = (inputs.phase_data(phase) for phase in recipe.phases)
    assert first.train.keys() == first.val.keys() == {"source"}
    assert second.train.keys() == second.val.keys() == {"source", "target"}
    for data in (first, second):
        known = {domain: set(images.tasks) for domain, images in data.measured.items()}
        assert known == {"source": {"normals", "segmentation"}, "target": {"segmentation"}}


def test_killed_in_each_phase_and_called_again_gives_the_same_bits(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for phase in (1, 2):
        with watched(monkeypatch, phase, saved_at=1, dies_at=2), pytest.raises(KilledError, match=f"phase {phase}/2"):
            fit_tiny("headfreeze+aligned", trained.pair, tmp_path / "run", **SETTINGS)
    with watched(monkeypatch) as watch:
        card = fit_tiny("headfreeze+aligned", trained.pair, tmp_path / "run", **SETTINGS)
    assert watch.steps == {"headfreeze+aligned seed 0 phase 2/2": [2, 3]}
    assert all(found["source_pitch_deg"] == trained.card.phases[0]["source_pitch_deg"] for found in card.phases)
    assert phase_records(tmp_path / "run-phases") == phase_records(trained.out / "run-phases")
