"""Cheaper anchors: their classes, their share of the images, their wrong pixels, counted with NumPy alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from headfreeze.annotate.derive import derive
from headfreeze.annotate.noise import with_wrong_blobs
from headfreeze.cli import run
from headfreeze.data.folder import open_dataset
from headfreeze.errors import InputError
from tests.worlds import CLASSES, COUNTS, TinyPair

BLOBS = {"classes": 5, "invalid": 255, "seed": 3, "key": "a/0001"}


@pytest.fixture
def tiny(tiny_pair: TinyPair, tmp_path: Path) -> TinyPair:
    return tiny_pair.copy(tmp_path / "pair")


def labels(root: Path, task: str, split: str = "train") -> dict[str, np.ndarray]:
    return {path.stem: np.array(Image.open(path)) for path in sorted((root / split / task).glob("*.png"))}


def written(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def map_file(path: Path, **changes: object) -> str:
    content = {"task": "segmentation", "classes": ["ball", "rest"], "map": {"ball": ["red", "blue"], "rest": "*"}}
    path.write_text(yaml.safe_dump(content | changes))
    return str(path)


def test_a_file_says_which_classes_become_one(tiny: TinyPair, tmp_path: Path) -> None:
    count = derive(tiny.target, anchor="segmentation", name="balls", classes=map_file(tmp_path / "map.yaml"))
    assert count == sum(COUNTS.values())
    assert open_dataset(tiny.target).task("balls").options() == {"kind": "segmentation", "classes": ["ball", "rest"]}
    for key, old in labels(tiny.target, "segmentation").items():
        new = labels(tiny.target, "balls")[key]
        np.testing.assert_array_equal(new, np.where(old == 255, 255, np.where(old == 0, 1, 0)))


def test_merging_keeps_the_commonest_classes_of_the_source_and_means_the_same_on_both(tiny: TinyPair) -> None:
    pixels = {name: sum((label == i).sum() for label in labels(tiny.source, "segmentation").values())
              for i, name in enumerate(CLASSES)}  # fmt: skip
    commonest = max(CLASSES, key=lambda name: pixels[name])
    for path in (tiny.target / "train/segmentation").glob("*.png"):  # another class is the commonest of the target
        label = np.array(Image.open(path))
        Image.fromarray(np.where(label == CLASSES.index(commonest), 2, label).astype(np.uint8)).save(path)
    derive(tiny.target, source=tiny.source, anchor="segmentation", name="two", merge=2)
    for root in (tiny.source, tiny.target):
        assert open_dataset(root).task("two").options()["classes"] == [commonest, "rest"]
        for key, old in labels(root, "segmentation").items():
            expected = np.where(old == 255, 255, np.where(old == CLASSES.index(commonest), 0, 1))
            np.testing.assert_array_equal(labels(root, "two")[key], expected)


def test_a_tenth_is_part_of_a_half_and_the_source_keeps_all(tiny: TinyPair) -> None:
    names = {0.1: "tenth", 0.5: "half", 1.0: "all"}
    for share, name in names.items():
        derive(tiny.target, source=tiny.source, anchor="segmentation", name=name, share=share)
        assert labels(tiny.source, name).keys() == labels(tiny.source, "segmentation").keys()
    kept = [set(labels(tiny.target, name)) for name in names.values()]
    assert [len(keys) for keys in kept] == [2, 8, 16]
    assert kept[0] < kept[1] < kept[2]
    assert len(labels(tiny.target, "tenth", "val")) == 1
    derive(tiny.target, anchor="segmentation", name="other", share=0.5, seed=1)
    assert set(labels(tiny.target, "other")) != kept[1]
    for key, label in labels(tiny.target, "half").items():
        np.testing.assert_array_equal(label, labels(tiny.target, "segmentation")[key])


def test_of_labels_without_classes_a_share_is_the_very_same_files(tiny: TinyPair) -> None:
    derive(tiny.target, anchor="depth", name="some_depth", share=0.5)
    files = sorted((tiny.target / "train/some_depth").iterdir())
    assert len(files) == 8
    assert all(file.read_bytes() == (tiny.target / "train/depth" / file.name).read_bytes() for file in files)
    assert open_dataset(tiny.target).task("some_depth").options() == {"kind": "depth"}


@pytest.mark.parametrize("share", [0.1, 0.3, 1.0])
def test_the_share_of_wrong_pixels_is_what_it_says(share: float, tiny: TinyPair) -> None:
    derive(tiny.target, source=tiny.source, anchor="segmentation", name="noisy", noise=share)
    for key, truth in labels(tiny.target, "segmentation").items():
        noisy, valid = labels(tiny.target, "noisy")[key], truth != 255
        assert ((noisy != truth) & valid).sum() == round(share * valid.sum())
        assert (noisy[~valid] == 255).all()
        assert (noisy[valid] < len(CLASSES)).all()
    for key, truth in labels(tiny.source, "segmentation").items():
        np.testing.assert_array_equal(labels(tiny.source, "noisy")[key], truth)


def test_wrong_pixels_lie_in_blobs_of_any_other_class_and_more_noise_adds_to_less() -> None:
    truth = np.full((120, 160), 2)
    little, much = (with_wrong_blobs(truth, share=share, **BLOBS) for share in (0.1, 0.4))
    changes = (np.diff(little != truth, axis=0) != 0).sum() + (np.diff(little != truth, axis=1) != 0).sum()
    assert changes < 0.05 * truth.size  # where pixels are wrong one by one: 36 % of all pairs of neighbours
    assert (much[little != truth] == little[little != truth]).all()
    assert set(np.unique(much)) == {0, 1, 2, 3, 4}
    others = np.concatenate([with_wrong_blobs(truth, share=1.0, **BLOBS | {"key": str(i)}).ravel() for i in range(40)])
    np.testing.assert_allclose(np.bincount(others, minlength=5) / others.size, [0.25, 0.25, 0, 0.25, 0.25], atol=0.03)


def test_noise_depends_on_seed_and_name_alone_and_comes_after_merging(tiny: TinyPair, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        file = map_file(tmp_path / "map.yaml")
        derive(tiny.target, anchor="segmentation", name=name, classes=file, noise=0.25, seed=seed)
    a, b, c = (labels(tiny.target, name)["0003"] for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    truth = labels(tiny.target, "segmentation")["0003"]
    valid, merged = truth != 255, np.where(truth == 0, 1, 0)
    assert ((a != merged) & valid).sum() == round(0.25 * valid.sum())


def test_labels_that_are_there_are_replaced_only_when_asked_to_and_none_is_left_over(tiny: TinyPair) -> None:
    derive(tiny.target, anchor="segmentation", name="some")
    with pytest.raises(
        InputError, match=r"train/some: 16 labels are there already; choose another name, or set overwrite"
    ):
        derive(tiny.target, anchor="segmentation", name="some", share=0.5)
    assert len(labels(tiny.target, "some")) == 16
    derive(tiny.target, anchor="segmentation", name="some", share=0.5, overwrite=True)
    assert len(labels(tiny.target, "some")) == 8
    before = written(tiny.target)
    derive(tiny.target, anchor="segmentation", name="some", share=0.5, overwrite=True)
    assert written(tiny.target) == before


def test_a_damaged_label_leaves_nothing_behind(tiny: TinyPair) -> None:
    path = tiny.target / "test/segmentation/0005.png"
    path.write_bytes(path.read_bytes()[:-20])
    before = {root: sorted(root.rglob("*")) for root in (tiny.source, tiny.target)}
    with pytest.raises(InputError, match=r"segmentation/0005\.png: "):
        derive(tiny.target, source=tiny.source, anchor="segmentation", name="noisy", noise=0.1)
    assert {root: sorted(root.rglob("*")) for root in before} == before
    assert "noisy" not in (tiny.source / "dataset.yaml").read_text()


def test_a_killed_call_leaves_no_label_and_the_next_one_writes_them_all(tiny: TinyPair) -> None:
    words = ["derive", str(tiny.target), "--from", "segmentation", "--name", "noisy", "--noise", "0.1"]
    program = (
        "import sys, os, signal; from headfreeze.annotate import derive as module\n"
        "blobs, calls = module.with_wrong_blobs, []\n"
        "def dies(*words):\n"
        "    calls.append(1)\n"
        "    len(calls) < 20 or os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return blobs(*words)\n"
        "module.with_wrong_blobs = dies\n"
        "from headfreeze.cli import run; sys.exit(run(['annotate', *sys.argv[1:]]))"
    )
    ended = subprocess.run([sys.executable, "-c", program, *words], env=dict(os.environ), check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not (tiny.target / "train/noisy").exists()
    assert "noisy" not in (tiny.target / "dataset.yaml").read_text()
    assert run(["annotate", *words]) == 0
    assert len(labels(tiny.target, "noisy")) == 16


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"name": "segmentation"}, "name is 'segmentation', the task that it is made of; choose another name"),
        ({"name": "../x"}, r"task name '\.\./x': give letters"),
        ({"anchor": "edges"}, r"dataset\.yaml: unknown task 'edges': choose from depth, normals, segmentation"),
        ({"anchor": "depth", "noise": 0.1}, "'depth' is depth, which has no classes; of it, only a share can be taken"),
        ({"share": 0.0}, "share is 0.0; give the share of images that get a label, above 0 and up to 1"),
        ({"share": 1.5}, "share is 1.5; "),
        ({"noise": -0.1}, "noise is -0.1; give the share of pixels whose class is wrong, 0 … 1"),
        ({"merge": 1}, "merge is 1; give how many classes there shall be, 2 or more"),
        ({"merge": 3}, r"merge is 3, but 'segmentation' has 3 classes; give 2 … 2"),
        ({"merge": 2, "classes": "nyu13"}, "classes is nyu13 and merge is 2; give one of them"),
        ({"classes": "no.yaml"}, r"no\.yaml: cannot be read"),
        ({"classes": "nyu13"}, "unknown class of segmentation 'b[a-z ]*': "),
        ({"seed": -1}, "seed is -1; seeds are 0 … 4294967295"),
        ({"name": "normals"}, r"train/normals: 16 labels are there already"),
        ({"name": "normals", "overwrite": True}, r"'normals' is declared as \{\}, not as .*; choose another name"),
    ],
)
def test_what_cannot_be_derived_is_said_in_a_line(how: dict[str, object], message: str, tiny: TinyPair) -> None:
    before = written(tiny.target)
    with pytest.raises(InputError, match=message):
        derive(tiny.target, **{"anchor": "segmentation", "name": "new", **how})
    assert written(tiny.target) == before


def test_a_map_of_another_task_and_domains_that_disagree_are_refused(tiny: TinyPair, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"map\.yaml: is for the task 'edges', not for 'segmentation'; mend its task"):
        derive(tiny.target, anchor="segmentation", name="new", classes=map_file(tmp_path / "map.yaml", task="edges"))
    config = tiny.source / "dataset.yaml"
    config.write_text(config.read_text().replace("blue", "green"))
    with pytest.raises(InputError, match=r"target: declares 'segmentation' otherwise than .*source does"):
        derive(tiny.target, source=tiny.source, anchor="segmentation", name="new")
    (tiny.target / "dataset.yaml").write_text("tasks: {bare: {kind: depth}}")
    with pytest.raises(InputError, match=r"target: no labels of 'bare'; they lie in ROOT/\{train,val,test\}/bare"):
        derive(tiny.target, anchor="bare", name="new")
