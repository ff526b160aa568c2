"""Images of other shapes than those of training: where their pixels lie in what the network sees, and in its maps."""

import pytest
import torch
from torch.nn import functional

from headfreeze.models.margin import Margin, margin
from headfreeze.models.network import OUTPUT_STRIDE


@pytest.mark.parametrize("height", [64, 65, 73, 79, 80, 100])
@pytest.mark.parametrize("trained", [(64, 64), (48, 72)])
def test_with_its_margin_an_image_is_whole_strides_larger_than_those_of_training(
    height: int, trained: tuple[int, int]
) -> None:
    found = margin(height, 90, trained, 16)
    image = torch.rand(1, 3, height, 90)
    seen = found.around(image)
    sides = zip(seen.shape[-2:], trained, (height, 90), strict=True)
    assert all((side - own) % 16 == 0 and 0 <= side - given < 16 for side, own, given in sides)
    assert torch.equal(seen[..., found.top : found.top + height, found.left : found.left + 90], image)
    assert torch.equal(seen[..., 0, found.left : found.left + 90], image[..., 0, :])
    assert max(abs(found.top - found.bottom), abs(found.left - found.right)) <= 1


def test_an_image_of_the_training_resolution_has_none() -> None:
    assert margin(70, 41, (70, 41), 32) == Margin(70, 41, 0, 0, 0, 0)


def test_without_a_margin_a_map_is_enlarged_as_in_training() -> None:
    output = torch.rand(2, 3, 24, 32)
    for size in ((48, 64), (144, 100), (13, 17)):
        found = margin(48, 64, (48, 64), 16).inside(output, size, OUTPUT_STRIDE)
        assert torch.allclose(found, functional.interpolate(output, size, mode="bilinear"), atol=1e-5)


@pytest.mark.parametrize("size", [(73, 64), (146, 128), (40, 33)])
def test_a_map_of_places_gives_each_pixel_its_own_place_in_the_image(size: tuple[int, int]) -> None:
    found = margin(73, 64, (64, 64), 16)
    rows = torch.arange(40.0) * 2 + 1 - found.top  # of the image, at the centres of the map's pixels
    output = rows.view(1, 1, -1, 1).expand(1, 1, 40, 32)
    expected = (torch.arange(size[0]) + 0.5) * 73 / size[0]
    assert torch.allclose(
        found.inside(output, size, OUTPUT_STRIDE), expected.view(1, 1, -1, 1).expand(1, 1, *size), atol=1e-4
    )
