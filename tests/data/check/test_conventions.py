"""Foreign frames of normals are found out, and right ones are not accused: rooms from inside, faces from outside."""

import re

import numpy as np
import pytest
import torch

from headfreeze.data.check.conventions import NormalsStatistics
from headfreeze.data.check.sheet import ball
from headfreeze.tasks import make_task
from headfreeze.tasks.labels import Depth, Normals

TASK = make_task("normals")
SIZE = 64

MIRRORS = {"as it is": (1, 1, 1), "x flipped": (-1, 1, 1), "y flipped": (1, -1, 1), "z flipped": (1, 1, -1)}


def room(field_of_view: float = 1.2) -> tuple[torch.Tensor, torch.Tensor]:
    """A box seen from inside, by a pinhole camera: normals (3, h, w) in our frame and depth (1, h, w) in metres."""
    u = np.broadcast_to(((np.arange(SIZE) + 0.5) / SIZE * 2 - 1) * field_of_view, (SIZE, SIZE))
    v = -u.T
    rays = np.stack([u, v, -np.ones_like(u)])
    walls = [((1, 0, 0), 2.0), ((-1, 0, 0), 2.5), ((0, 1, 0), 1.5), ((0, -1, 0), 1.2), ((0, 0, 1), 4.0)]
    facing = np.array([np.einsum("k,khw->hw", normal, rays) for normal, _ in walls])
    distances = np.array([away for _, away in walls])[:, None, None]
    with np.errstate(divide="ignore"):
        depth = np.where(facing < 0, -distances / facing, np.inf)
    nearest = depth.argmin(0)
    normals = np.array([normal for normal, _ in walls], np.float32)[nearest].transpose(2, 0, 1)
    tilt = np.array([[1, 0, 0], [0, np.cos(0.2), -np.sin(0.2)], [0, np.sin(0.2), np.cos(0.2)]], np.float32)
    return Normals(np.einsum("ij,jhw->ihw", tilt, normals)), Depth(depth.min(0, keepdims=True).astype(np.float32))


def mirrored(normals: torch.Tensor, signs: tuple[int, int, int]) -> torch.Tensor:
    return Normals(normals * torch.tensor(signs, dtype=torch.float32).view(3, 1, 1))


def slanted(size: int = 160) -> tuple[torch.Tensor, torch.Tensor]:
    """Planes of all slants by a pinhole camera, so that the depth's slope shows both signs in both directions."""
    rng = np.random.default_rng(0)
    u = np.broadcast_to(((np.arange(size) + 0.5) / size * 2 - 1) * 0.5, (size, size))
    rays = np.stack([u, -u.T, -np.ones_like(u)])
    normals, depth = np.zeros((3, size, size), np.float32), np.full((1, size, size), np.inf, np.float32)
    for _ in range(12):
        normal = rng.normal([0, 0, 1.2], 0.7)
        normal /= np.linalg.norm(normal)
        facing = np.einsum("k,khw->hw", normal, rays)
        with np.errstate(divide="ignore"):
            away = np.where(facing < 0, -rng.uniform(2, 4) / facing, np.inf)[None]
        normals = np.where(away < depth, normal[:, None, None], normals).astype(np.float32)
        depth = np.minimum(away, depth).astype(np.float32)
    return Normals(normals), Depth(depth)


def objections(normals: torch.Tensor, depth: torch.Tensor | None = None) -> tuple[list[str], list[str]]:
    statistics = NormalsStatistics.of(normals, TASK, depth)
    return list(statistics.faults()), list(statistics.doubts())


@pytest.mark.parametrize("view", [room()[0], Normals(ball())], ids=["room", "ball"])
def test_right_normals_raise_no_objection(view: torch.Tensor) -> None:
    assert objections(view) == ([], [])


@pytest.mark.parametrize("view", [room()[0], Normals(ball())], ids=["room", "ball"])
@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_each_flipped_axis_raises_one_without_depth(view: torch.Tensor, axis: str) -> None:
    faults, doubts = objections(mirrored(view, MIRRORS[f"{axis} flipped"]))
    if axis == "z":
        assert faults[0].startswith("z seems to point away from the viewer (mean -0.")
        assert "x right, y up, z toward the viewer: negate z" in faults[0]
    else:
        assert not faults
        (doubt,) = doubts
        assert re.match(
            "x or y seems to be flipped: things (bulge .* and sink|sink .* and bulge) from bottom to top", doubt
        )


@pytest.mark.parametrize(("share", "doubted"), [(0.1, False), (0.3, True), (0.8, True)])
def test_floors_that_face_down_are_doubted_with_their_share(share: float, doubted: bool) -> None:
    normals = torch.zeros(3, 60, 100)
    normals[2] = 1
    normals[:, 40:, : round(share * 100)] = torch.tensor([0.0, -1, 0]).view(3, 1, 1)
    _, doubts = objections(Normals(normals))
    assert doubts == [f"y seems to be flipped: in the lower third {share:.0%} face down, 0% up"] * doubted


@pytest.mark.parametrize(("mirror", "accused"), [("as it is", None), ("x flipped", "x"), ("y flipped", "y")])
def test_depth_tells_which_axis_is_flipped(mirror: str, accused: str | None) -> None:
    normals, depth = slanted()
    faults, doubts = objections(mirrored(normals, MIRRORS[mirror]), depth)
    assert not doubts
    assert [fault.partition(":")[0] for fault in faults] == ([f"{accused} seems to be flipped"] if accused else [])
    if accused:
        assert "contradicts the slope of the depth in 100% of the pixels" in faults[0]


def test_swapped_axes_fit_the_depth_by_half() -> None:
    x, y, z = normals = ball()
    depth = Depth(((3 - z) * (z > 0))[None])
    assert objections(Normals(normals), depth) == ([], [])
    faults, doubts = objections(Normals(torch.stack([y, x, z])), depth)
    assert not faults
    assert [doubt[:34] for doubt in doubts] == [f"{axis} fits the slope of the depth in 5" for axis in "xy"]
    assert "are the axes the camera's (x right, y up, z toward the viewer)?" in doubts[0]


def test_the_slope_of_a_perspective_depth_has_the_sign_of_the_normal() -> None:
    normals, depth = slanted()
    statistics = NormalsStatistics.of(normals, TASK, depth)
    assert (statistics.agreement > 0.99).all()  # the rest lies on edges
    assert (statistics.sloped > 1000).all()


def test_a_few_pixels_of_depth_decide_nothing() -> None:
    normals, depth = slanted()
    depth[:, 12:] = 0
    assert np.isnan(NormalsStatistics.of(mirrored(normals, MIRRORS["x flipped"]), TASK, depth).agreement).all()


def test_invalid_pixels_count_nowhere() -> None:
    normals = room()[0]
    holed = normals.clone()
    holed[:, ::2] = 0
    statistics = NormalsStatistics.of(Normals(holed), TASK)
    assert (statistics.pixels, statistics.valid) == (SIZE**2, SIZE**2 // 2)
    np.testing.assert_allclose(statistics.direction, normals.numpy()[:, 1::2].sum((1, 2)), atol=1e-3)
    assert statistics.away == int((normals[2, 1::2] < 0).sum())
