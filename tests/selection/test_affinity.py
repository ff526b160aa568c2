"""Affinities where the answer is known: an anchor that determines the main task, and one that is unrelated to it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from headfreeze.cli import run
from headfreeze.errors import InputError
from headfreeze.selection.affinity import Affinity, affinity, as_json, words
from tests.worlds import TinyPair

SIDE = 16
NORMALS = np.array([[0, 0, 1], [0, 1, 0], [0.8, 0, 0.6], [-0.6, 0, 0.8]])
"""Of each class; more of the first lie on the left, so that the place says something as well."""
TASKS = {"normals": {}, "depth": {}, "points": {"kind": "keypoints", "count": 2, "mirror": []}} | {
    name: {"kind": "segmentation", "classes": list("abcd")} for name in ("tells", "nothing", "some")
}


def save(root: Path, task: str, key: str, values: np.ndarray) -> None:
    path = root / task / f"{key}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rectangles of four classes, each with a normal of its own; `nothing` is as patchy and independent of them."""
    root = tmp_path_factory.mktemp("world")
    for split, count in (("train", 48), ("val", 12)):
        for number in range(count):
            rng = np.random.default_rng([len(split), number])
            tells, nothing = (np.zeros((SIDE, SIDE), np.uint8) for _ in range(2))
            for label in (tells, nothing):
                for _ in range(6):
                    y, x = rng.integers(0, SIDE - 4, 2)
                    label[y : y + rng.integers(4, 12), x + 2 : x + rng.integers(6, 12)] = rng.integers(0, 4)
            key, folder = f"{number:03d}", root / split
            save(folder, "image", key, rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8))
            save(folder, "tells", key, tells)
            save(folder, "nothing", key, nothing)
            save(folder, "normals", key, np.round((NORMALS[tells] + 1) * 127.5).astype(np.uint8))
            save(folder, "depth", key, 1000 + 500 * tells.astype(np.uint16))
            (folder / "points").mkdir(parents=True, exist_ok=True)
            np.save(folder / f"points/{key}.npy", rng.uniform(2, SIDE - 2, (2, 3)))
            if number % 2:
                save(folder, "some", key, tells)
    (root / "dataset.yaml").write_text(yaml.safe_dump({"tasks": TASKS}))
    return root


def normals(root: Path, split: str) -> np.ndarray:
    images = [np.array(Image.open(path)) for path in sorted((root / split / "tells").glob("*.png"))]
    return NORMALS[np.stack(images)]


def by_name(found: list[Affinity]) -> dict[str, Affinity]:
    return {each.known: each for each in found}


def test_an_anchor_that_determines_the_main_task_has_a_high_affinity_and_an_unrelated_one_none(world: Path) -> None:
    found = by_name(affinity(world, "normals", ["tells", "nothing", "depth"], size=SIDE, steps=60))
    assert list(found) == ["tells", "nothing", "depth", "image"]
    assert found["tells"].score > 0.4
    assert found["depth"].score > 0.2
    assert found["nothing"].score < 0.05
    assert found["image"].score < 0.05  # it is noise


@pytest.mark.parametrize(
    ("error", "image", "said"),
    [
        (39.0, 20.0, "says next to nothing: expect it to hurt, a frozen head most"),
        (39.0, 41.0, "says next to nothing: expect it to hurt, a frozen head most"),
        (30.0, 20.0, "says less than the photograph shows at a glance: it may help or hurt; compare with a baseline"),
        (19.0, 20.0, "says more than the photograph shows at a glance: compare with a baseline all the same"),
    ],
)
def test_the_image_is_the_measure_of_what_an_affinity_means(error: float, image: float, said: str) -> None:
    found = [Affinity("edges", error, 40.0, 9), Affinity("image", image, 40.0, 9)]
    assert [words(each, found) for each in found] == [said, "the photograph itself, for comparison"]


