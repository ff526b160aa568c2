import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from headfreeze.errors import InputError
from headfreeze.tasks.depth import FAR_M, NEAR_M, DepthTask
from headfreeze.tasks.labels import Depth

TASK, BERHU = DepthTask(), DepthTask("depth", loss="berhu")


def depth_map(*shape: int, invalid: float = 0.0, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    depth = torch.rand(*shape, generator=generator) * 9 + 0.5
    return depth * (torch.rand(*shape, generator=generator) >= invalid)


def test_log_l1_is_the_mean_distance_of_the_logarithms() -> None:
    output, label = torch.randn(2, 1, 5, 6), depth_map(2, 1, 5, 6, invalid=0.3)
    o, t = output.double().numpy(), label.double().numpy()
    expected = np.abs(o[t > 0] - np.log(t[t > 0])).mean()
    assert TASK.loss(output, label).item() == pytest.approx(expected, abs=1e-6)


def test_berhu_is_linear_below_a_fifth_of_the_largest_error_and_quadratic_above() -> None:
    output, label = torch.randn(2, 1, 5, 6), depth_map(2, 1, 5, 6, invalid=0.3)
    o, t = output.double().numpy(), label.double().numpy()
    error = np.abs(np.exp(o) - t)[t > 0]
    c = 0.2 * error.max()
    expected = np.where(error <= c, error, (error**2 + c**2) / (2 * c)).mean()
    assert BERHU.loss(output, label).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("task", [TASK, BERHU])
def test_the_loss_of_the_truth_is_0(task: DepthTask) -> None:
    label = depth_map(1, 1, 4, 4)
    output = label.log().requires_grad_()
    loss = task.loss(output, label)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert output.grad is not None
    assert output.grad.isfinite().all()


def test_the_gradient_of_log_l1_agrees_with_finite_differences() -> None:
    output = torch.randn(1, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    label = depth_map(1, 1, 3, 4, invalid=0.3).double()
    assert torch.autograd.gradcheck(lambda o: TASK.loss(o, label), [output])


def test_the_gradient_of_berhu_agrees_with_finite_differences_at_a_fixed_threshold() -> None:
    output = torch.randn(1, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    label = depth_map(1, 1, 3, 4, invalid=0.3).double()
    label[0, 0, 0, 0], farthest = 50.0, (output[0, 0, 0, 0].exp() - 50.0).abs().item()
    c = 0.2 * farthest

    def at_fixed_threshold(o: torch.Tensor) -> torch.Tensor:
        error = (o.exp() - label).abs()[label > 0]
        return torch.where(error <= c, error, (error**2 + c**2) / (2 * c)).mean()

    (ours,) = torch.autograd.grad(BERHU.loss(output, label), output)
    (theirs,) = torch.autograd.grad(at_fixed_threshold(output), output)
    torch.testing.assert_close(ours, theirs)
    assert torch.autograd.gradcheck(at_fixed_threshold, [output])


@pytest.mark.parametrize("task", [TASK, BERHU])
@pytest.mark.parametrize(("value", "direction"), [(200.0, 1), (-200.0, -1)])
def test_an_output_out_of_range_is_led_back(task: DepthTask, value: float, direction: int) -> None:
    output = torch.full((1, 1, 2, 2), value, requires_grad=True)
    task.loss(output, torch.ones(1, 1, 2, 2)).backward()
    assert output.grad is not None
    assert output.grad.isfinite().all()
    assert (output.grad.sign() == direction).all()


@pytest.mark.parametrize("task", [TASK, BERHU])
def test_without_a_valid_pixel_the_loss_is_0_and_so_is_its_gradient(task: DepthTask) -> None:
    output = torch.randn(2, 1, 4, 4, requires_grad=True)
    loss = task.loss(output, task.invalid(4, 4).expand(2, 1, 4, 4))
    loss.backward()
    assert loss.item() == 0
    assert output.grad is not None
    assert not output.grad.any()


@pytest.mark.parametrize("task", [TASK, BERHU])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_outputs_are_summed_in_float32(task: DepthTask, dtype: torch.dtype) -> None:
    output, label = torch.randn(4, 1, 64, 64).to(dtype), depth_map(4, 1, 64, 64)
    with torch.autocast("cpu", dtype=dtype):
        loss = task.loss(output, label)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(task.loss(output.double(), label.double()).item(), rel=1e-6)


def test_decoded_outputs_are_metres_within_the_range() -> None:
    decoded = TASK.decode(torch.tensor([-100.0, math.log(2.5), 100.0], dtype=torch.float32).view(1, 1, 1, 3))
    assert decoded.flatten().tolist() == pytest.approx([NEAR_M, 2.5, FAR_M])


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(InputError, match="task 'far': unknown loss 'log_l2': did you mean 'log_l1'"):
        DepthTask("far", loss="log_l2")


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.integers(0, 999))
def test_what_is_written_is_read_back_to_half_a_millimetre(
    tmp_path_factory: pytest.TempPathFactory, h: int, w: int, invalid: float, seed: int
) -> None:
    folder, label = tmp_path_factory.mktemp("depth"), depth_map(1, h, w, seed=seed, invalid=invalid)
    for name, bound in (("a.png", 0.000501), ("b.npy", 0.0)):
        got = TASK.read(TASK.write(label, folder / name))
        assert isinstance(got, Depth)
        assert got.shape == (1, h, w)
        assert torch.equal(TASK.valid(got), TASK.valid(label))
        assert (got - label).abs().max() <= bound


def test_written_files_hold_millimetres_clipped_to_what_16_bits_can_hold(tmp_path: Path) -> None:
    label = torch.tensor([[[0.0, 0.0001, 2.5, 65.535, 70.0]]])
    path = TASK.write(label, tmp_path / "frame.0001")
    assert path == tmp_path / "frame.0001.png"
    assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).tolist() == [[0, 1, 2500, 65535, 65535]]
    with Image.open(path) as image:
        assert np.asarray(image).tolist() == [[0, 1, 2500, 65535, 65535]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_no_depth_in_npy_is_invalid(tmp_path: Path, dtype: type) -> None:
    np.save(tmp_path / "a.npy", np.array([[1.5, 0, -3, np.nan, np.inf, -np.inf, 1e10, 1000, 1001]], dtype))
    assert TASK.read(tmp_path / "a.npy").tolist() == [[[1.5, 0, 0, 0, 0, 0, 0, 1000, 0]]]


def test_an_axis_for_the_channel_is_accepted(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.full((3, 4, 1), 2.0, np.float32))
    assert TASK.read(tmp_path / "a.npy").shape == (1, 3, 4)


def test_files_that_cannot_hold_depth_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.full((3, 4), 2345.0, np.float32))
    with pytest.raises(
        InputError, match=r"a\.npy: the median depth is 2345 m; .npy holds metres: divide millimetres by"
    ):
        TASK.read(path)
    np.save(path, np.full((3, 4), 2345, np.uint16))
    with pytest.raises(InputError, match=r"a\.npy: uint16 values; depth in \.npy is floats in metres"):
        TASK.read(path)
    np.save(path, np.zeros((3, 4, 2), np.float32))
    with pytest.raises(InputError, match=r"a\.npy: shape \(3, 4, 2\); depth is saved as \(height, width\)"):
        TASK.read(path)
    Image.new("L", (4, 4), 9).save(tmp_path / "a.png")
    with pytest.raises(
        InputError, match=r"a\.png: 8 bits and 1 channel\(s\); depth is a 16-bit grey PNG in millimetres"
    ):
        TASK.read(tmp_path / "a.png")
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint16))
    with pytest.raises(InputError, match=r"a\.png: 16 bits and 3 channel\(s\)"):
        TASK.read(tmp_path / "a.png")


