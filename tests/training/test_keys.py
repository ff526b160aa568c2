"""What a phase's key depends on: all that changes its weights, and nothing else."""

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headfreeze.recipes import find_recipe, split_budget
from headfreeze.settings import Adversarial, Architecture, Pair, Settings, Training
from headfreeze.training.fit import PlannedPhase, RecipeTraining
from headfreeze.training.session import Session
from tests.runs import TINY, pair_of, training_of
from tests.worlds import TinyPair

Keys = tuple[str, str]
SAME, SECOND, BOTH = (False, False), (False, True), (True, True)
"""Which phases of headfreeze are another where a setting is another; the second one inherits from the first."""

TRAINING: dict[str, tuple[Any, tuple[bool, bool]]] = {
    "steps": (8, BOTH),
    "batch_size": (5, BOTH),
    "lr": (0.5, BOTH),
    "optimizer": ("sgd", BOTH),
    "weight_decay": (0.5, BOTH),
    "schedule": ("poly", BOTH),
    "clip": (0.5, BOTH),
    "accumulate": (2, BOTH),
    "ema": (0.5, BOTH),
    "precision": ("bf16", BOTH),
    "anchor_weight": (0.5, BOTH),
    "phase_share": (0.7, BOTH),
    "phase_end": ("plateau", BOTH),
    "freeze_after": ("up1", SECOND),
    "seed": (1, BOTH),
    "workers": (1, SAME),
    "cache_gb": (0.5, SAME),
    "validate_every": (1, SAME),
    "checkpoint_every": (1.0, SAME),
    "device": ("auto", SAME),
    "devices": (2, SAME),
    "tensorboard": (True, SAME),
    "snapshots": (2, SECOND),
}
ARCHITECTURE: dict[str, Any] = {"backbone": "resnet18", "pretrained": True, "width": 9, "norm": "per_domain"}
PAIR: dict[str, tuple[Any, tuple[bool, bool]]] = {
    "main": ("depth", BOTH),
    "anchor": ("depth", BOTH),
    "size": (48, BOTH),
    "resize": ("squash", BOTH),
    "augment": ("geometric", BOTH),
    "zoom": (0.7, BOTH),
    "rotate_deg": (9.0, BOTH),
    "source_pitch_deg": (-9.0, BOTH),
    "fov_deg": (50.0, BOTH),
}
ADVERSARIAL: dict[str, Any] = {
    "adversary": "feature",
    "adversary_weight": 0.5,
    "adversary_levels": "outputs,up2",
    "adversary_loss": "lsgan",
    "discriminator_width": 9,
    "discriminator_lr": 0.5,
}


def keys(settings: Settings, seed: int | None = None, recipe_name: str = "headfreeze") -> Keys:
    """The keys of both phases of a recipe, untrained."""
    session, training = Session(settings, Path("store")), settings.training
    recipe = session.effective(find_recipe(recipe_name))
    trainer = RecipeTraining(session, recipe, training.seed if seed is None else seed, Path("out"))
    steps = split_budget(training.steps, 2, training.phase_share)
    folder, found = None, []
    for number, phase in enumerate(recipe.phases):
        plateau = training.phase_end == "plateau" and number == 0
        folder = session.store.folder(trainer.spec(PlannedPhase(phase, number, steps[number], folder, plateau)))
        found.append(folder.key)
    return found[0], found[1]


def changed(one: Keys, other: Keys) -> tuple[bool, bool]:
    return one[0] != other[0], one[1] != other[1]


def test_the_tables_below_name_every_setting_there_is() -> None:
    """A new setting must be entered here, as one that changes weights or as one that does not."""
    assert [f.name for f in dataclasses.fields(Training)] == list(TRAINING)
    assert [f.name for f in dataclasses.fields(Architecture)] == list(ARCHITECTURE)
    assert {f.name for f in dataclasses.fields(Pair)} == {"source", "target", *PAIR}
    assert [f.name for f in dataclasses.fields(Adversarial)] == list(ADVERSARIAL)


@pytest.mark.parametrize("name", TRAINING)
def test_the_key_depends_on_each_setting_of_the_training_that_changes_weights(name: str, tiny_pair: TinyPair) -> None:
    value, which = TRAINING[name]
    assert value != getattr(training_of(), name), "another value than the usual one"
    usual, other = (Settings(pair_of(tiny_pair), TINY, training_of(**s)) for s in ({}, {name: value}))
    assert changed(keys(usual), keys(other)) == which


def test_the_key_depends_on_when_a_plateau_is_looked_for_and_on_what(tiny_pair: TinyPair, tmp_path: Path) -> None:
    copy = tiny_pair.copy(tmp_path)
    shutil.copy(copy.source / "val/normals/0001.png", copy.source / "val/normals/0000.png")
    settings = [
        Settings(pair_of(pair), TINY, training_of(phase_end="plateau", validate_every=every))
        for pair, every in ((tiny_pair, 2), (tiny_pair, 3), (copy, 2))
    ]
    assert len({keys(s)[0] for s in settings}) == 3


