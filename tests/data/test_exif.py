"""Angles of view from the EXIF of real JPEGs."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfreeze.cli import run
from headfreeze.data.convert import convert
from headfreeze.data.exif import camera_exif, exif_of, fov_deg, with_exif
from headfreeze.data.images import image_size, read_image
from tests.data.readers.test_indoor import write_hypersim

CAMERA, ORIENTATION = 0x8769, 0x0112
FOCAL, FOCAL_35MM, PIXELS_X, RESOLUTION_X, UNIT = 0x920A, 0xA405, 0xA002, 0xA20E, 0xA210


def photograph(path: Path, size: tuple[int, int], tags: dict[int, float], orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif.get_ifd(CAMERA).update(tags)
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)
    return path


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_lens_of_50_mm_on_film_sees_what_it_is_known_to(orientation: int, tmp_path: Path) -> None:
    found = fov_deg(photograph(tmp_path / "a.jpg", (36, 24), {FOCAL_35MM: 50}, orientation))
    assert found == pytest.approx(39.6, abs=0.05)  # a full frame's horizontal angle of view


def test_equivalents_refer_to_the_diagonal(tmp_path: Path) -> None:
    found = fov_deg(photograph(tmp_path / "phone.jpg", (40, 30), {FOCAL_35MM: 26}))
    assert found == pytest.approx(math.degrees(2 * math.atan(math.hypot(36, 24) * 0.8 / 2 / 26)))


@pytest.mark.parametrize(("unit", "mm"), [(2, 25.4), (3, 10.0)])
def test_from_the_sensors_resolution_also_when_scaled_down(unit: int, mm: float, tmp_path: Path) -> None:
    tags = {FOCAL: 4.0, RESOLUTION_X: 4000 / 6.4 * mm, UNIT: unit, PIXELS_X: 4000}  # 6.4 mm wide
    found = fov_deg(photograph(tmp_path / "a.jpg", (40, 30), tags))
    assert found == pytest.approx(math.degrees(2 * math.atan(3.2 / 4)), abs=0.01)


@pytest.mark.parametrize("tags", [{}, {FOCAL: 4.0}, {FOCAL: 0.0, RESOLUTION_X: 0.0}, {FOCAL_35MM: 0}])
def test_what_tells_nothing_is_no_angle(tags: dict[int, float], tmp_path: Path) -> None:
    assert fov_deg(photograph(tmp_path / "a.jpg", (40, 30), tags)) is None
    (tmp_path / "b.jpg").write_bytes(b"no image")
    assert fov_deg(tmp_path / "b.jpg") is None


def test_the_check_tells_the_range(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, focal in (("a", 26), ("b", 50)):
        photograph(tmp_path / f"set/train/image/{name}.jpg", (36, 24), {FOCAL_35MM: focal})
    (tmp_path / "set/dataset.yaml").write_text("tasks: {normals: {}}\n")
    run(["data", "check", str(tmp_path / "set")])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "angle of view" in line]
    assert line.split()[3:] == ["40", "…", "69°"]


def test_a_png_made_of_a_photograph_keeps_its_camera_but_is_not_turned_again(tmp_path: Path) -> None:
    jpeg = photograph(tmp_path / "a.jpg", (36, 24), {FOCAL_35MM: 50}, orientation=6)
    upright = read_image(jpeg)
    Image.fromarray(upright).save(tmp_path / "a.png")
    plain = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(with_exif(plain, camera_exif(jpeg)))
    assert fov_deg(tmp_path / "a.png") == fov_deg(jpeg)
    assert image_size(tmp_path / "a.png") == (36, 24)
    assert np.array_equal(read_image(tmp_path / "a.png"), upright)
    assert with_exif(plain, b"") == plain
    (tmp_path / "b.jpg").write_bytes(b"no image")
    assert camera_exif(tmp_path / "b.jpg") == b""


def test_a_photograph_in_heic_keeps_its_angle_of_view(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    jpeg = photograph(tmp_path / "a.jpg", (36, 24), {FOCAL_35MM: 50})
    (tmp_path / "in").mkdir()
    with Image.open(jpeg) as image:
        image.save(tmp_path / "in/a.heic", exif=image.getexif())
    convert("photos", tmp_path / "in", tmp_path / "out")
    assert fov_deg(tmp_path / "out/train/image/a.png") == pytest.approx(39.6, abs=0.05)


@pytest.mark.parametrize(("height", "width", "focal"), [(48, 64, (70.0, 9.0)), (64, 48, (9.0, 70.0)), (9, 9, (1e4, 1))])
def test_a_focal_length_that_a_data_set_tells_is_the_image_s(
    height: int, width: int, focal: tuple[float, float], tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (width, height)).save(path)
    path.write_bytes(with_exif(path.read_bytes(), exif_of(focal, height, width)))
    longer = max(height, width)
    assert fov_deg(path) == pytest.approx(math.degrees(2 * math.atan(longer / 2 / max(focal))), abs=0.01)
    with Image.open(path) as image:
        image.resize((width // 3, height // 3)).save(tmp_path / "small.png", exif=image.getexif())
    assert fov_deg(tmp_path / "small.png") == pytest.approx(fov_deg(path)), "scaled down it sees the same"


def test_a_converted_data_set_tells_its_angle_of_view(tmp_path: Path) -> None:
    write_hypersim(tmp_path / "hypersim")
    convert("hypersim", tmp_path / "hypersim", tmp_path / "out")
    angles = [fov_deg(path) for path in (tmp_path / "out").rglob("image/**/*.png")]
    assert angles
    assert angles == pytest.approx([60.0] * len(angles), abs=0.01)  # π / 3, as its makers say
