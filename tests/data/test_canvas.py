"""From files to tensors at training resolution."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headfreeze.data.canvas import Canvas, compact, expand, window_corner
from headfreeze.data.folder import open_dataset
from headfreeze.data.shards import IMAGE
from headfreeze.tasks import make_task
from headfreeze.tasks.labels import Normals
from tests.worlds import TinyPair, draw_view


@pytest.mark.parametrize(
    ("resize", "size", "expected"),
    [
        ("crop", (480, 640), (96, 128)),
        ("crop", (640, 480), (171, 128)),
        ("crop", (48, 48), (128, 128)),
        ("squash", (480, 640), (96, 128)),
        ("squash", (10, 10), (96, 128)),
        ("none", (480, 640), (480, 640)),
        ("none", (48, 200), (96, 400)),
    ],
)
def test_sizes_by_hand(resize: str, size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert Canvas(96, 128, resize).size_for(*size) == expected


@given(
    st.integers(16, 200), st.integers(16, 200), st.integers(1, 3000), st.integers(1, 3000),
    st.sampled_from(["crop", "squash", "none"]),
)  # fmt: skip
def test_a_window_always_fits_and_crop_fits_tightly(height: int, width: int, h: int, w: int, resize: str) -> None:
    kept = Canvas(height, width, resize).size_for(h, w)
    assert kept[0] >= height
    assert kept[1] >= width
    if resize == "crop":
        assert kept[0] == height or kept[1] == width


def test_a_sample_is_loaded_as_it_lies_on_disk_where_the_size_agrees(tiny_pair: TinyPair) -> None:
    dataset = open_dataset(tiny_pair.source)
    sample = dataset.samples("train", dataset.tasks)[2]
    loaded = Canvas(48, 48).load(sample, dataset.tasks)
    view = draw_view("source", "train", 2)
    assert np.abs(loaded[IMAGE].numpy().transpose(1, 2, 0) / 255 - view.image).max() <= 0.5 / 255 + 1e-6
    assert (loaded["segmentation"][0].numpy() == view.segmentation).all()
    unit = torch.nn.functional.normalize(loaded["normals"].float(), dim=0).numpy().transpose(1, 2, 0)
    cosine = (unit * view.normals).sum(-1)
    assert np.degrees(np.arccos(cosine.clip(-1, 1))).max() < 0.8  # 8-bit files: half a step is 0.3° an axis
    assert np.abs(loaded["depth"][0].float().numpy() - view.depth_m).max() < 0.003


def test_a_missing_label_loads_as_invalid_everywhere(tiny_pair: TinyPair, tmp_path: Path) -> None:
    root = tiny_pair.copy(tmp_path).source
    for task in ("normals", "depth", "segmentation"):
        (root / f"train/{task}/0000.png").unlink()
    dataset = open_dataset(root)
    loaded = Canvas(32, 40).load(dataset.samples("train", dataset.tasks)[0], dataset.tasks)
    assert loaded[IMAGE].shape == (3, 40, 40)
    for name, task in dataset.tasks.items():
        assert not task.valid(expand(loaded[name], task, (40, 40))).any()


def test_resized_normals_stay_unit_and_invalid_stays_invalid(tiny_pair: TinyPair) -> None:
    dataset = open_dataset(tiny_pair.target)
    for sample in dataset.samples("train", ["normals"])[:4]:
        normals = Canvas(31, 31).load(sample, {"normals": dataset.task("normals")})["normals"].float()
        length = normals.norm(dim=0)
        assert torch.isclose(length, torch.ones(()), atol=2e-3).logical_or(length == 0).all()
        assert (length == 0).any()  # the target's hole


def test_the_compact_form_loses_little_and_the_type_comes_back() -> None:
    task = make_task("normals", {})
    normals = torch.nn.functional.normalize(torch.randn(3, 20, 20), dim=0)
    back = expand(compact(Normals(normals)), task, (20, 20))
    assert isinstance(back, task.label_type)
    cosine = (back.as_subclass(torch.Tensor) * normals).sum(0) / back.as_subclass(torch.Tensor).norm(dim=0)
    assert torch.rad2deg(torch.acos(cosine.clamp(-1, 1))).max() < 0.05


def test_windows_lie_inside_and_reach_every_corner() -> None:
    rng = np.random.default_rng(0)
    corners = {window_corner(10, 12, (8, 8), rng) for _ in range(400)}
    assert corners == {(top, left) for top in range(3) for left in range(5)}
    assert window_corner(10, 12, (8, 8), None) == (1, 2)
