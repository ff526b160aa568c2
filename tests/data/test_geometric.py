"""A turned camera's view, against rays cast into the same room by a camera that was really turned."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.spatial.transform import Rotation
from torch import Tensor
from torchvision import tv_tensors

from headfreeze.data import geometric
from headfreeze.data.augment import Augment, augmented
from headfreeze.data.batch import DeviceBatch
from headfreeze.data.geometric import seen_from_elsewhere
from headfreeze.synth.building import draw_room
from headfreeze.synth.camera import LEVEL, Camera, picture
from headfreeze.synth.raycast import cast
from headfreeze.synth.scene import Room
from headfreeze.tasks.labels import Depth, Normals
from headfreeze.tasks.points import Points

SIZE, FOV_DEG = 96, 60.0


def seen_by(camera: Camera, room: Room, size: int = SIZE) -> dict[str, np.ndarray]:
    """The labels, and a grey image of how far from the camera everything is, which turning it on the spot keeps."""
    rays = camera.rays(size)
    hits = cast(room, camera.position, rays)
    return {
        "image": picture(np.clip(hits.distance * np.linalg.norm(rays, axis=0) / 10, 0, 1), size)[None],
        "normals": picture(np.einsum("ia,ir->ar", camera.frame, hits.normal), size).transpose(2, 0, 1),
        "depth": picture(hits.distance, size)[None],
        "segmentation": picture(room.surface_label[hits.surface], size)[None].astype(np.uint8),
    }


def batch_of(labels: dict[str, np.ndarray]) -> DeviceBatch:
    types = {"normals": Normals, "depth": Depth, "segmentation": tv_tensors.Mask}
    tensors = {name: torch.from_numpy(value.copy())[None] for name, value in labels.items()}
    image = tensors.pop("image").float().repeat(1, 3, 1, 1)
    return DeviceBatch(image, {("source", name): types[name](value) for name, value in tensors.items()}, 1)


@pytest.mark.parametrize("angles", [(12.0, 0.0, 0.0), (0.0, -9.0, 0.0), (0.0, 0.0, 6.0), (-10.0, 7.0, 4.0)])
@pytest.mark.parametrize("seed", [1, 2])
def test_normals_depth_and_classes_are_those_that_rays_of_the_turned_camera_hit(
    angles: tuple[float, float, float], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, camera = draw_room(np.random.default_rng(seed), [LEVEL])
    camera = dataclasses.replace(camera, fov_deg=FOV_DEG)
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix().astype(np.float32)
    turned = dataclasses.replace(camera, frame=camera.frame @ turn.T)
    monkeypatch.setattr(geometric, "_rotations", lambda *_: torch.from_numpy(turn)[None])
    found = seen_from_elsewhere(batch_of(seen_by(camera, room)), torch.Generator(), 1.0, 15.0, FOV_DEG)
    labels = {name: value.as_subclass(Tensor)[0].numpy() for (_, name), value in found.labels.items()}
    expected = seen_by(turned, room)
    seen = labels["depth"][0] > 0
    assert 0.5 < seen.mean() < 1
    assert (np.abs(labels["normals"]).sum(0) > 0)[seen].all()
    assert (labels["segmentation"][0] == 255).sum() == (~seen).sum() == (np.abs(labels["normals"]).sum(0) == 0).sum()
    same = (labels["segmentation"] == expected["segmentation"])[0][seen]
    assert same.mean() > 0.93  # the rest are edges, a pixel apart
    cosine = (labels["normals"] * expected["normals"]).sum(0)[seen]
    assert np.mean(cosine > math.cos(math.radians(0.5))) > 0.93
    ratio = (labels["depth"] / expected["depth"])[0][seen]
    assert np.median(np.abs(ratio - 1)) < 0.01
    assert np.mean(np.abs(ratio - 1) < 0.05) > 0.95
    assert np.median(np.abs(found.image[0, 0].numpy() - expected["image"][0])[seen]) < 0.005


def test_cameras_turn_up_to_the_angle_two_thirds_of_it_sideways_and_a_third_about_their_axis() -> None:
    matrices = geometric._rotations(torch.empty(4000, 3, 2, 2), torch.Generator().manual_seed(0), math.radians(18))
    assert torch.allclose(matrices @ matrices.transpose(1, 2), torch.eye(3).expand(4000, 3, 3), atol=1e-5)
    roll, pitch, yaw = Rotation.from_matrix(matrices.numpy()).as_euler("ZXY", degrees=True).T
    for angles, largest in ((pitch, 18), (yaw, 12), (roll, 6)):
        assert np.abs(angles).max() <= largest + 1e-3
        assert np.quantile(np.abs(angles), 0.5) == pytest.approx(largest / 2, rel=0.1)


def test_a_wide_image_is_turned_by_the_angle_of_view_of_its_longer_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pitch of half the angle of view brings the upper border to the middle: here of a side half as long."""
    height, width = 40, 80
    reach = math.degrees(math.atan(math.tan(math.radians(30)) / 2))
    turn = Rotation.from_euler("x", reach, degrees=True).as_matrix().astype(np.float32)
    monkeypatch.setattr(geometric, "_rotations", lambda *_: torch.from_numpy(turn)[None])
    batch = DeviceBatch(
        torch.zeros(1, 3, height, width), {("source", "depth"): Depth(torch.ones(1, 1, height, width))}, 1
    )
    seen = seen_from_elsewhere(batch, torch.Generator(), 1.0, 10.0, 60.0).labels["source", "depth"][0, 0] > 0
    column = seen[:, width // 2]
    assert abs(int(column.sum()) - height // 2) <= 1
    assert seen[-1].all() != seen[0].all()


def test_no_rotation_leaves_every_label_valid_and_rotation_is_drawn_for_each_image() -> None:
    def batch() -> DeviceBatch:
        labels = {("source", "depth"): Depth(torch.ones(16, 1, 32, 32))}
        return DeviceBatch(torch.zeros(16, 3, 32, 32, dtype=torch.uint8), labels, 16)

    still, turned = (
        augmented(batch(), Augment("geometric", 0.85, degrees), torch.Generator().manual_seed(0)).labels[
            "source", "depth"
        ]
        for degrees in (0.0, 20.0)
    )
    assert (still == 1).all()
    invalid = (turned == 0).float().mean((1, 2, 3))
    assert invalid.std() > 0.02


def projected(points: np.ndarray, height: int, width: int) -> Points:
    """What a pinhole camera of FOV_DEG across the longer side sees: pixels, and z in pixels at the mean distance."""
    focal = max(height, width) / 2 / math.tan(math.radians(FOV_DEG) / 2)
    distance = -points[:, 2]
    x, y = width / 2 + focal * points[:, 0] / distance, height / 2 - focal * points[:, 1] / distance
    z = (distance.mean() - distance) * focal / distance.mean()
    rows = np.stack([x, y, z, np.ones_like(x)], -1)[None]
    return Points(torch.from_numpy(rows).float(), canvas_size=(height, width), mirror=range(len(points)))


@pytest.mark.parametrize("angles", [(12.0, 0.0, 0.0), (0.0, -9.0, 0.0), (0.0, 0.0, 6.0), (-10.0, 7.0, 4.0)])
@pytest.mark.parametrize("shape", [(96, 96), (60, 90)])
def test_points_are_those_that_the_turned_camera_projects(
    angles: tuple[float, float, float], shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = np.random.default_rng(0).uniform(
        (-0.2, -0.35, -2.3), (0.4, 0.25, -1.7), (20, 3)
    )  # x right, y up, z back; metres
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    monkeypatch.setattr(geometric, "_rotations", lambda *_: torch.from_numpy(turn)[None].float())
    batch = DeviceBatch(torch.zeros(1, 3, *shape), {("source", "keypoints"): projected(scene, *shape)}, 1)
    found = seen_from_elsewhere(batch, torch.Generator(), 1.0, 15.0, FOV_DEG).labels["source", "keypoints"]
    expected = projected(scene @ turn.T, *shape)
    assert isinstance(found, Points)
    assert found.canvas_size == shape
    torch.testing.assert_close(found.as_subclass(Tensor), expected.as_subclass(Tensor), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("rotate_deg", [0.0, 15.0])
@pytest.mark.parametrize("shape", [(64, 64), (48, 80)])
def test_points_lie_where_the_augmented_image_shows_them(shape: tuple[int, int], rotate_deg: float) -> None:
    """Mirror, window and turn together: a bright dot in each image stays under its point."""
    rng = np.random.default_rng(0)
    height, width = shape
    places = rng.uniform(0.35, 0.65, (24, 1, 2)) * [width, height]
    y, x = np.mgrid[:height, :width] + 0.5
    drawn = np.exp(-((x - places[..., 0:1]) ** 2 + (y - places[..., 1:2]) ** 2) / 6)
    images = torch.from_numpy(np.repeat(drawn[:, None] * 255, 3, 1)).byte()
    rows = np.concatenate([places, np.full((24, 1, 1), np.nan), np.ones((24, 1, 1))], -1)
    labels = {("target", "keypoints"): Points(torch.from_numpy(rows).float(), canvas_size=shape, mirror=(0,))}
    batch = DeviceBatch(images, labels, 0)
    found = augmented(batch, Augment("geometric", 0.85, rotate_deg, 60.0), torch.Generator().manual_seed(1))
    moved = found.labels["target", "keypoints"].as_subclass(Tensor)
    shown = 0
    for image, point in zip(found.image[:, 0].numpy(), moved[:, 0].numpy(), strict=True):
        if not (5 < point[0] < width - 5 and 5 < point[1] < height - 5):
            continue
        shown += 1
        row, column = ndimage.center_of_mass(image)
        assert np.hypot(column + 0.5 - point[0], row + 0.5 - point[1]) < 0.6
        assert np.isnan(point[2])
    assert shown > 15
    assert (moved[:, 0, :2] - torch.from_numpy(places[:, 0])).norm(dim=-1).mean() > 2


def test_a_smaller_window_enlarges_z(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geometric, "_windows", lambda *_: (torch.tensor([0.5]), torch.tensor([[0.5, 0.0]])))
    label = Points(torch.tensor([[[60.0, 30.0, 4.0, 1.0]]]), canvas_size=(60, 80), mirror=(0,))
    batch = DeviceBatch(torch.zeros(1, 3, 60, 80), {("source", "keypoints"): label}, 1)
    found = seen_from_elsewhere(batch, torch.Generator(), 1.0, 0.0, FOV_DEG).labels["source", "keypoints"]
    assert found[0, 0].tolist() == [40.0, 30.0, 8.0, 1.0]


def test_where_a_turned_camera_sees_a_point_does_not_depend_on_its_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = Rotation.from_euler("y", 12, degrees=True).as_matrix()
    monkeypatch.setattr(geometric, "_rotations", lambda *_: torch.from_numpy(turn)[None].float())
    places = []
    for z in (-100.0, 1.0, 100.0):
        rows = torch.tensor([[[10.0, 12.0, z, 1.0], [30.0, 20.0, -z, 1.0]]])
        label = Points(rows, canvas_size=(48, 48), mirror=(0, 1))
        batch = DeviceBatch(torch.zeros(1, 3, 48, 48), {("source", "keypoints"): label}, 1)
        found = seen_from_elsewhere(batch, torch.Generator(), 1.0, 15.0, 65.0).labels["source", "keypoints"]
        places.append(found.as_subclass(Tensor)[..., :2])
        assert found.as_subclass(Tensor)[..., 2].abs().max() < 1000
    torch.testing.assert_close(places[0], places[1])
    torch.testing.assert_close(places[2], places[1])
