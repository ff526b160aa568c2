"""Augmentation on the device: geometry that takes the labels along, photometry that leaves them alone."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors

from headfreeze.data.augment import PLAIN, Augment, augmented
from headfreeze.data.batch import DeviceBatch
from headfreeze.data.photometric import jpeg, photometric
from headfreeze.tasks.labels import Normals


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def coded_batch(count: int = 24, size: int = 32) -> DeviceBatch:
    """Images whose colours say where a pixel lies, and labels that say the same; the source's first."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    image = torch.stack([x, y, torch.full_like(x, 7)])[None].repeat(count, 1, 1, 1).to(torch.uint8) * 7
    half = count // 2
    normals = torch.nn.functional.normalize(torch.stack([x - 15.5, y - 15.5, torch.full_like(x, 16)]).float(), dim=0)
    classes = (x // 8 + 4 * (y // 8)).to(torch.uint8)[None]
    labels = {
        ("source", "normals"): Normals(normals[None].repeat(half, 1, 1, 1)),
        ("target", "segmentation"): tv_tensors.Mask(classes[None].repeat(count - half, 1, 1, 1)),
    }
    return DeviceBatch(image, labels, half)


def test_none_only_scales_and_keeps_the_labels() -> None:
    batch = coded_batch()
    out = augmented(batch, PLAIN, generator())
    assert torch.equal(out.image, batch.image / 255)
    assert out.image.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(out.labels[k], batch.labels[k]) for k in batch.labels)


def test_labels_move_with_their_pixels() -> None:
    out = augmented(coded_batch(), Augment("geometric"), generator())
    x, y = out.image[:, 0] * 255 / 7, out.image[:, 1] * 255 / 7  # where each pixel came from
    inner = (x > 0.6) & (x < 30.4) & (y > 0.6) & (y < 30.4)  # bilinear colours are exact where no border is near
    classes = out.labels["target", "segmentation"][:, 0]
    sure = inner[12:] & ((x[12:] % 8 - 3.5).abs() < 3.4) & ((y[12:] % 8 - 3.5).abs() < 3.4)
    expected = (x[12:].round() // 8 + 4 * (y[12:].round() // 8)).to(torch.uint8)
    assert (classes == expected)[sure].float().mean() > 0.999
    assert sure.float().mean() > 0.5


def test_mirrored_normals_point_the_other_way_and_nothing_is_blended() -> None:
    batch = coded_batch()
    out = augmented(batch, Augment("geometric"), generator())
    normals = out.labels["source", "normals"]
    assert isinstance(normals, Normals)
    x = out.image[:12, 0] * 255 / 7
    mirrored = (x[:, 16, 0] > x[:, 16, -1])[:, None, None]
    assert mirrored.any()
    assert not mirrored.all()
    # by construction n_x has the sign of x − 15.5, so after mirroring the opposite one
    away = (x - 15.5).abs() > 1
    agree = torch.sign(normals[:, 0]) == torch.where(mirrored, -1, 1) * torch.sign(x - 15.5)
    assert agree[away].all()
    assert torch.allclose(normals.norm(dim=1), torch.ones(()), atol=1e-5)


def test_zoom_never_shrinks_and_varies_by_image() -> None:
    out = augmented(coded_batch(), Augment("geometric", zoom=0.7), generator())
    x = out.image[:, 0] * 255 / 7
    spans = (x.amax((1, 2)) - x.amin((1, 2))) / 31
    assert spans.max() <= 1 + 1e-4
    assert 0.65 < spans.min() < 0.8
    assert spans.std() > 0.03


@pytest.mark.parametrize("mode", ["geometric", "photometric"])
def test_the_generator_alone_decides(mode: str) -> None:
    torch.manual_seed(1)
    first = augmented(coded_batch(), Augment(mode), generator(5)).image
    torch.manual_seed(2)
    assert torch.equal(first, augmented(coded_batch(), Augment(mode), generator(5)).image)
    assert not torch.equal(first, augmented(coded_batch(), Augment(mode), generator(6)).image)


def test_photometric_leaves_the_labels_as_geometric_has_them() -> None:
    a, b = (augmented(coded_batch(), Augment(mode), generator(5)) for mode in ("geometric", "photometric"))
    assert all(torch.equal(a.labels[k], b.labels[k]) for k in a.labels)
    assert not torch.equal(a.image, b.image)


def test_photometric_stays_in_range_differs_by_image_and_keeps_the_scene() -> None:
    picture = torch.rand(1, 3, 8, 8, generator=generator(1))
    image = torch.nn.functional.interpolate(picture, size=48, mode="bilinear").repeat(30, 1, 1, 1)
    out = photometric(image.clone(), generator(2))
    assert out.min() >= 0
    assert out.max() <= 1
    assert out.mean((1, 2, 3)).std() > 0.05
    flat = torch.stack([out.mean(1).flatten(1), image.mean(1).flatten(1)])
    flat = flat - flat.mean(2, keepdim=True)
    correlation = (flat[0] * flat[1]).sum(1) / (flat[0].norm(dim=1) * flat[1].norm(dim=1))
    assert correlation.median() > 0.6


@pytest.mark.parametrize("quality", [25, 50, 80])
def test_jpeg_agrees_with_libjpeg(quality: int) -> None:
    rng = np.random.default_rng(0)
    smooth = torch.nn.functional.interpolate(
        torch.from_numpy(rng.random((1, 3, 6, 6))).float(), size=32, mode="bicubic"
    )
    pixels = (smooth.clamp(0, 1) * 255).round()
    array = pixels[0].permute(1, 2, 0).byte().numpy()
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "jpeg", quality=quality, subsampling=0)
    reference = np.asarray(Image.open(buffer)).astype(float)
    ours = jpeg(pixels / 255, torch.full((1, 1, 1, 1), float(quality)))[0].permute(1, 2, 0).numpy() * 255
    damage = np.abs(reference - array).mean()
    assert np.abs(ours - reference).mean() < 0.25 * damage + 0.5  # libjpeg rounds to whole colours in between


def test_a_batch_of_one_domain_has_no_rows_of_the_other() -> None:
    batch = coded_batch()
    target_only = DeviceBatch(batch.image[12:], {("target", "segmentation"): batch.labels["target", "segmentation"]}, 0)
    out = augmented(target_only, Augment("photometric"), generator())
    assert out.image.shape[0] == 12
    assert out.image[out.rows("source")].shape[0] == 0
