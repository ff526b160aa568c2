"""Keypoints from end to end: two dots on noise, how far away the red one is shows in its size."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from headfreeze.data.check.files import check_split
from headfreeze.data.folder import open_dataset
from headfreeze.evaluation.evaluate import evaluate
from headfreeze.inference.predictor import Predictor
from headfreeze.settings import Architecture, Pair, Training
from headfreeze.tasks.points import Points
from headfreeze.training.fit import fit

SIZE = 40
CONFIG = """\
tasks:
  dots: {kind: keypoints, count: 2, mirror: [], eyes: [0, 1]}
  parts: {kind: segmentation, classes: [none, red, green]}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 + 8 + 16 images in each domain; the target's labels have no z."""
    root = tmp_path_factory.mktemp("dots")
    for number, domain in enumerate(("source", "target")):
        for split, count in (("train", 64), ("val", 8), ("test", 16)):
            for index in range(count):
                rng = np.random.default_rng([number, len(split), index])
                write(root / domain / split, f"{index:03d}", rng, deep=domain == "source")
        (root / domain / "dataset.yaml").write_text(CONFIG)
    return root


def write(folder: Path, name: str, rng: np.random.Generator, deep: bool) -> None:
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    red, green = np.array([rng.uniform(6, 17), rng.uniform(6, 34)]), np.array([rng.uniform(23, 34), rng.uniform(6, 34)])
    radius = rng.uniform(2, 5)
    image = rng.uniform(0, 60, (SIZE, SIZE, 3))
    parts = np.zeros((SIZE, SIZE), np.uint8)
    for channel, (place, r) in enumerate(((red, radius), (green, 3.5))):
        inside = (x - place[0]) ** 2 + (y - place[1]) ** 2 < r**2
        image[inside] = np.eye(3)[channel] * 220
        parts[inside] = channel + 1
    z = (radius - 3.5) * 4 if deep else np.nan
    points = np.array([[*red, z, 1], [*green, -z, 1]], np.float32)
    for kind in ("image", "dots", "parts"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.astype(np.uint8)).save(folder / "image" / f"{name}.png")
    Image.fromarray(parts).save(folder / "parts" / f"{name}.png")
    np.save(folder / "dots" / f"{name}.npy", points if deep else points[:, :2])


@pytest.fixture(scope="module")
def run(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dots-run") / "run"
    pair = Pair(world / "source", world / "target", main="dots", anchor="parts", size=SIZE, rotate_deg=0)
    training = Training(steps=120, batch_size=16, workers=0, device="cpu", phase_share=0.5, freeze_after="up3")
    fit("headfreeze", pair, out, architecture=Architecture("tiny", width=16), training=training)
    return out


def test_points_and_their_depths_are_learnt(run: Path, world: Path) -> None:
    """Dots lie 17 pixels apart on average; guessing their middle places errs by 45 % of that, and z by more."""
    source = evaluate(run, world / "source").metrics["dots"]
    assert source["nme"] < 0.06
    assert source["nme_3d"] < 0.12
    assert source["images"] == 16
    target = evaluate(run, world / "target").metrics["dots"]
    assert target["nme"] < 0.08
    assert np.isnan(target["nme_3d"])  # its labels have no z


def test_a_photograph_of_another_size_and_shape_has_its_points_in_its_own_pixels(run: Path, world: Path) -> None:
    image = Image.open(world / "source/test/image/003.png")
    points = np.load(world / "source/test/dots/003.npy")
    large = image.resize((2 * SIZE, 2 * SIZE), Image.Resampling.NEAREST)
    alone, twice = (Predictor(run)(np.array(seen))["dots"].as_subclass(Tensor)[0] for seen in (image, large))
    assert twice == pytest.approx(2 * alone.numpy(), rel=0, abs=2)  # z is in the photograph's pixels too
    bands = Image.new("RGB", (3 * SIZE, 2 * SIZE))  # a black band beside it
    bands.paste(large, (0, 0))
    found = Predictor(run)(np.array(bands))["dots"]
    assert isinstance(found, Points)
    assert found.canvas_size == (2 * SIZE, 3 * SIZE)
    place = found.as_subclass(Tensor)[:, :2]
    assert (place - 2 * torch.from_numpy(points[:, :2])).norm(dim=-1).max() < 6


def test_predictions_are_files_that_evaluate_reads_and_pictures(run: Path, world: Path, tmp_path: Path) -> None:
    assert Predictor(run).write([world / "source/test/image"], tmp_path) == 16
    stored = evaluate(tmp_path, world / "source").metrics["dots"]
    assert stored == pytest.approx(evaluate(run, world / "source").metrics["dots"], rel=1e-3)
    picture = np.array(Image.open(tmp_path / "pictures/003.png"))
    photo = np.array(Image.open(world / "source/test/image/003.png").convert("RGB"))
    assert picture.shape[1] > SIZE
    changed = (picture[:, SIZE : 2 * SIZE] != photo).any(-1)
    assert 0 < changed.sum() < 100  # the points on the photograph


def test_the_data_is_checked(world: Path) -> None:
    findings = check_split(open_dataset(world / "target"), "train")
    assert findings.faults == []
    rows = findings.statistics["dots"].rows()
    assert (rows["valid"], rows["with z"], rows["outside of the image"]) == ("100 %", "0 %", "0 %")


def test_compare_draws_points_and_ranks_by_their_error(world: Path, tmp_path: Path) -> None:
    words = [
        "compare",
        "--source",
        world / "source",
        "--target",
        world / "target",
        "--main",
        "dots",
        "--anchor",
        "parts",
    ]
    words += [
        "--recipes",
        "baseline,mtl-both-da",
        "--adversary",
        "joint",
        "--size",
        40,
        "--steps",
        4,
        "--batch_size",
        4,
    ]
    words += ["--backbone", "tiny", "--width", 8, "--device", "cpu", "--seeds", 0, "--out", tmp_path / "out"]
    code = "from headfreeze.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "nme" in (tmp_path / "out/table.md").read_text()
