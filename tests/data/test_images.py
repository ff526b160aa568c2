"""Photographs of every kind, written by Pillow as real files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfreeze.data.images import image_size, read_image
from headfreeze.errors import InputError

ARRAY = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def test_rgb_is_read_as_it_is(tmp_path: Path) -> None:
    assert (read_image(saved(Image.fromarray(ARRAY), tmp_path / "a.png")) == ARRAY).all()


def test_grey_is_repeated(tmp_path: Path) -> None:
    read = read_image(saved(Image.fromarray(ARRAY[..., 0]), tmp_path / "a.png"))
    assert (read == ARRAY[..., :1]).all()
    assert read.shape == (6, 9, 3)


def test_transparency_is_dropped_and_the_colours_below_it_stay(tmp_path: Path) -> None:
    rgba = np.dstack([ARRAY, np.zeros((6, 9), np.uint8)])
    assert (read_image(saved(Image.fromarray(rgba), tmp_path / "a.png")) == ARRAY).all()


def test_palettes_become_their_colours(tmp_path: Path) -> None:
    flat = np.zeros((4, 4, 3), np.uint8) + np.array([10, 200, 30], np.uint8)
    assert (read_image(saved(Image.fromarray(flat).quantize(8), tmp_path / "a.png")) == flat).all()


def test_16_bit_grey_is_scaled_to_8_bit(tmp_path: Path) -> None:
    deep = np.array([[0, 257, 32896, 65535]], np.uint16)
    assert read_image(saved(Image.fromarray(deep), tmp_path / "a.png"))[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied_to_pixels_and_to_the_size(tmp_path: Path, orientation: int) -> None:
    # closed form: the transformations of the EXIF standard, as numpy operations on the stored array
    upright = {
        1: ARRAY,
        2: ARRAY[:, ::-1],
        3: ARRAY[::-1, ::-1],
        4: ARRAY[::-1],
        5: ARRAY.transpose(1, 0, 2),
        6: np.rot90(ARRAY, -1),
        7: np.rot90(ARRAY, 2).transpose(1, 0, 2),
        8: np.rot90(ARRAY, 1),
    }[orientation]
    image = Image.fromarray(ARRAY)
    exif = image.getexif()
    exif[0x0112] = orientation
    path = saved(image, tmp_path / "a.png", exif=exif)
    assert (read_image(path) == upright).all()
    assert image_size(path) == upright.shape[:2]


def test_a_truncated_jpeg_is_refused_in_one_line(tmp_path: Path) -> None:
    path = saved(Image.fromarray(ARRAY).resize((200, 200)), tmp_path / "cut.jpg")
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(
        InputError, match=r"cut\.jpg: cannot be read as an image \(.*[Tt]runcated.*\); replace or remove"
    ):
        read_image(path)


@pytest.mark.parametrize("read", [read_image, image_size])
def test_an_empty_file_and_a_missing_one_are_told_apart(tmp_path: Path, read: object) -> None:
    assert callable(read)
    (tmp_path / "empty.png").touch()
    with pytest.raises(InputError, match=r"empty\.png: .*empty or not an image"):
        read(tmp_path / "empty.png")
    with pytest.raises(InputError, match=r"gone\.png: .*no such file"):
        read(tmp_path / "gone.png")


def test_floating_point_images_are_refused(tmp_path: Path) -> None:
    path = saved(Image.fromarray(np.ones((3, 3), np.float32)), tmp_path / "float.tiff")
    with pytest.raises(InputError, match=r"float\.tiff: floating-point image; save it as 8- or 16-bit PNG"):
        read_image(path)


def test_an_image_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(Image.fromarray(ARRAY), tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(InputError, match=r"bomb\.png: cannot be read as an image"):
        read_image(path)
