import copy
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional
from torchvision.transforms.v2.functional._utils import _get_kernel

from headfreeze.errors import InputError
from headfreeze.tasks.labels import DenseLabel, Depth, Normals, nonzero
from tests.tasks.scenes import angles_deg, plane, random_normals, sphere

OTHER_TYPES = ("_image", "_mask", "_video", "_keypoints", "_bounding_boxes")


def geometric_functions() -> list[str]:
    return [
        name
        for name, value in vars(functional).items()
        if getattr(value, "__module__", "").endswith("_geometry") and not name.endswith(OTHER_TYPES)
    ]


@pytest.mark.parametrize("kind", [Normals, Depth])
@pytest.mark.parametrize("name", geometric_functions())
def test_every_geometric_function_of_v2_is_defined_or_refused(name: str, kind: type[DenseLabel]) -> None:
    assert callable(_get_kernel(getattr(functional, name), kind))


def test_the_list_of_geometric_functions_is_not_empty() -> None:
    assert {"resize", "rotate", "elastic", "ten_crop", "horizontal_flip", "pad"} <= set(geometric_functions())


def test_mirrored_sphere_has_the_normals_of_the_mirrored_scene() -> None:
    label = Normals(sphere(32, 9, center=(5, 3), tilt=(0.3, 0.1)))
    mirrored = functional.horizontal_flip(label)
    assert isinstance(mirrored, Normals)
    torch.testing.assert_close(torch.Tensor(mirrored), sphere(32, 9, center=(-5, 3), tilt=(-0.3, 0.1)))
    upside_down = functional.vertical_flip(label)
    torch.testing.assert_close(torch.Tensor(upside_down), sphere(32, 9, center=(5, -3), tilt=(0.3, -0.1)))


def test_flipping_twice_gives_the_label_back_to_the_bit() -> None:
    for label in (Normals(random_normals(2, 3, 5, 7, invalid=0.3)), Depth(torch.rand(2, 1, 5, 7))):
        for flip in (functional.horizontal_flip, functional.vertical_flip):
            assert torch.equal(flip(flip(label)), label)


@pytest.mark.parametrize("angle", [90.0, 180.0, -90.0, 37.0, -120.0])
def test_turned_sphere_has_the_normals_of_the_turned_scene(angle: float) -> None:
    center, tilt = torch.tensor([14.0, 6.0]), torch.tensor([0.3, 0.1])
    cos, sin = torch.tensor(angle).deg2rad().cos(), torch.tensor(angle).deg2rad().sin()
    turn = torch.stack([torch.stack([cos, -sin]), torch.stack([sin, cos])])
    expected = sphere(128, 40, tuple((turn @ center).tolist()), tuple((turn @ tilt).tolist()))
    label = Normals(sphere(128, 40, tuple(center.tolist()), tuple(tilt.tolist())))
    for turned in (
        functional.rotate(label, angle),
        functional.rotate(label, angle, interpolation=InterpolationMode.BILINEAR, fill=[1.0, 1.0, 1.0]),
        functional.affine(label, angle=-angle, translate=[0, 0], scale=1.0, shear=[0.0, 0.0], fill=1.0),
    ):
        assert isinstance(turned, Normals)
        both = (nonzero(turned) & nonzero(expected)).squeeze(0)
        assert both.sum() > 0.97 * nonzero(expected).sum()
        errors = angles_deg(turned, expected)[both]
        assert errors.mean() < 0.8  # half a pixel of 40 is 0.7° in the middle of the sphere
        assert errors.quantile(0.99) < 4


def test_corners_that_a_rotation_uncovers_are_invalid() -> None:
    turned = functional.rotate(Depth(torch.full((1, 9, 9), 2.0)), 45, fill=7.0)
    assert turned[0, 0, 0] == 0
    assert turned[0, 4, 4] == 2
    assert functional.rotate(Depth(torch.full((1, 9, 9), 2.0)), 45, expand=True).shape == (1, 13, 13)


def test_affine_moves_and_scales_and_leaves_normals_and_metres_as_they_are() -> None:
    for label in (Normals(plane((0.3, 0.2, 1))), Depth(torch.full((1, 8, 8), 2.5))):
        moved = functional.affine(label, angle=0, translate=[2, 0], scale=1.0, shear=[0.0, 0.0])
        assert torch.equal(moved[:, :, 2:], label[:, :, 2:])
        assert not moved[:, :, :2].any()
        zoomed = functional.affine(label, angle=0, translate=[0, 0], scale=2.0, shear=[0.0, 0.0])
        assert torch.equal(zoomed, label)


