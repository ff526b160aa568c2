import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from headfreeze.tasks.heatmaps import gaussians, peaks


def at(*places: tuple[float, float]) -> Tensor:
    return torch.tensor(places)[None]


def test_a_heatmap_is_a_gaussian_at_the_pixels_centres() -> None:
    heat = gaussians(at((3.0, 1.5), (20.0, 5.0)), 8, 10, 1.3)
    y, x = np.mgrid[:8, :10] + 0.5
    for found, (px, py) in zip(heat[0].numpy(), [(3.0, 1.5), (20.0, 5.0)], strict=True):
        np.testing.assert_allclose(found, np.exp(-((x - px) ** 2 + (y - py) ** 2) / 2 / 1.3**2), rtol=1e-5, atol=1e-30)


@given(st.floats(0.5, 27.5), st.floats(0.5, 19.5), st.floats(0.7, 3.0))
def test_the_place_of_a_gaussian_is_found_between_pixels(x: float, y: float, sigma: float) -> None:
    places, heights = peaks(gaussians(at((x, y)), 20, 28, sigma), sigma)
    inner = 3 * sigma < x < 28 - 3 * sigma and 3 * sigma < y < 20 - 3 * sigma
    assert (places[0, 0] - torch.tensor([x, y])).abs().max() < (0.06 if inner else 0.51)
    assert 0.6 < heights[0, 0] <= 1


def test_a_second_peak_far_away_does_not_pull() -> None:
    heat = gaussians(at((5.0, 5.0)), 40, 40, 1.0) + 0.8 * gaussians(at((30.0, 30.0)), 40, 40, 1.0)
    places, _ = peaks(heat, 1.0)
    assert torch.allclose(places[0, 0], torch.tensor([5.0, 5.0]), atol=0.05)


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_a_flat_map_gives_a_finite_place_inside(value: float) -> None:
    places, heights = peaks(torch.full((1, 1, 6, 6), value), 1.0)
    assert ((places > 0) & (places < 6)).all()
    assert heights.item() == value
