import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from headfreeze.errors import InputError
from headfreeze.tasks import make_task
from headfreeze.tasks.keypoints import KeypointsTask
from headfreeze.tasks.point_orders import MULTI_PIE
from headfreeze.tasks.points import Points

TASK = KeypointsTask(count=3, mirror=[[0, 1]], eyes=[0, 1])
SIZE = 32, 48
STRIDE = 2
SIGMA_PX = 1.0  # the least, for 1.75 / 64 of 16 pixels are 0.44
NAN = math.nan


def label(*images: list[tuple[float, float, float]]) -> Points:
    rows = [[[x, y, z, 1.0] for x, y, z in points] for points in images]
    return TASK.wrap(torch.tensor(rows), SIZE)


POINTS = [(10.0, 9.0, 3.0), (30.0, 8.5, -1.0), (21.0, 20.0, 4.0)]


def numpy_heatmaps(points: list[tuple[float, float, float]], sigma: float) -> np.ndarray:
    y, x = np.mgrid[: SIZE[0] // STRIDE, : SIZE[1] // STRIDE] + 0.5
    return np.stack([np.exp(-((x - a / STRIDE) ** 2 + (y - b / STRIDE) ** 2) / (2 * sigma**2)) for a, b, _ in points])


def test_multi_pie_swaps_each_point_with_its_opposite() -> None:
    mirror = MULTI_PIE.mirror
    assert sorted(mirror) == list(range(68))
    assert all(mirror[mirror[i]] == i for i in range(68))
    own = [i for i in range(68) if mirror[i] == i]
    assert own == [
        8,
        27,
        28,
        29,
        30,
        33,
        51,
        57,
        62,
        66,
    ]  # chin, ridge and tip of the nose, its base, middles of the lips
    assert (mirror[0], mirror[17], mirror[21], mirror[31], mirror[36], mirror[39]) == (16, 26, 22, 35, 45, 42)
    assert (mirror[41], mirror[48], mirror[60], mirror[67], mirror[59], mirror[49]) == (46, 54, 64, 65, 55, 53)


@pytest.mark.shared
def test_mirrored_real_faces_look_like_faces(shared_data: Path) -> None:
    """The mean of many faces is near its own mirror image in every point."""
    task = make_task("keypoints", {"count": 68, "order": "multi-pie"})
    faces = [task.read(path)[:, :2] for path in sorted(shared_data.glob("real_faces_landmarks/train/keypoints/*.npy"))]
    mean = torch.stack([face - face[27:31].mean(0) for face in faces]).mean(0)
    mirrored = mean[list(MULTI_PIE.mirror)] * torch.tensor([-1.0, 1.0])
    width = mean[16, 0] - mean[0, 0]
    assert (mirrored - mean).norm(dim=-1).max() < 0.06 * width


def test_the_loss_is_the_share_of_the_heatmaps_and_depths_that_is_missed() -> None:
    sigma = SIGMA_PX
    wanted = numpy_heatmaps(POINTS, sigma)
    rng = np.random.default_rng(0)
    output = rng.normal(0, 0.3, (1, *wanted.shape))
    vector = rng.normal(0, 0.05, (1, 3))
    found = TASK.loss(torch.from_numpy(output).float(), label(POINTS), torch.from_numpy(vector).float())
    z = np.array([3.0, -1.0, 4.0]) / min(SIZE)
    z -= z.mean()
    heat = ((output[0] - wanted) ** 2).sum() / (wanted**2).sum()
    depth = np.abs(vector[0] - vector[0].mean() - z).sum() / np.abs(z).sum()
    assert found.item() == pytest.approx(heat + depth, rel=1e-4)
    heat_alone = TASK.loss(torch.from_numpy(output).float(), label(POINTS))
    assert heat_alone.item() == pytest.approx(heat, rel=1e-4)


def test_predicting_nothing_costs_one_for_each_part_and_the_truth_nothing() -> None:
    nothing = TASK.loss(torch.zeros(1, 3, 16, 24), label(POINTS), torch.zeros(1, 3))
    assert nothing.item() == pytest.approx(2.0)
    truth = torch.from_numpy(numpy_heatmaps(POINTS, SIGMA_PX)).float()[None]
    depths = torch.tensor([[3.0, -1.0, 4.0]]) / 32 + 7  # whatever their origin
    assert TASK.loss(truth, label(POINTS), depths).item() == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("missing", [(NAN, NAN, NAN), (60.0, 5.0, NAN), (10.0, -1.0, NAN)])
def test_points_without_a_label_or_outside_of_the_image_count_for_nothing(missing: tuple[float, float, float]) -> None:
    output = torch.randn(1, 3, 16, 24, generator=torch.Generator().manual_seed(0), requires_grad=True)
    vector = torch.randn(1, 3, generator=torch.Generator().manual_seed(1), requires_grad=True)
    TASK.loss(output, label([*POINTS[:2], missing]), vector).backward()
    assert output.grad is not None
    assert vector.grad is not None
    assert not output.grad[0, 2].any()
    assert vector.grad[0].tolist() == pytest.approx([vector.grad[0, 0].item(), -vector.grad[0, 0].item(), 0])
    assert output.grad[0, :2].abs().sum() > 0


def test_labels_in_the_plane_train_the_heatmaps_alone() -> None:
    vector = torch.randn(1, 3, requires_grad=True)
    flat = [(x, y, NAN) for x, y, _ in POINTS]
    TASK.loss(torch.zeros(1, 3, 16, 24), label(flat), vector).backward()
    assert vector.grad is not None
    assert not vector.grad.any()


def test_a_batch_without_any_label_has_no_loss_and_no_gradient() -> None:
    output, vector = torch.randn(2, 3, 16, 24, requires_grad=True), torch.randn(2, 3, requires_grad=True)
    empty = TASK.wrap(torch.stack([TASK.invalid(*SIZE).as_subclass(Tensor)] * 2), SIZE)
    loss = TASK.loss(output, empty, vector)
    loss.backward()
    assert loss.item() == 0
    assert output.grad is not None
    assert not output.grad.any()


def test_decoding_finds_the_points_in_pixels_of_the_map() -> None:
    heat = torch.from_numpy(numpy_heatmaps(POINTS, SIGMA_PX)).float()[None]
    decoded = TASK.decode(heat, torch.tensor([[0.2, 0.1, 0.0]]))[0]
    places = torch.tensor(POINTS)[:, :2] / STRIDE
    assert (decoded[:, :2] - places).abs().max() < 0.15
    assert decoded[:, 2].tolist() == pytest.approx([1.6, 0, -1.6], abs=1e-5)
    assert (decoded[:, 3] > 0.5).all()
    assert TASK.decode(heat)[0, :, 2].isnan().all()


@pytest.mark.parametrize("columns", [2, 3, 4])
@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_files_hold_two_to_four_columns(columns: int, suffix: str, tmp_path: Path) -> None:
    values = np.arange(3 * columns, dtype=np.float32).reshape(3, columns)
    path = tmp_path / f"a{suffix}"
    if suffix == ".npy":
        np.save(path, values)
    else:
        path.write_text(json.dumps([[None if v == 1 else v for v in row] for row in values.tolist()]))
        values[0, 1] = NAN
    read = TASK.read(path)
    np.testing.assert_array_equal(read[:, :columns].numpy(), values)
    assert read[:, columns:].isnan().all()
    again = TASK.read(TASK.write(read, tmp_path / f"b{suffix}"))
    np.testing.assert_array_equal(again.numpy(), read.numpy())


def test_infinite_coordinates_are_not_known(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[np.inf, 1], [1, 2], [3, -np.inf]]))
    read = TASK.read(tmp_path / "a.npy")
    assert TASK.valid(read).squeeze(-1).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((4, 2)), r"a.npy: 4 points, but task 'keypoints' has 3; mend the file, or count in dataset.yaml"),
        (np.zeros((3, 5)), r"a.npy: float64 values of shape \(3, 5\); keypoints are \(points, 2 … 4\) numbers"),
        (np.zeros(6), r"a.npy: float64 values of shape \(6,\)"),
        (np.zeros((3, 2), complex), r"a.npy: complex128 values of shape"),
        (np.full((3, 2), 1e9), r"a.npy: a coordinate of 1e\+09; coordinates are pixels of the image"),
        ("[[1, 2], [3]]", r"a.json: not a list of points \[\[x, y\], …\] of equal length"),
        ("[[1, 2", r"a.json: not a list of points"),
        (f"[[1{'0' * 400}, 2], [1, 2], [1, 2]]", r"a.json: not a list of points"),
        ("[[1e300, 2], [1, 2], [1, 2]]", r"a.json: a coordinate of 1e\+300; coordinates are pixels"),
        ("[[true, 2], [1, 2], [1, 2]]", r"a.json: .*a value is neither a number nor null"),
        ("{}", r"a.json: not a list of points"),
        ('[["a", 2], [1, 2], [1, 2]]', r"a.json: not a list of points"),
        ("\udc80", r"a.json: not a list of points"),
        ("", r"a.json: not a list of points"),
    ],
)
def test_what_cannot_be_keypoints_is_refused(content: np.ndarray | str, message: str, tmp_path: Path) -> None:
    path = tmp_path / ("a.json" if isinstance(content, str) else "a.npy")
    if isinstance(content, str):
        path.write_bytes(content.encode(errors="surrogateescape"))
    else:
        np.save(path, content)
    with pytest.raises(InputError, match=message):
        TASK.read(path)


