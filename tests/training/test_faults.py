"""Bad input is said in one line before anything is trained or written, however late a phase would meet it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headfreeze.comparison.compare import compare
from headfreeze.errors import InputError
from headfreeze.recipes import RECIPES
from headfreeze.settings import Architecture, Settings
from headfreeze.training.fit import fit_recipe
from headfreeze.training.session import Session
from tests.runs import TINY, fit_tiny, pair_of, training_of, watched
from tests.worlds import TinyPair


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300])


def _small(path: Path) -> None:
    Image.fromarray(np.zeros((20, 31), np.uint8)).save(path)


def _class_77(path: Path) -> None:
    Image.fromarray(np.full((48, 48), 77, np.uint8)).save(path)


DAMAGE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no target": ("target", shutil.rmtree, "target: .*target: no such folder"),
    "no labels of the second phase": ("target/train/segmentation", shutil.rmtree, "segmentation: no label files"),
    "no labels for validation": ("target/val/segmentation", shutil.rmtree, "val/segmentation: no label files"),
    "no images": ("target/train/image", shutil.rmtree, "target: no folder train/image"),
    "image cut off": ("target/train/image/0003.png", _cut, "target/train/image/0003.png: cannot be read as an image"),
    "image empty": ("source/train/image/0015.png", lambda p: p.write_bytes(b""), "image/0015.png: cannot be read"),
    "label of another size": ("target/train/segmentation/0002.png", _small, "0002.png: 20x31 pixels, but its image"),
    "label of no class": ("target/train/segmentation/0000.png", _class_77, "0000.png: class index 77, but task"),
    "validation label of no class": ("target/val/segmentation/0005.png", _class_77, "val/segmentation/0005.png: class"),
    "label that is no PNG": (
        "source/train/normals/0007.png",
        lambda p: p.write_text("hello"),
        "normals/0007.png: not a PNG",
    ),
    "dataset.yaml": ("target/dataset.yaml", lambda p: p.write_text("tasks: [unclosed"), "dataset.yaml: not valid YAML"),
}


@pytest.mark.parametrize("fault", DAMAGE)
def test_damaged_data_is_named_before_the_first_phase_and_nothing_is_left(
    fault: str, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, damage, message = DAMAGE[fault]
    copy = tiny_pair.copy(tmp_path / "data")
    damage(tmp_path / "data" / place)
    with watched(monkeypatch) as watch, pytest.raises(InputError, match=message) as caught:
        fit_tiny("headfreeze", copy, tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert watch.trained == []
    assert [path.name for path in tmp_path.iterdir()] == ["data"], "neither a run nor a store was begun"


BAD: dict[str, tuple[dict[str, Any], Architecture, str]] = {
    "too few steps": ({"steps": 1}, TINY, "steps is 1; a recipe of 2 phases needs at least 2"),
    "pretrained tiny": ({}, Architecture("tiny", pretrained=True), "pretrained: backbone 'tiny' has no weights"),
    "backbone": ({}, Architecture("resnet5000"), "unknown backbone 'resnet5000': did you mean"),
    "device": ({"device": "cuda:77"}, TINY, "device is 'cuda:77', which this machine cannot use"),
    "device without sense": ({"device": "gpu"}, TINY, "^device is 'gpu'; choose auto, cpu, cuda, mps or cuda:N$"),
    "seed": ({"seed": 2**70}, TINY, f"seed is {2**70}; the largest is "),
    "processor number": ({"device": "cpu:3"}, TINY, "device is 'cpu:3'; choose auto, cpu, cuda, mps or cuda:N"),
    "half precision": ({"precision": "16"}, TINY, "precision is 16, which a CPU cannot train in; choose bf16 or 32"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_setting_that_cannot_work_is_said_before_anything_is_made(
    fault: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    settings, architecture, message = BAD[fault]
    with pytest.raises(InputError, match=message):
        fit_tiny("headfreeze", tiny_pair, tmp_path / "run", architecture, **settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("size", "batch_size", "fine"), [(16, 1, False), (16, 2, True), ("16x17", 1, True)])
def test_a_batch_of_one_pixel_is_too_small_for_batch_norm(
    size: int | str, batch_size: int, fine: bool, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    settings = Settings(pair_of(tiny_pair, size=size), TINY, training_of(steps=1, batch_size=batch_size))
    session = Session(settings, tmp_path / "phases")
    if fine:
        assert session.problems(["baseline"]) == []
        fit_recipe(session, RECIPES["baseline"], tmp_path / "run")
    else:
        (problem,) = session.problems(["baseline"])
        assert problem.startswith("batch_size is 1 at size 16: its coarsest features are one pixel")


def test_all_faults_are_in_one_message(tiny_pair: TinyPair, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        fit_tiny("headfreze", tiny_pair, tmp_path / "run", Architecture("resnet5000"), batch_size=0, lr=-1.0)
    message = str(caught.value)
    assert message.startswith("4 problems: (1) unknown recipe 'headfreze': did you mean 'headfreeze'?")
    for fault in ("batch_size is 0; the least is 1", "lr is -1.0; it cannot be negative", "unknown backbone"):
        assert fault in message


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda copy: shutil.rmtree(copy.target / "train/normals"), "train/normals: no label files"),  # the oracle's
        (lambda copy: shutil.rmtree(copy.target / "test/normals"), "test/normals: no label files"),  # the evaluation's
        (lambda copy: shutil.rmtree(copy.target / "test"), "target: no folder test/image"),
    ],
)
def test_a_comparison_says_what_its_last_recipe_or_its_evaluation_lacks_before_it_trains_the_first(
    damage: Callable[[TinyPair], None],
    message: str,
    tiny_pair: TinyPair,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = tiny_pair.copy(tmp_path / "data")
    damage(copy)
    with watched(monkeypatch) as watch, pytest.raises(InputError, match=message):
        compare(pair_of(copy), tmp_path / "out", architecture=TINY, training=training_of(steps=2))
    assert watch.trained == []
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