def test_a_sky_of_sentinels_is_no_reason_to_refuse(tmp_path: Path) -> None:
    values = np.full((4, 4), 1e9, np.float32)
    values[3] = 12
    np.save(tmp_path / "a.npy", values)
    assert (TASK.read(tmp_path / "a.npy") > 0).sum() == 4


def test_near_is_red_far_is_blue_invalid_is_black() -> None:
    label = torch.linspace(0.5, 10, 100).view(1, 10, 10)
    label[0, 4, 4] = 0
    picture = TASK.render(label)
    assert picture.dtype == np.uint8
    assert picture[0, 0, 0] > picture[0, 0, 2]
    assert picture[9, 9, 2] > picture[9, 9, 0]
    assert picture[4, 4].tolist() == [0, 0, 0]
    assert (picture.reshape(-1, 3).any(-1)).sum() == 99
    assert not TASK.render(TASK.invalid(2, 3)).any()
    assert TASK.render(torch.full((1, 2, 2), 3.0)).all(-1).any()


@pytest.mark.parametrize("loss", ["log_l1", "berhu"])
def test_the_options_tell_the_loss_only_where_it_is_not_the_default(loss: str) -> None:
    assert DepthTask(loss=loss).options() == ({} if loss == "log_l1" else {"loss": "berhu"})
    assert DepthTask("near", loss=loss).options()["kind"] == "depth"
