from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision import tv_tensors

from headfreeze.errors import InputError
from headfreeze.tasks.segmentation import SegmentationTask

TASK = SegmentationTask("parts", classes=["none", "nose", "mouth"])
MANY = SegmentationTask("things", classes=[f"thing {i}" for i in range(300)])


def labels(*shape: int, classes: int = 3, invalid: float = 0.0, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(
        np.where(rng.random(shape) < invalid, 255, rng.integers(0, classes, shape)).astype(np.uint8)
    )


def test_the_loss_is_the_mean_cross_entropy_over_valid_pixels() -> None:
    output, label = torch.randn(2, 3, 5, 6), labels(2, 1, 5, 6, invalid=0.3)
    o, t = output.double().numpy(), label.numpy()[:, 0]
    log_probability = o - np.log(np.exp(o).sum(1, keepdims=True))
    picked = np.take_along_axis(log_probability, np.where(t == 255, 0, t)[:, None].astype(int), 1)[:, 0]
    assert TASK.loss(output, label).item() == pytest.approx(-picked[t != 255].mean(), abs=1e-6)


def test_the_gradient_agrees_with_finite_differences() -> None:
    output = torch.randn(1, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    label = labels(1, 1, 3, 4, invalid=0.3)
    assert torch.autograd.gradcheck(lambda o: TASK.loss(o, label), [output])


@pytest.mark.parametrize("task", [TASK, MANY])
def test_without_a_valid_pixel_the_loss_is_0_and_so_is_its_gradient(task: SegmentationTask) -> None:
    output = torch.randn(2, task.channels, 4, 4, requires_grad=True)
    loss = task.loss(output, task.invalid(4, 4).expand(2, 1, 4, 4))
    loss.backward()
    assert loss.item() == 0
    assert output.grad is not None
    assert not output.grad.any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_outputs_are_summed_in_float32(dtype: torch.dtype) -> None:
    output, label = torch.randn(4, 3, 64, 64).to(dtype), labels(4, 1, 64, 64)
    with torch.autocast("cpu", dtype=dtype):
        loss = TASK.loss(output, label)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(TASK.loss(output.double(), label).item(), rel=1e-6)


def test_decoding_takes_the_highest_score() -> None:
    output = torch.randn(2, 3, 4, 5)
    assert torch.equal(TASK.decode(output)[:, 0], output.argmax(1).to(torch.uint8))
    assert MANY.decode(torch.randn(1, 300, 2, 2)).dtype == torch.int32


@given(
    st.sampled_from([2, 3, 255, 256, 300]), st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.integers(0, 99)
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, classes: int, h: int, w: int, invalid: float, seed: int
) -> None:
    task = SegmentationTask(classes=[str(i) for i in range(classes)])
    rng = np.random.default_rng(seed)
    index = np.where(rng.random((1, h, w)) < invalid, task.invalid_index, rng.integers(0, classes, (1, h, w)))
    label = torch.from_numpy(index).to(task.dtype)
    got = task.read(task.write(label, tmp_path_factory.mktemp("labels") / "a"))
    assert isinstance(got, tv_tensors.Mask)
    assert got.dtype == task.dtype
    assert torch.equal(got, label)
    assert torch.equal(task.valid(got), torch.from_numpy(index != task.invalid_index))


def test_few_classes_are_uint8_with_255_many_int32_with_65535() -> None:
    for classes, dtype, invalid in ((255, torch.uint8, 255), (256, torch.int32, 65535)):
        task = SegmentationTask(classes=[str(i) for i in range(classes)])
        assert (task.dtype, task.invalid_index) == (dtype, invalid)
        assert task.invalid(2, 3).tolist() == [[[invalid] * 3] * 2]
        assert not task.valid(task.invalid(2, 3)).any()


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_grey_palette_and_one_bit_files_give_their_indices(tmp_path: Path, mode: str) -> None:
    index = np.array([[0, 1], [1, 0]], np.uint8)
    image = Image.fromarray(index.astype(bool) if mode == "1" else index)
    if mode == "P":
        image.putpalette([200, 0, 0, 0, 200, 0])
    image.save(tmp_path / "a.png")
    assert image.mode == mode
    assert TASK.read(tmp_path / "a.png").tolist() == [index.tolist()]


def test_sixteen_bit_files_may_mark_invalid_pixels_either_way(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.array([[0, 2, 255, 65535]], np.uint16))
    assert TASK.read(tmp_path / "a.png").tolist() == [[[0, 2, 255, 255]]]
    assert MANY.read(tmp_path / "a.png").tolist() == [[[0, 2, 255, 65535]]]  # the 256th of 300 classes
    cv2.imwrite(str(tmp_path / "b.png"), np.array([[0, 2, 255]], np.uint8))
    assert MANY.read(tmp_path / "b.png").tolist() == [[[0, 2, 65535]]]


def test_an_index_that_is_no_class_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.array([[0, 77, 255]], np.uint8))
    message = r"a\.png: class index 77, but task 'parts' has 3 classes \(0 … 2, 255 = invalid\); mend the file or the"
    with pytest.raises(InputError, match=message):
        TASK.read(tmp_path / "a.png")
    cv2.imwrite(str(tmp_path / "a.png"), np.array([[300]], np.uint16))
    with pytest.raises(InputError, match="class index 300, but task 'things' has 300 classes"):
        MANY.read(tmp_path / "a.png")
    with pytest.raises(InputError, match="class index 300, but task 'parts'"):
        TASK.read(tmp_path / "a.png")


def test_coloured_files_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: 3 channels; save class indices as a grey or palette PNG"):
        TASK.read(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("none edge", r"task 'x': classes is 'none edge'; give a list of names, for example \[none, edge\]"),
        (None, "task 'x': classes is None; give a list of names"),
        (7, "task 'x': classes is 7; give a list"),
        ([], r"task 'x': classes is \[\]; give at least two"),
        (["floor"], r"task 'x': classes is \['floor'\]; give at least two"),
        (["floor", "wall", "floor"], "task 'x': class 'floor' is listed twice"),
        ([False, True], "task 'x': class False is not a name; give texts, in quotes where YAML needs them"),
        (["floor", ""], "task 'x': class '' is not a name"),
        ([str(i) for i in range(65536)], "task 'x': 65536 classes; files can hold 65535"),
    ],
)
def test_classes_that_are_no_list_of_names_are_refused(classes: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SegmentationTask("x", classes=classes)


def test_pictures_show_each_index_in_a_colour_of_its_own_and_invalid_as_black() -> None:
    label = torch.arange(3, dtype=torch.uint8).view(1, 1, 3)
    picture = TASK.render(torch.cat([label, TASK.invalid(1, 1)], -1))
    assert picture.dtype == np.uint8
    assert len({tuple(colour) for colour in picture[0].tolist()}) == 4
    assert picture[0, 3].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(MANY.render(label), picture[:, :3])
    colours = MANY.render(torch.arange(40, dtype=torch.int32).view(1, 1, 40))[0].astype(int)
    apart = np.abs(colours[:, None] - colours[None]).sum(-1) + 999 * np.eye(40, dtype=int)
    assert apart.min() > 20