def test_points_are_drawn_where_they_are() -> None:
    points = TASK.wrap(torch.tensor([[10, 9, 3.0, 1], [30, 8.5, -1.0, 1], [NAN] * 4]), SIZE)
    picture = TASK.render(points)
    assert picture.shape == (*SIZE, 3)
    near, far = picture[9, 10].astype(int), picture[8, 30].astype(int)
    assert near[0] > near[2]
    assert far[2] > far[0]
    assert not picture[20:].any()
    photo = np.full((*SIZE, 3), 200, np.uint8)
    drawn = TASK.render(points, photo)
    assert (drawn[20:] == 200).all()
    assert (photo == 200).all()


@pytest.mark.parametrize(("side", "expected"), [(64, 1.75), (128, 3.5), (16, 1.0)])
def test_the_gaussians_are_as_wide_as_fans(side: int, expected: float) -> None:
    points = TASK.wrap(torch.tensor([[[side + 1.0, side + 1.0, 0, 1]] * 3]), (2 * side, 2 * side))
    y, x = np.mgrid[:side, :side] - side / 2
    wanted = torch.from_numpy(np.exp(-(x**2 + y**2) / 2 / expected**2)).float().expand(1, 3, side, side)
    assert TASK.loss(wanted, points).item() == pytest.approx(0, abs=1e-9)


