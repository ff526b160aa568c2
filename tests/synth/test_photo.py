import numpy as np
import pytest

from headfreeze.synth.photo import compress, develop


def test_exposure_goes_by_the_part_that_is_metered() -> None:
    light = np.full((32, 32, 3), 100, np.float32)
    light[8:24, 8:24] = 1
    face = np.zeros((32, 32), bool)
    face[10:22, 10:22] = True
    for seed in range(10):
        by_all = develop(light, np.random.default_rng(seed))[face].mean()
        by_face = develop(light, np.random.default_rng(seed), face)[face].mean()
        assert by_all < 60 < 120 < by_face < 230


@pytest.mark.parametrize("size", [16, 65])
def test_compressing_keeps_the_size_and_most_of_the_picture(size: int) -> None:
    x = np.linspace(0, 255, size)
    image = np.stack(np.broadcast_arrays(x, x[:, None], 128.0), axis=-1).round().astype(np.uint8)
    changed = 0
    for seed in range(20):
        made = compress(image, np.random.default_rng(seed))
        assert (made.shape, made.dtype) == (image.shape, np.uint8)
        assert np.abs(made.astype(int) - image).mean() < 8
        assert np.array_equal(made, compress(image, np.random.default_rng(seed)))
        changed += not np.array_equal(made, image)
    assert 5 < changed < 20
