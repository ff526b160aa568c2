"""Images in another look, against what Fourier's transform says of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from headfreeze.data.folder import Sample, open_dataset
from headfreeze.data.images import read_image
from headfreeze.data.pair import open_pair
from headfreeze.evaluation.stylised import in_the_look_of, stylised_error
from headfreeze.run import Run
from tests.audit import touched
from tests.runs import pair_of
from tests.worlds import TinyPair


def smooth(mean: float, side: int = 64, amplitude: float = 30, waves: int = 8) -> np.ndarray:
    x = np.arange(side) / side
    plane = mean + amplitude * np.sin(2 * np.pi * waves * x)[None].repeat(side, 0)
    return np.rint(plane)[..., None].repeat(3, -1).astype(np.uint8)


def test_an_image_in_its_own_look_is_itself() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    assert np.array_equal(in_the_look_of(image, image), image)


def test_brightness_and_colour_are_the_others_and_details_stay() -> None:
    image, other = smooth(100), smooth(60, waves=1)
    other[..., 0] //= 2
    found = in_the_look_of(image, other)
    assert found.mean((0, 1)) == pytest.approx(other.mean((0, 1)), abs=1)
    spectrum, before = (np.abs(np.fft.fft2(each[..., 1])) for each in (found, image))
    assert spectrum[0, 8] == pytest.approx(before[0, 8], rel=0.02), "8 waves lie beyond 5 % of 64 pixels"


@pytest.mark.parametrize("side", [64, 49, 107])
def test_all_frequencies_up_to_the_twentieth_part_of_the_side_are_the_others(side: int) -> None:
    """49 · (1 / 49) is less than 1 in floating-point numbers: the last of them must not fall out for that."""
    last = side // 20
    image, other = smooth(100, side, 10, last), smooth(100, side, 40, last)
    assert np.ptp(in_the_look_of(image, other)) == pytest.approx(80, abs=2)
    beyond = smooth(100, side, 10, last + 1), smooth(100, side, 40, last + 1)
    assert np.ptp(in_the_look_of(*beyond)) == pytest.approx(20, abs=2)


def test_the_other_may_have_another_size() -> None:
    assert in_the_look_of(smooth(100, 48), smooth(60, 96)).shape == (48, 48, 3)


def test_the_error_is_that_of_the_sources_labels_on_such_images(
    tiny_pair: TinyPair, normals_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(normals_run, "cpu")
    pair, _ = open_pair(pair_of(tiny_pair))
    assert pair is not None
    source, target = open_dataset(tiny_pair.source), open_dataset(tiny_pair.target)
    samples, looks = source.samples("val", ["normals"]), target.samples("val")

    def angle(sample: Sample, look: Sample) -> Tensor:
        label = source.tasks["normals"].read(sample.labels["normals"])
        image = in_the_look_of(read_image(sample.image), read_image(look.image))
        cosine = (run.predict(image)["normals"] * label).sum(0).clamp(-1, 1)
        return torch.rad2deg(torch.acos(cosine.double())).mean()

    wanted = np.mean([float(angle(*each)) for each in zip(samples, looks, strict=True)])
    with touched() as paths:
        assert stylised_error(run, pair) == pytest.approx(wanted, abs=1e-2)
    assert not [p for p in paths if p.is_relative_to(tiny_pair.target) and ("normals" in p.parts or "test" in p.parts)]