def test_z_that_is_the_same_for_all_points_is_not_known() -> None:
    """So are points in the plane often written that need a fourth column."""
    vector = torch.randn(1, 3, requires_grad=True)
    output = torch.zeros(1, 3, 16, 24, requires_grad=True)
    TASK.loss(output, label([(x, y, 7.0) for x, y, _ in POINTS]), vector).backward()
    assert vector.grad is not None
    assert not vector.grad.any()
    nearly = TASK.loss(
        torch.zeros(1, 3, 16, 24), label([(x, y, 1e-4 * i) for i, (x, y, _) in enumerate(POINTS)]), vector
    )
    assert nearly.item() < 1 + 1000 * vector.detach().abs().max().item() * 2


def test_depths_are_shares_of_the_side_of_a_training_window() -> None:
    heat = torch.zeros(1, 3, 40, 60)
    vector = torch.tensor([[0.2, 0.1, 0.0]])
    assert TASK.decode(heat, vector)[0, :, 2].tolist() == pytest.approx([4, 0, -4], abs=1e-5)
    assert TASK.decode(heat, vector, 20)[0, :, 2].tolist() == pytest.approx([2, 0, -2], abs=1e-5)


@pytest.mark.parametrize(
    ("size", "stride"), [(17, 8), (33, 8), (41, 8), (49, 8), (5, 2), (9, 4), (48, 2), (47, 2), (31, 1)]
)
def test_a_map_of_any_resolution_shows_points_where_they_are(size: int, stride: int) -> None:
    points = TASK.wrap(torch.tensor([[[size * 0.6, size * 0.4, 0, 1]] * 3]), (size, size))
    cells = -(-size // stride)
    y, x = (np.mgrid[:cells, :cells] + 0.5) * stride
    heat = np.exp(-((x - size * 0.6) ** 2 + (y - size * 0.4) ** 2) / 2 / (stride * max(1, 1.75 / 64 * cells)) ** 2)
    wanted = torch.from_numpy(heat).float().expand(1, 3, cells, cells)
    assert TASK.loss(wanted, points).item() == pytest.approx(0, abs=1e-6)