@pytest.mark.parametrize("kind", [Normals, Depth])
def test_what_is_no_view_of_the_same_scene_is_refused(kind: type[DenseLabel]) -> None:
    label = kind(torch.ones(3 if kind is Normals else 1, 64, 64))
    with pytest.raises(InputError, match=rf"shear \[10.0, 0.0\] is not defined for {kind.__name__}"):
        functional.affine(label, angle=0, translate=[0, 0], scale=1.0, shear=[10.0, 0.0])
    with pytest.raises(InputError, match=f"perspective is not defined for {kind.__name__}"):
        v2.RandomPerspective(p=1.0)(tv_tensors.Image(torch.zeros(3, 64, 64)), label)
    with pytest.raises(InputError, match=f"elastic is not defined for {kind.__name__}"):
        v2.ElasticTransform()(tv_tensors.Image(torch.zeros(3, 64, 64)), label)


def test_resize_of_a_plane_with_holes_gives_the_plane_where_most_sources_are_valid() -> None:
    label = plane((0.5, -0.2, 0.8), size=12)
    holes = torch.rand(12, 12, generator=torch.Generator().manual_seed(1)) < 0.3
    for kind, full in ((Normals, label), (Depth, torch.full((1, 12, 12), 3.7))):
        with_holes = kind(torch.where(holes, 0.0, full))
        for size in ([6, 6], [5, 7], [20, 17]):
            resized = functional.resize(with_holes, size)
            valid = nonzero(resized)[0]
            expected = functional.resize(kind(full), size)
            assert 0 < valid.sum() < valid.numel()
            torch.testing.assert_close(torch.Tensor(resized)[:, valid], torch.Tensor(expected)[:, valid])


def test_halving_follows_the_closed_form_of_the_triangle_filter() -> None:
    row = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    label = Depth(row.expand(1, 8, 8).clone())
    label[..., 4:] = 0
    weights = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8  # of the sources 2i - 1 … 2i + 2 of the output i
    resized = functional.resize(label, [8, 4])[0, 4]
    assert resized[1] == pytest.approx(float((weights[:3] * row[1:4]).sum() / weights[:3].sum()))
    assert resized[2] == 0  # one of eight parts of its weight is valid
    assert resized[3] == 0


def test_half_a_weight_is_no_majority() -> None:
    label = Depth(torch.tensor([[[2.0, 0.0], [2.0, 0.0]]]))
    assert functional.resize(label, [1, 1]).item() == 0
    label = Depth(torch.tensor([[[2.0, 0.0], [2.0, 4.0]]]))
    assert functional.resize(label, [1, 1]).item() == pytest.approx(8 / 3)


def test_opposite_normals_that_cancel_out_are_invalid() -> None:
    label = Normals(torch.tensor([1.0, -1.0]).expand(3, 2, 2) / 3**0.5)
    assert not functional.resize(label, [1, 1]).any()


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 99))
def test_resized_normals_are_unit_or_zero_and_depth_stays_in_range(h: int, w: int, invalid: float, seed: int) -> None:
    normals = functional.resize(Normals(random_normals(2, 3, 6, 9, seed=seed, invalid=invalid)), [h, w])
    lengths = torch.Tensor(normals).square().sum(-3).sqrt()
    assert (((lengths - 1).abs() < 1e-5) | (lengths == 0)).all()
    depth = torch.rand(1, 6, 9, generator=torch.Generator().manual_seed(seed)) + 1
    depth = depth * nonzero(random_normals(3, 6, 9, seed=seed, invalid=invalid))
    resized = functional.resize(Depth(depth), [h, w])
    valid = resized[resized > 0]
    assert ((valid >= 1 - 1e-5) & (valid <= depth.max() + 1e-5)).all()


@pytest.mark.parametrize("mode", [InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT, 0])
def test_nearest_resize_only_copies(mode: InterpolationMode | int) -> None:
    label = Depth(torch.rand(1, 6, 6))
    assert set(functional.resize(label, [3, 9], interpolation=mode).unique().tolist()) <= set(label.unique().tolist())