@pytest.mark.parametrize("name", ARCHITECTURE)
def test_the_key_depends_on_each_setting_of_the_network(name: str, tiny_pair: TinyPair) -> None:
    other = dataclasses.replace(TINY, **{name: ARCHITECTURE[name]})
    usual = Settings(pair_of(tiny_pair), TINY, training_of(lr=0.1))
    assert changed(keys(usual), keys(dataclasses.replace(usual, architecture=other))) == BOTH


def test_the_key_depends_on_the_default_rate_of_the_kind_of_network(tiny_pair: TinyPair) -> None:
    usual = Settings(pair_of(tiny_pair), TINY, training_of())
    assert changed(keys(usual), keys(dataclasses.replace(usual, training=training_of(lr=4e-3)))) == SAME


@pytest.mark.parametrize("name", PAIR)
def test_the_key_depends_on_each_setting_of_the_pair(name: str, tiny_pair: TinyPair) -> None:
    value, which = PAIR[name]
    usual, other = (Settings(pair_of(tiny_pair, **s), TINY, training_of()) for s in ({}, {name: value}))
    assert changed(keys(usual), keys(other)) == which


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_the_adversarys_settings_are_those_of_phases_that_have_one(name: str, tiny_pair: TinyPair) -> None:
    usual = Settings(pair_of(tiny_pair), TINY, training_of())
    other = dataclasses.replace(usual, adversarial=Adversarial(**{name: ADVERSARIAL[name]}))
    assert changed(keys(usual), keys(other)) == SAME
    assert changed(*(keys(s, recipe_name="headfreeze-da") for s in (usual, other))) == SECOND
    assert changed(keys(usual), keys(usual, recipe_name="headfreeze-da")) == SECOND


def test_an_adversary_without_weight_is_none_at_all(tiny_pair: TinyPair) -> None:
    usual = Settings(pair_of(tiny_pair), TINY, training_of(), Adversarial(adversary_weight=0))
    assert keys(usual, recipe_name="headfreeze-da") == keys(usual)


def test_the_key_does_not_depend_on_where_the_data_lies_or_when_it_was_written(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tiny_pair.copy(tmp_path)
    for path in tmp_path.rglob("*.png"):
        os.utime(path, (1, 1))
    monkeypatch.chdir(tmp_path)
    relative = TinyPair(Path("source"), Path("../" + tmp_path.name) / "target")
    usual, *others = (Settings(pair_of(pair), TINY, training_of()) for pair in (tiny_pair, copy, relative))
    assert all(keys(usual) == keys(other) for other in others)


def _brighter(path: Path) -> None:
    Image.fromarray(np.asarray(Image.open(path)) // 2 + 100).save(path)


def _other_class(path: Path) -> None:
    Image.fromarray(2 - np.asarray(Image.open(path)).clip(0, 2)).save(path)


@pytest.mark.parametrize(
    ("file", "damage", "which"),
    [
        ("source/train/image/0003.png", _brighter, BOTH),
        ("source/train/image/0003.png", Path.unlink, BOTH),
        ("source/train/segmentation/0003.png", _other_class, BOTH),
        ("source/train/normals/0003.png", Path.unlink, BOTH),
        ("target/train/image/0003.png", _brighter, SECOND),
        ("target/train/segmentation/0003.png", _other_class, SECOND),
        ("target/train/normals/0003.png", Path.unlink, SAME),
        ("target/train/normals/0003.png", lambda path: path.write_bytes(b"garbage"), SAME),
        ("source/train/depth/0003.png", lambda path: path.write_bytes(b"garbage"), SAME),
        ("source/val/image/0003.png", _brighter, SAME),
        ("target/test/image/0003.png", lambda path: path.write_bytes(b"garbage"), SAME),
    ],
)
def test_the_key_depends_on_the_files_that_a_phase_sees_and_on_no_other(
    file: str, damage: Callable[[Path], None], which: tuple[bool, bool], tiny_pair: TinyPair, tmp_path: Path
) -> None:
    copy = tiny_pair.copy(tmp_path)
    damage(tmp_path / file)
    usual, other = (Settings(pair_of(pair), TINY, training_of()) for pair in (tiny_pair, copy))
    assert changed(keys(usual), keys(other)) == which
    aligned = BOTH if which == SECOND else which  # what the target's anchors tell turns both phases' cameras
    assert changed(*(keys(settings, recipe_name="headfreeze+aligned") for settings in (usual, other))) == aligned


def test_what_is_aligned_is_another_phase_that_recipes_share(tiny_pair: TinyPair) -> None:
    settings = Settings(pair_of(tiny_pair), TINY, training_of())
    plain, frozen, tuned = (
        keys(settings, recipe_name=name) for name in ("headfreeze", "headfreeze+aligned", "mtl-finetune+aligned")
    )
    assert changed(plain, frozen) == BOTH
    assert changed(frozen, tuned) == SECOND


def test_the_key_depends_on_the_classes_of_the_anchor(tiny_pair: TinyPair, tmp_path: Path) -> None:
    copy = tiny_pair.copy(tmp_path)
    for root in (copy.source, copy.target):
        text = (root / "dataset.yaml").read_text()
        (root / "dataset.yaml").write_text(text.replace("blue", "green"))
    usual, other = (Settings(pair_of(pair), TINY, training_of()) for pair in (tiny_pair, copy))
    assert changed(keys(usual), keys(other)) == BOTH
