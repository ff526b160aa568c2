"""Points move as the image does: dots drawn into an image are found again where the points are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from headfreeze.data.batch import DeviceBatch
from headfreeze.data.geometric import mirrored
from headfreeze.errors import InputError
from headfreeze.tasks.points import Points, centred_z, located

HEIGHT, WIDTH = 60, 90
PLACES = [(30.0, 20.0), (55.0, 22.0), (41.0, 37.0)]  # x, y
MIRROR = (1, 0, 2)


def points() -> Points:
    rows = [[x, y, 5.0 * i - 4, i % 2] for i, (x, y) in enumerate(PLACES)]
    return Points(torch.tensor(rows), canvas_size=(HEIGHT, WIDTH), mirror=MIRROR)


def dots() -> tv_tensors.Image:
    """A blurred dot at each point, each in a channel of its own."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    drawn = [np.exp(-((x - px) ** 2 + (y - py) ** 2) / 8) for px, py in PLACES]
    return tv_tensors.Image(torch.from_numpy(np.stack(drawn)).float())


def found(image: Tensor) -> np.ndarray:
    """Where the dots are: x, y for each channel, counted from the corner."""
    middles = [ndimage.center_of_mass(channel) for channel in image.as_subclass(Tensor).numpy()]
    return np.array([(x + 0.5, y + 0.5) for y, x in middles])


MOVES: dict[str, Callable[[Any], Any]] = {
    "resize": lambda v: functional.resize(v, [120, 135], antialias=True),
    "crop": lambda v: functional.crop(v, 5, 10, 50, 70),
    "center_crop": lambda v: functional.center_crop(v, [51, 70]),
    "resized_crop": lambda v: functional.resized_crop(v, 4, 8, 50, 75, [100, 100]),
    "pad": lambda v: functional.pad(v, [3, 7, 1, 2]),
    "center_crop larger": lambda v: functional.center_crop(v, [67, 99]),
    "pad of one width": lambda v: functional.pad(v, 4),
    "rotate": lambda v: functional.rotate(v, 20, functional.InterpolationMode.BILINEAR),
    "rotate about": lambda v: functional.rotate(v, -15, functional.InterpolationMode.BILINEAR, center=[40, 30]),
    "affine": lambda v: functional.affine(v, 12, [4, -3], 0.9, [0, 0], functional.InterpolationMode.BILINEAR),
}


@pytest.mark.parametrize("name", MOVES)
def test_points_lie_where_the_image_shows_them(name: str) -> None:
    image, moved = MOVES[name](dots()), MOVES[name](points())
    assert isinstance(moved, Points)
    assert tuple(moved.canvas_size) == tuple(image.shape[-2:])
    assert moved.mirror == MIRROR
    np.testing.assert_allclose(moved[..., :2].numpy(), found(image), atol=0.1)


@pytest.mark.parametrize("flip", [functional.horizontal_flip, functional.vertical_flip])
def test_a_reflection_moves_points_and_swaps_left_and_right(flip: Callable[[Any], Any]) -> None:
    moved = flip(points())
    np.testing.assert_allclose(moved[..., :2].numpy(), found(flip(dots()))[list(MIRROR)], atol=0.05)
    assert moved[:, 2].tolist() == [1.0, -4.0, 6.0]  # z and visibility go with their point
    assert moved[:, 3].tolist() == [1.0, 0.0, 0.0]
    twice = flip(moved)
    np.testing.assert_allclose(twice.as_subclass(Tensor), points().as_subclass(Tensor))


def test_z_keeps_its_scale_with_the_image() -> None:
    assert functional.resize(points(), [2 * HEIGHT, 2 * WIDTH])[:, 2].tolist() == [-8.0, 2.0, 12.0]
    assert functional.affine(points(), 0, [0, 0], 0.5, [0, 0])[:, 2].tolist() == [-2.0, 0.5, 3.0]
    assert functional.rotate(points(), 30)[:, 2].tolist() == [-4.0, 1.0, 6.0]


def test_what_is_not_known_stays_so() -> None:
    label = points()
    label[1] = torch.nan
    moved = functional.horizontal_flip(functional.resize(functional.crop(label, 1, 2, 40, 80), [30, 30]))
    assert located(moved.as_subclass(Tensor)).tolist() == [False, True, True]


def test_a_composed_transform_takes_image_and_points_together() -> None:
    both = v2.Compose([v2.RandomHorizontalFlip(1.0), v2.Resize((30, 45)), v2.RandomCrop((30, 45))])
    image, moved = both(dots(), points())
    np.testing.assert_allclose(moved[..., :2].numpy(), found(image)[list(MIRROR)], atol=0.1)


@pytest.mark.parametrize(
    ("move", "message"),
    [
        (lambda p: functional.resize(p, 30), r"resize to 30 is not defined for Points; give \(height, width\)"),
        (lambda p: functional.rotate(p, 10, expand=True), "rotate with expand is not defined for Points"),
        (lambda p: functional.affine(p, 0, [0, 0], 1, [5, 0]), r"affine with shear .*5.* is not defined for Points"),
        (lambda p: functional.five_crop(p, [10, 10]), "five_crop is not defined for Points; leave it out"),
        (lambda p: functional.elastic(p, torch.zeros(1, HEIGHT, WIDTH, 2)), "elastic is not defined for Points"),
    ],
)
def test_what_has_no_meaning_for_points_is_refused(move: Callable[[Points], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        move(points())


def test_z_counts_from_the_mean_of_the_points_that_have_one() -> None:
    rows = torch.tensor([[0, 0, 3.0, 1], [0, 0, 7.0, 1], [0, 0, torch.nan, 1]])
    z, known = centred_z(rows)
    assert z.tolist() == [-2.0, 2.0, 0.0]
    assert known.tolist() == [True, True, False]
    z, known = centred_z(rows[2:])
    assert z.tolist() == [0.0]
    assert not known.any()


def test_points_of_a_batch_keep_their_attributes_with_a_torchvision_that_does_not_know_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before 0.27 `tv_tensors.wrap` gives a type of one's own without its attributes."""
    monkeypatch.setattr(tv_tensors, "wrap", lambda value, like, **_: value.as_subclass(type(like)))
    points = Points(torch.rand(2, 3, 4), canvas_size=(8, 8), mirror=(1, 0, 2))
    batch = DeviceBatch(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), {("source", "dots"): points}, 2)
    for kept in (mirrored(batch, torch.Generator().manual_seed(0)), batch.part(1, 2)):
        label = kept.labels["source", "dots"]
        assert isinstance(label, Points)
        assert label.canvas_size == (8, 8)
        assert label.mirror == (1, 0, 2)