def test_bicubic_is_treated_as_bilinear() -> None:
    label = Normals(random_normals(3, 9, 9, invalid=0.2))
    assert torch.equal(
        functional.resize(label, [4, 4], interpolation=InterpolationMode.BICUBIC), functional.resize(label, [4, 4])
    )


def test_padding_is_invalid_whatever_the_fill_and_the_mode() -> None:
    label = Depth(torch.full((1, 4, 4), 3.0))
    for padded in (
        functional.pad(label, [1, 2], fill=9),
        functional.pad(label, [1, 2], padding_mode="reflect"),
        v2.Pad([1, 2], fill=5)(label),
        functional.crop(label, -2, -1, 8, 6),
        functional.center_crop(label, [8, 6]),
    ):
        assert isinstance(padded, Depth)
        assert padded.shape == (1, 8, 6)
        assert (padded > 0).sum() == 16
        assert torch.equal(padded[:, 2:6, 1:5], label)


def test_resized_crop_is_a_crop_and_a_resize() -> None:
    label = Normals(random_normals(3, 12, 12, invalid=0.3))
    cropped = functional.resized_crop(label, 2, 3, 8, 6, [4, 4])
    assert torch.equal(cropped, functional.resize(functional.crop(label, 2, 3, 8, 6), [4, 4]))


def test_five_and_ten_crops_are_labels_and_the_mirrored_half_is_mirrored() -> None:
    label = Normals(random_normals(3, 6, 6))
    five = functional.five_crop(label, [4, 4])
    assert all(isinstance(each, Normals) for each in five)
    assert torch.equal(five[3], functional.crop(label, 2, 2, 4, 4))
    for vertical, flip in ((False, functional.horizontal_flip), (True, functional.vertical_flip)):
        ten = functional.ten_crop(label, [4, 4], vertical_flip=vertical)
        assert all(torch.equal(a, b) for a, b in zip(ten[5:], functional.five_crop(flip(label), [4, 4]), strict=True))


@pytest.mark.parametrize("leading", [(), (2,), (2, 3)])
def test_any_leading_axes_give_the_same_as_one_label_alone(leading: tuple[int, ...]) -> None:
    label = Normals(random_normals(3, 8, 8, invalid=0.2))
    stacked = Normals(torch.Tensor(label).expand(*leading, 3, 8, 8).clone())
    for change in (
        lambda x: functional.horizontal_flip(x),
        lambda x: functional.resize(x, [5, 3]),
        lambda x: functional.rotate(x, 20),
        lambda x: functional.pad(x, [1]),
        lambda x: functional.affine(x, angle=5, translate=[1, 1], scale=1.2, shear=[0.0, 0.0]),
    ):
        one, many = change(label), change(stacked)
        assert many.shape[:-3] == leading
        torch.testing.assert_close(torch.Tensor(many), torch.Tensor(one).expand(many.shape))


def test_an_image_and_its_labels_go_through_transforms_together() -> None:
    pipeline = v2.Compose([v2.RandomResizedCrop(6), v2.RandomHorizontalFlip(1.0), v2.RandomRotation(10)])
    image, normals, depth, mask = pipeline(
        tv_tensors.Image(torch.zeros(3, 12, 12)),
        Normals(random_normals(3, 12, 12)),
        Depth(torch.ones(1, 12, 12)),
        tv_tensors.Mask(torch.zeros(1, 12, 12, dtype=torch.uint8)),
    )
    assert image.shape == normals.shape == (3, 6, 6)
    assert depth.shape == mask.shape == (1, 6, 6)
    assert (type(normals), type(depth)) == (Normals, Depth)


def test_labels_survive_copies_and_other_processes() -> None:
    label = Normals(random_normals(3, 4, 4))
    for twin in (copy.deepcopy(label), pickle.loads(pickle.dumps(label))):
        assert isinstance(twin, Normals)
        assert torch.equal(twin, label)


def test_labels_tell_their_size() -> None:
    assert functional.get_size(Depth(torch.zeros(2, 1, 4, 5))) == [4, 5]
    assert functional.get_dimensions(Normals(torch.zeros(2, 3, 4, 5))) == [3, 4, 5]
    assert functional.get_num_channels(Normals(torch.zeros(2, 3, 4, 5))) == 3