def test_the_constant_is_the_mean_direction_of_every_place(world: Path) -> None:
    mean = normals(world, "train").mean(0)
    mean /= np.linalg.norm(mean, axis=-1, keepdims=True)
    expected = np.degrees(np.arccos((mean * normals(world, "val")).sum(-1).clip(-1, 1))).mean()
    found = affinity(world, "normals", ["nothing"], size=SIDE, steps=60)[0]
    assert found.constant == pytest.approx(expected, rel=0.06)
    assert found.score == pytest.approx(1 - found.error / found.constant)


def test_the_same_seed_gives_the_same_numbers_in_any_order_and_company(world: Path) -> None:
    state = torch.get_rng_state()
    first = by_name(affinity(world, "normals", ["tells", "nothing"], size=SIDE, steps=6))
    again = by_name(affinity(world, "normals", ["nothing", "depth", "tells"], size=SIDE, steps=6))
    other = by_name(affinity(world, "normals", ["tells"], size=SIDE, steps=6, seed=1))
    assert all(first[name] == again[name] for name in ("tells", "nothing", "image"))
    assert other["tells"] != first["tells"]
    assert torch.equal(torch.get_rng_state(), state)


def test_an_anchor_is_judged_where_it_is_labelled_and_any_dense_task_can_be_the_main_one(world: Path) -> None:
    found = by_name(affinity(world, "tells", ["some", "depth"], size=SIDE, steps=40))
    assert (found["some"].images, found["depth"].images) == (6, 12)
    assert found["depth"].score > 0.2
    assert 0 <= found["depth"].error <= found["depth"].constant <= 1  # 1 − the mean overlap


def test_without_a_val_split_every_fifth_image_judges(tiny_pair: TinyPair, tmp_path: Path) -> None:
    copy = tiny_pair.copy(tmp_path)
    (copy.source / "val").rename(copy.source / "unused")
    assert affinity(copy.source, "normals", ["segmentation"], size=16, steps=1)[0].images == 4


def test_points_can_be_the_anchor(world: Path) -> None:
    assert [each.known for each in affinity(world, "normals", ["points"], size=SIDE, steps=1)] == ["points", "image"]


def test_the_command_prints_a_table_and_writes_the_same_as_json(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--source", str(world), "--main", "normals", "--anchor", "tells,nothing", "--size", "16", "--steps", "2"]
    assert run(["affinity", *words, "--out", str(tmp_path / "a.json")]) == 0
    out = capsys.readouterr().out
    assert "normals: mean" in out
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["nothing", "tells", "nothing", "image"]
    written = json.loads((tmp_path / "a.json").read_text())
    assert written == as_json(affinity(world, "normals", ["tells", "nothing"], size=16, steps=2))


@pytest.mark.parametrize(
    ("main", "anchors", "how", "message"),
    [
        ("normals", ["tels"], {}, "unknown task 'tels': did you mean 'tells'"),
        ("normals", [], {}, "anchor is empty; give at least one"),
        ("normals", ["tells", "tells"], {}, "anchor is tells,tells; name each once"),
        ("normals", ["normals"], {}, "and not the main task 'normals'"),
        ("normals", ["tells"], {"size": 8}, r"size is 8; give the side of the images in pixels, 16 … 256"),
        ("normals", ["tells"], {"steps": 0}, "steps is 0; the least is 1"),
        ("normals", ["tells"], {"seed": -1}, "seed is -1; seeds are 0 … 4294967295"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_line(
    main: str, anchors: list[str], how: dict[str, int], message: str, world: Path
) -> None:
    with pytest.raises(InputError, match=message):
        affinity(world, main, anchors, **how)


def test_points_as_main_task_and_images_without_both_labels_are_refused(tmp_path: Path) -> None:
    tasks = {"keypoints": {"count": 2, "mirror": []}, "depth": {}, "normals": {}}
    (tmp_path / "dataset.yaml").write_text(yaml.safe_dump({"tasks": tasks}))
    with pytest.raises(InputError, match="main is 'keypoints', which is points; affinity is to a task with a value"):
        affinity(tmp_path, "keypoints", ["depth"])
    save(tmp_path / "train", "image", "0", np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(InputError, match="no two training images have labels of both 'normals' and 'depth'"):
        affinity(tmp_path, "normals", ["depth"])
