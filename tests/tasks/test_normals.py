from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from headfreeze.errors import InputError
from headfreeze.tasks.labels import Normals
from headfreeze.tasks.normals import NormalsTask
from tests.tasks.scenes import angles_deg, plane, random_normals, sphere

TASK = NormalsTask()


def test_the_loss_is_the_mean_of_one_minus_the_cosine_over_valid_pixels() -> None:
    output, label = torch.randn(2, 3, 5, 6) * 3, random_normals(2, 3, 5, 6, invalid=0.3)
    o, t = output.double().numpy(), label.double().numpy()
    cos = (o * t).sum(1) / np.linalg.norm(o, axis=1)
    expected = (1 - cos)[np.linalg.norm(t, axis=1) > 0].mean()
    assert TASK.loss(output, label).item() == pytest.approx(expected, abs=1e-6)


def test_the_loss_of_the_truth_is_0_of_a_right_angle_1_of_the_opposite_2() -> None:
    label = plane((0, 0, 1))[None]
    for output, expected in ((label * 7, 0.0), (plane((1, 0, 0))[None], 1.0), (-label, 2.0)):
        assert TASK.loss(output, label).item() == pytest.approx(expected, abs=1e-6)


def test_the_gradient_agrees_with_finite_differences() -> None:
    output = torch.randn(1, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    label = random_normals(1, 3, 3, 4, invalid=0.3).double()
    assert torch.autograd.gradcheck(lambda o: TASK.loss(o, label), [output])


def test_a_zero_output_has_a_finite_gradient_toward_the_label() -> None:
    output = torch.zeros(1, 3, 2, 2, requires_grad=True)
    label = plane((1, 2, 3), 2)[None]
    loss = TASK.loss(output, label)
    loss.backward()
    assert loss.item() == 1
    assert output.grad is not None
    assert output.grad.isfinite().all()
    torch.testing.assert_close(torch.nn.functional.normalize(-output.grad, dim=1), label)


def test_without_a_valid_pixel_the_loss_is_0_and_so_is_its_gradient() -> None:
    output = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = TASK.loss(output, TASK.invalid(4, 4).expand(2, 3, 4, 4))
    loss.backward()
    assert loss.item() == 0
    assert output.grad is not None
    assert not output.grad.any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_outputs_are_summed_in_float32(dtype: torch.dtype) -> None:
    output, label = torch.randn(8, 3, 64, 64).to(dtype), random_normals(8, 3, 64, 64)
    with torch.autocast("cpu", dtype=dtype):
        loss = TASK.loss(output, label)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(TASK.loss(output.double(), label.double()).item(), abs=1e-6)


def test_channels_last_outputs_give_the_same_loss() -> None:
    output, label = torch.randn(2, 3, 6, 6), random_normals(2, 3, 6, 6, invalid=0.2)
    assert TASK.loss(output.contiguous(memory_format=torch.channels_last), label) == TASK.loss(output, label)


def test_decoded_outputs_have_unit_length_and_zero_stays_zero() -> None:
    output = torch.randn(2, 3, 4, 4, dtype=torch.bfloat16) * 5
    output[0, :, 0, 0] = 0
    normals = TASK.decode(output)
    assert normals.dtype == torch.float32
    lengths = normals.square().sum(1).sqrt()
    assert lengths[0, 0, 0] == 0
    assert lengths.flatten()[1:].sub(1).abs().max() < 1e-6
    assert (normals * output).sum(1).min() >= 0


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.integers(0, 999))
def test_what_is_written_is_read_back_to_0_002_degrees(
    tmp_path_factory: pytest.TempPathFactory, h: int, w: int, invalid: float, seed: int
) -> None:
    folder, label = tmp_path_factory.mktemp("normals"), random_normals(3, h, w, seed=seed, invalid=invalid)
    for name, bound in (("a.png", 0.002), ("b.npy", 1e-4)):
        got = TASK.read(TASK.write(label, folder / name))
        assert isinstance(got, Normals)
        assert got.dtype == torch.float32
        assert torch.equal(TASK.valid(got), TASK.valid(label))
        assert torch.where(TASK.valid(label)[0], angles_deg(got, label), 0.0).max() < bound


