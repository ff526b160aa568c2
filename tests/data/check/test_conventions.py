"""Foreign frames of normals are found out and named, and right ones are not accused: rooms, heads, slanted planes."""

from functools import reduce
from operator import add

import numpy as np
import pytest
import torch

from headfreeze.data.check.conventions import NormalsStatistics
from headfreeze.data.check.frames import FRAMES
from headfreeze.data.check.sheet import ball
from headfreeze.data.readers.frames import NAMED, to_ours
from headfreeze.tasks import make_task
from headfreeze.tasks.labels import Depth, Normals

TASK = make_task("normals")
SIZE = 64
ENOUGH = 8  # images, from which normals alone may tell


def room(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A box seen from inside, by a pinhole camera: normals (3, h, w) in our frame and depth (1, h, w) in metres."""
    rng = np.random.default_rng(seed)
    u = np.broadcast_to(((np.arange(SIZE) + 0.5) / SIZE * 2 - 1) * 0.7, (SIZE, SIZE))
    yaw, pitch = rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.1)
    turn = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    turn = turn @ np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    rays = np.stack([u, -u.T, -np.ones_like(u)])
    walls = [((1, 0, 0), 2.0), ((-1, 0, 0), 2.5), ((0, 1, 0), 1.5), ((0, -1, 0), 1.2), ((0, 0, 1), 4.0)]
    walls = [(turn @ np.array(normal, float), away * rng.uniform(0.8, 1.2)) for normal, away in walls]
    facing = np.array([np.einsum("k,khw->hw", normal, rays) for normal, _ in walls])
    distances = np.array([away for _, away in walls])[:, None, None]
    with np.errstate(divide="ignore"):
        depth = np.where(facing < 0, -distances / facing, np.inf)
    normals = np.array([normal for normal, _ in walls], np.float32)[depth.argmin(0)].transpose(2, 0, 1)
    return Normals(normals.copy()), Depth(depth.min(0, keepdims=True).astype(np.float32))


def head() -> torch.Tensor:
    """An upright ellipsoid, of which the picture shows the middle of the height, as crops of faces do."""
    x = np.broadcast_to((np.arange(SIZE) + 0.5) / SIZE * 2 - 1, (SIZE, SIZE)) * 1.1
    y = -x.T * 0.25
    z = np.sqrt(np.clip(1 - x**2 - y**2, 0, None))
    return Normals((np.stack([x, y, z]) * (z > 0)).astype(np.float32))


def stored(normals: torch.Tensor, frame: str) -> torch.Tensor:
    """Ours as a data set in that frame would hold them."""
    turn = torch.from_numpy(np.linalg.inv(FRAMES[frame])).float()
    return Normals(torch.einsum("ij,jhw->ihw", turn, normals.as_subclass(torch.Tensor)))


def statistics(views: list[tuple[torch.Tensor, torch.Tensor | None]], frame: str = "x y z") -> NormalsStatistics:
    return reduce(add, (NormalsStatistics.of(stored(normals, frame), TASK, depth) for normals, depth in views))


SCENES = {
    "rooms with depth": [room(seed) for seed in range(2)],
    "rooms": [(room(seed)[0], None) for seed in range(2 * ENOUGH)],
    "heads": [(head(), None)] * ENOUGH,
}


def test_there_are_48_frames_and_each_is_what_converts() -> None:
    normals = ball().permute(1, 2, 0).numpy()
    assert len(FRAMES) == 48
    for frame, matrix in FRAMES.items():
        np.testing.assert_allclose(to_ours(normals, frame), normals @ matrix.T, atol=1e-6)


@pytest.mark.parametrize("scene", SCENES)
def test_right_normals_raise_no_objection(scene: str) -> None:
    found = statistics(SCENES[scene])
    assert [*found.faults(), *found.doubts()] == []
    assert found.rows()["frame"] == "ours"


@pytest.mark.parametrize("frame", list(FRAMES)[1::5])  # every fifth: all 47 were tried, at five times the seconds
@pytest.mark.parametrize("scene", SCENES)
def test_each_other_frame_is_named_with_what_converts_it(scene: str, frame: str) -> None:
    found = statistics(SCENES[scene], frame)
    assert found.verdict().frames == (frame,)
    (line,) = [*found.faults(), *found.doubts()]
    assert line.startswith("looks as stored in ")
    assert line.endswith(f"convert with headfreeze.data.readers.frames.to_ours(normals, '{frame}')")


@pytest.mark.parametrize("name", [name for name in NAMED if name != "opengl"])
def test_a_frame_with_a_name_is_called_by_it(name: str) -> None:
    (line,) = statistics(SCENES["rooms with depth"], NAMED[name]).faults()
    assert line.startswith(f"looks as stored in {name} ({NAMED[name]}) (by the slope of the depth, mean cosine 0.9")


def test_bgr_files_are_one_of_the_frames() -> None:
    views = [(Normals(normals[[2, 1, 0]]), depth) for normals, depth in SCENES["rooms with depth"]]
    (line,) = statistics(views).faults()
    assert "looks as stored in 'z y x'" in line


def test_few_images_without_depth_decide_nothing() -> None:
    found = statistics(SCENES["rooms"][: ENOUGH - 1], "x -y -z")
    assert [*found.faults(), *found.doubts()] == []
    assert len(found.verdict().frames) == 48


def test_what_shows_no_sign_of_left_and_right_leaves_both_open() -> None:
    """A floor below a wall: nothing tells x from −x, and it is said that more than one frame fits."""
    normals = torch.zeros(3, 60, 100)
    normals[2, :40] = 1
    normals[:, 40:] = torch.tensor([0.0, 0.95, 0.31]).view(3, 1, 1)
    found = statistics([(Normals(normals), None)] * ENOUGH)
    assert {"x y z", "-x y z"} <= set(found.verdict().frames)
    assert list(found.faults()) == []
    assert found.rows()["frame"] == "ours fits"
    (line,) = statistics([(Normals(normals), None)] * ENOUGH, "x y -z").faults()
    assert " or " in line
    assert "without depth that is not told apart" in line


def test_normals_in_the_frame_of_the_world_are_found_with_depth() -> None:
    rng = np.random.default_rng(3)
    views = []
    for seed in range(12):
        normals, depth = room(seed)
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        views.append((Normals(torch.einsum("ij,jhw->ihw", torch.from_numpy(turn).float(), normals)), depth))
    (line,) = statistics(views).faults()
    assert line.startswith("each image's normals fit its depth (mean cosine 0.9")
    assert "they seem to be in the world's" in line


def ball_from_afar(widths: float, across: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A ball of radius 1 that fills most of the picture, through a lens of so many widths; `across`: its centre."""
    u = np.broadcast_to(((np.arange(SIZE) + 0.5) / SIZE - 0.5) / widths, (SIZE, SIZE))
    rays = np.stack([u, -u.T, -np.ones_like(u)], -1)
    centre = np.array([across, 0.1, -2.6 * widths])  # the picture is 2.6 wide there
    b, a, c = rays @ centre, (rays**2).sum(-1), centre @ centre - 1
    hit = b * b - a * c > 0
    depth = np.where(hit, (b - np.sqrt(np.where(hit, b * b - a * c, 0))) / a, 0)
    normals = np.where(hit[..., None], rays * depth[..., None] - centre, 0)
    return Normals(normals.transpose(2, 0, 1).astype(np.float32)), Depth(depth[None].astype(np.float32))


@pytest.mark.parametrize("widths", [3, 6, 11, 25])
def test_a_long_lens_is_no_world_s_frame(widths: float) -> None:
    found = statistics([ball_from_afar(widths, across) for across in (-0.2, 0, 0.2)])
    assert found.verdict().by_depth
    assert found.verdict().frames == ("x y z",)
    assert not list(found.faults())


def test_normals_of_other_images_fit_no_depth() -> None:
    """Of each image's right half with depth of its left: no frame of all, none of each."""
    rng = np.random.default_rng(0)
    views = []
    for seed in range(12):
        normals = torch.from_numpy(rng.normal(size=(3, SIZE, SIZE)).astype(np.float32))
        views.append((Normals(normals / normals.square().sum(0).sqrt()), room(seed)[1]))
    doubts = list(statistics(views).doubts())
    assert doubts[0].startswith("no frame fits the slope of the depth (the best has a mean cosine of 0.")


def test_a_few_pixels_of_depth_decide_nothing() -> None:
    normals, depth = room()
    depth[:, 10:] = 0
    assert not statistics([(normals, depth)]).verdict().by_depth


def test_invalid_pixels_count_nowhere() -> None:
    normals = room()[0]
    holed = normals.clone()
    holed[:, ::2] = 0
    found = NormalsStatistics.of(Normals(holed), TASK)
    assert (found.pixels, found.valid) == (SIZE**2, SIZE**2 // 2)
    np.testing.assert_allclose(found.signed, normals.numpy()[:, 1::2].sum((1, 2)), rtol=1e-5, atol=1e-2)
    assert found.away == int((normals[2, 1::2] < 0).sum())
    assert found.directions.sum() == found.valid
