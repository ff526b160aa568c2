import math

import cv2
import numpy as np
import pytest

from headfreeze.annotate.squares import Square


def photograph(height: int = 90, width: int = 120) -> np.ndarray:
    rng = np.random.default_rng(0)
    return cv2.GaussianBlur(rng.integers(0, 255, (height, width, 3), np.uint8), (0, 0), 2)


def test_a_square_at_its_own_scale_is_the_piece_of_the_image() -> None:
    image = photograph()
    np.testing.assert_array_equal(Square(60, 40, 32).cut(image, 32, cv2.BORDER_CONSTANT), image[24:56, 44:76])
    turned = Square(60, 40, 32, math.pi / 2).cut(image, 32, cv2.BORDER_CONSTANT)
    np.testing.assert_array_equal(turned, np.rot90(image[24:56, 44:76]))


def test_what_lies_beyond_the_image_is_black_or_goes_on() -> None:
    image = photograph()
    assert not Square(0, 0, 32).cut(image, 32, cv2.BORDER_CONSTANT)[:15, :15].any()
    assert (Square(0, 0, 32).cut(image, 32, cv2.BORDER_REPLICATE)[:15, :15] == image[0, 0]).all()


@pytest.mark.parametrize("square", [Square(61.3, 44.8, 40, 0.4), Square(60, 45, 200, -0.7), Square(60, 45, 17.5, 2.0)])
def test_a_spot_lies_where_the_matrix_says(square: Square) -> None:
    size, (x, y) = 128, (58.5, 47.5)
    image = np.zeros((90, 120, 3), np.uint8)
    image[47, 58] = 255
    image = cv2.GaussianBlur(image, (0, 0), 1.5) * 8
    seen = square.cut(image, size, cv2.BORDER_CONSTANT)[..., 0].astype(float)
    middles = np.arange(size) + 0.5
    spot = np.array([(seen.sum(0) @ middles), (seen.sum(1) @ middles)]) / seen.sum()
    np.testing.assert_allclose(square.to_image(size) @ [*spot, 1], [x, y], atol=0.05)


def test_fine_stripes_become_an_even_grey_when_they_are_shrunk() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 200
    seen = Square(200, 200, 400).cut(stripes, 90, cv2.BORDER_REPLICATE)
    assert np.abs(seen.astype(int) - 100).max() < 15
