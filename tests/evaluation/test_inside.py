"""Judging inside of a region: which pixels that leaves, and that nothing outside of them counts."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from headfreeze.errors import InputError
from headfreeze.evaluation.evaluate import evaluate
from headfreeze.evaluation.inside import face
from headfreeze.tasks import make_task
from tests.worlds import TinyPair

FACE = make_task("keypoints", {"count": 68, "order": "multi-pie"})
SIZE = 60, 80


def landmarks() -> torch.Tensor:
    """A jaw on the lower half of an ellipse; inner corners of the eyes 20 apart, brows' highest points 25 apart."""
    places = np.full((68, 4), np.nan, np.float32)
    angle = np.linspace(math.pi, 0, 17)
    places[:17, :2] = np.stack([40 + 25 * np.cos(angle), 25 + 30 * np.sin(angle)], -1)
    places[[39, 42], :2] = [[30, 25], [50, 25]]
    places[[19, 24], :2] = [[27, 18], [52, 18]]
    return torch.from_numpy(places)


def test_a_face_is_inside_of_the_jaw_and_the_raised_brows() -> None:
    mask = face(FACE.wrap(landmarks(), SIZE))
    jaw = landmarks()[:17, :2].numpy()
    outline = np.concatenate([jaw, [[52, 12], [27, 12]]])  # 6 = 0.3 · 20 higher
    drawn = Image.new("1", (SIZE[1] * 16, SIZE[0] * 16))
    ImageDraw.Draw(drawn).polygon([(float(x) * 16, float(y) * 16) for x, y in outline], fill=1)
    expected = np.array(drawn)[8::16, 8::16]
    assert (mask[0].numpy() != expected).sum() <= 6, "pixels whose centres the outline touches"
    assert 1500 < mask.sum() < 2500
    assert mask[0, 30, 40]
    assert not mask[0, 5, 40]


def test_a_tilted_head_has_its_brows_raised_along_its_own_axis() -> None:
    tilted = landmarks()
    # a quarter turn, smaller
    centred = tilted[:, :2] - torch.tensor([40.0, 30.0])
    tilted[:, :2] = torch.stack([-centred[:, 1], centred[:, 0]], -1) * 0.7 + torch.tensor([40.0, 30.0])
    mask = face(FACE.wrap(tilted, SIZE))[0]
    brow = 40 + 0.7 * (30 - 14)  # what was above is to the right now
    assert mask[30, round(brow)]
    assert not mask[30, round(40 + 0.7 * (30 - 8))]


def test_a_face_whose_outline_is_not_known_is_nowhere() -> None:
    assert not face(FACE.invalid(*SIZE)).any()


def predictions(tiny: TinyPair, folder: Path, spoilt: str) -> Path:
    """The labels themselves as predictions, other normals where a class is `spoilt`: background or balls."""
    for path in (tiny.source / "test/normals").iterdir():
        normals = np.array(Image.open(path))
        classes = np.array(Image.open(tiny.source / "test/segmentation" / path.name))
        normals[(classes > 0) == (spoilt == "balls")] = (255, 128, 128)
        (folder / "normals").mkdir(parents=True, exist_ok=True)
        Image.fromarray(normals).save(folder / "normals" / path.name)
    return folder


def test_what_lies_outside_does_not_count(tiny_pair: TinyPair, tmp_path: Path) -> None:
    outside = evaluate(predictions(tiny_pair, tmp_path / "a", "background"), tiny_pair.source, inside="segmentation")
    assert outside.metrics["normals"]["mean"] < 1
    everywhere = evaluate(tmp_path / "a", tiny_pair.source)
    assert everywhere.metrics["normals"]["mean"] > 20
    assert outside.metrics["normals"]["pixels"] < everywhere.metrics["normals"]["pixels"]
    inside = evaluate(predictions(tiny_pair, tmp_path / "b", "balls"), tiny_pair.source, inside="segmentation")
    assert inside.metrics["normals"]["mean"] > 20


def test_what_is_no_dense_label_or_the_mask_itself_is_left_out(tiny_pair: TinyPair, tmp_path: Path) -> None:
    folder = predictions(tiny_pair, tmp_path / "a", "balls")
    shutil.copytree(tiny_pair.source / "test/segmentation", folder / "segmentation")
    assert list(evaluate(folder, tiny_pair.source, inside="segmentation").metrics) == ["normals"]
    assert (folder / "inside-segmentation/metrics.json").is_file()
    assert not (folder / "metrics.json").exists()
    shutil.rmtree(folder / "normals")
    with pytest.raises(InputError, match="inside is 'segmentation', but there are no labels of pixels to judge in it"):
        evaluate(folder, tiny_pair.source, inside="segmentation")


def test_a_run_keeps_what_it_scored_inside_apart(normals_run: Path, tiny_pair: TinyPair, tmp_path: Path) -> None:
    run = shutil.copytree(normals_run, tmp_path / "run")
    evaluate(run, tiny_pair.source)
    evaluate(run, tiny_pair.source, inside="segmentation")
    counts = [
        json.loads((run / f"evaluation/source-test{within}/metrics.json").read_text())["normals"]["pixels"]
        for within in ("", "-inside-segmentation")
    ]
    assert counts[0] > counts[1] > 0


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("depth", "inside is 'depth', a task of kind depth; name a segmentation, or keypoints"),
        ("mask", r"dataset.yaml: unknown task 'mask'"),
        (
            "segmentation",
            "source: 1 images have no label of 'segmentation', the first is '0003'; to judge",
        ),
    ],
)
def test_a_region_that_is_not_there_is_said(inside: str, message: str, tiny_pair: TinyPair, tmp_path: Path) -> None:
    pair = tiny_pair.copy(tmp_path)
    folder = predictions(pair, tmp_path / "predictions", "balls")
    (pair.source / "test/segmentation/0003.png").unlink()
    with pytest.raises(InputError, match=message):
        evaluate(folder, pair.source, inside=inside)