def test_written_files_hold_n_plus_1_half_in_16_bits_and_black_where_invalid(tmp_path: Path) -> None:
    label = sphere(16, 6, (2, 1))
    path = TASK.write(label, tmp_path / "frame.0001")
    assert path == tmp_path / "frame.0001.png"
    rgb = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1]
    expected = np.rint((label.numpy() + 1) / 2 * 65535) * (label.numpy() != 0).any(0)
    assert rgb.dtype == np.uint16
    np.testing.assert_array_equal(rgb, expected.transpose(1, 2, 0))
    stored = np.load(TASK.write(label, tmp_path / "a.npy"))
    assert stored.shape == (16, 16, 3)
    np.testing.assert_array_equal(stored, label.numpy().transpose(1, 2, 0))


def test_eight_bit_files_are_exact_to_half_a_degree(tmp_path: Path) -> None:
    label = sphere(32, 12)
    Image.fromarray(TASK.render(label)).save(tmp_path / "a.png")
    got = TASK.read(tmp_path / "a.png")
    inside = TASK.valid(label)[0]
    assert torch.equal(TASK.valid(got)[0], inside)
    assert angles_deg(got, label)[inside].max() < 0.5


def test_the_colours_are_the_documented_ones() -> None:
    wall, floor = plane((0, 0, 1), 1), plane((0, 1, 0), 1)
    assert TASK.render(wall).tolist() == [[[128, 128, 255]]]
    assert TASK.render(floor).tolist() == [[[128, 255, 128]]]
    assert TASK.render(TASK.invalid(1, 1)).tolist() == [[[0, 0, 0]]]


def test_transparent_pixels_are_invalid(tmp_path: Path) -> None:
    rgba = np.dstack([TASK.render(plane((0, 0, 1), 4)), np.full((4, 4), 255, np.uint8)])
    rgba[0, 0, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "a.png")
    valid = TASK.valid(TASK.read(tmp_path / "a.png"))
    assert valid.sum() == 15
    assert not valid[0, 0, 0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_zeros_and_nans_in_npy_are_invalid(tmp_path: Path, dtype: type) -> None:
    values = np.tile(np.array([0, 0, 1], dtype), (3, 3, 1))
    values[0, 0], values[1, 1, 0], values[2, 2] = 0, np.nan, 1e300 if dtype is np.float64 else np.inf
    np.save(tmp_path / "a.npy", values)
    got = TASK.read(tmp_path / "a.npy")
    assert got.isfinite().all()
    assert TASK.valid(got)[0].tolist() == (~np.eye(3, dtype=bool)).tolist()


def test_vectors_that_are_not_unit_are_refused_with_their_share(tmp_path: Path) -> None:
    values = np.tile(np.array([0.0, 0.6, 0.8], np.float32), (10, 10, 1))
    values[:3] *= 1.5
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(
        InputError, match=r"a\.npy: 30% of the valid normals are not unit vectors; store \(n \+ 1\) / 2"
    ):
        TASK.read(tmp_path / "a.npy")
    Image.new("RGB", (8, 8), (128, 60, 200)).save(tmp_path / "photo.png")
    with pytest.raises(InputError, match=r"photo\.png: 100% of the valid .*\(x right, y up, z toward the viewer\)"):
        TASK.read(tmp_path / "photo.png")


def test_a_few_resampled_vectors_are_renormalised_and_too_short_ones_dropped(tmp_path: Path) -> None:
    values = np.tile(np.array([0.0, 0.6, 0.8], np.float32), (20, 20, 1))
    values[0, 0] *= 0.5
    values[0, 1] *= 0.01
    np.save(tmp_path / "a.npy", values)
    got = TASK.read(tmp_path / "a.npy")
    torch.testing.assert_close(got[:, 0, 0], torch.tensor([0.0, 0.6, 0.8]))
    assert not got[:, 0, 1].any()
    assert TASK.valid(got).sum() == 399


def test_files_that_cannot_hold_normals_are_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.zeros((4, 4), np.uint16))
    with pytest.raises(InputError, match=r"grey\.png: 1 channel\(s\), normals need RGB; save \(n \+ 1\) / 2"):
        TASK.read(tmp_path / "grey.png")
    np.save(tmp_path / "a.npy", np.zeros((3, 4, 5), np.float32))
    with pytest.raises(InputError, match=r"a\.npy: shape \(3, 4, 5\); normals are saved as \(height, width, 3\)"):
        TASK.read(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(InputError, match=r"a\.npy: uint8 values; normals in \.npy are floats in -1 … 1"):
        TASK.read(tmp_path / "a.npy")


def test_a_map_without_a_valid_pixel_is_read(tmp_path: Path) -> None:
    assert not TASK.read(TASK.write(TASK.invalid(3, 4), tmp_path / "a")).any()
