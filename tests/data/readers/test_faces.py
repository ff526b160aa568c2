"""Data sets of faces in miniature, photographs and videos: a ball with known normals, points at known places."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from headfreeze.cli import run
from headfreeze.data.convert import convert
from headfreeze.data.images import read_image
from headfreeze.data.readers import open_reader
from headfreeze.data.readers.facesynthetics import CLASSES
from headfreeze.errors import InputError
from tests.boxroom import angles_deg
from tests.damage import DAMAGES, assert_refused, spoil
from tests.photos import write_photos, write_video

SIZE = 40


def ball(number: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """An image, and the normals of an off-centre ball on nothing."""
    x, y = np.meshgrid(np.arange(SIZE) + 0.5 - 22, 17 - (np.arange(SIZE) + 0.5))
    radius = 13 + number
    z = np.sqrt(np.maximum(radius**2 - x**2 - y**2, 0))
    normals = np.stack([x, y, z], -1) / radius * (z > 0)[..., None]
    shade = 0.2 + 0.8 * np.clip(normals @ [0.4, 0.7, 0.6], 0, 1)
    return (shade[..., None] * [230, 180, 150]).astype(np.uint8), normals


def points(number: int = 0) -> np.ndarray:
    """68 of them: x and y in pixels from the corner, y down; z toward the viewer, 0 on average."""
    found = np.random.default_rng(number).uniform(5, 35, (68, 3))
    found[:, 2] -= found[:, 2].mean()
    return found


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **({"quality": 95} if path.suffix == ".jpg" else {}))


def write_sfsnet(root: Path) -> None:
    for number in range(3):
        image, normals = ball(number)
        folder, stem = root / "DATA_pose_15" / f"{number // 2 + 1:04d}", f"{number + 1:06d}"
        save(folder / f"{stem}_face_1_2.png", image)
        save(folder / f"{stem}_normal_1_2.png", np.round((normals + 1) / 2 * 255).astype(np.uint8))
        save(folder / f"{stem}_mask_1_2.png", np.repeat(normals.any(-1, keepdims=True) * np.uint8(255), 3, -1))


def write_300wlp(root: Path) -> None:
    for folder, flip in (("AFW", False), ("AFW_Flip", True)):
        for number, stem in enumerate(("AFW_134212_1_0", "AFW_134212_1_3", "AFW_777_2_0")):
            x, y, z = points(number).T
            save(root / folder / f"{stem}.jpg", ball(number)[0])
            theirs = np.stack([SIZE - x if flip else x, y, z]) + np.array([[0.5], [0.5], [17]])
            savemat(root / folder / f"{stem}.mat", {"pt3d_68": theirs} if number else {"pt2d": theirs[:2]})
            (root / "landmarks" / folder).mkdir(parents=True, exist_ok=True)
            savemat(root / "landmarks" / folder / f"{stem}_pts.mat", {"pts_3d": theirs[:2].T})


def write_aflw(root: Path) -> None:
    for number in range(3):
        save(root / f"image{number:05d}.jpg", ball(number)[0])
        savemat(root / f"image{number:05d}.mat", {"pt3d_68": points(number).T + np.array([[0.5], [0.5], [-8]])})


def write_synthetics(root: Path) -> None:
    for number in range(3):
        save(root / f"{number:06d}.png", ball(number)[0])
        classes = np.full((SIZE, SIZE), 255, np.uint8)
        classes[: SIZE // 2] = np.arange(SIZE) % 19
        save(root / f"{number:06d}_seg.png", classes)
        lines = [f"{x:.6f} {y:.6f}" for x, y, _ in np.concatenate([points(number), [[1, 1, 1], [2, 2, 2]]])]
        (root / f"{number:06d}_ldmks.txt").write_text("\n".join(lines) + "\n")


@dataclass(frozen=True)
class Layout:
    write: Callable[[Path], None]
    frames: tuple[tuple[str, str, str | None], ...]


LAYOUTS = {
    "sfsnet": Layout(
        write_sfsnet,
        (
            ("0001/000001_1_2", "0001/000001", None),
            ("0001/000002_1_2", "0001/000002", None),
            ("0002/000003_1_2", "0002/000003", None),
        ),
    ),
    "300w-lp": Layout(
        write_300wlp,
        (
            ("AFW/AFW_134212_1_0", "AFW/AFW_134212_1", None),
            ("AFW/AFW_134212_1_3", "AFW/AFW_134212_1", None),
            ("AFW/AFW_777_2_0", "AFW/AFW_777_2", None),
        ),
    ),
    "aflw2000": Layout(write_aflw, tuple((f"image{n:05d}", f"image{n:05d}", "test") for n in range(3))),
    "facesynthetics": Layout(write_synthetics, tuple((f"{n:06d}", f"{n:06d}", None) for n in range(3))),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_face_comes_out_as_it_is(name: str, tmp_path: Path) -> None:
    LAYOUTS[name].write(tmp_path)
    reader = open_reader(name, tmp_path)
    frames = reader.frames()
    assert tuple((frame.id, frame.group, frame.split) for frame in frames) == LAYOUTS[name].frames
    for number, frame in enumerate(frames):
        found, (image, normals) = reader.read(frame), ball(number)
        pixels = read_image(found.image) if isinstance(found.image, Path) else found.image
        assert np.abs(pixels.astype(int) - image).mean() < 3
        assert found.labels.keys() == reader.tasks().keys()
        if "normals" in found.labels:
            assert angles_deg(found.labels["normals"], normals).max() < 1
            assert np.array_equal(found.labels["normals"].any(-1), normals.any(-1))
            assert np.array_equal(found.labels["mask"], normals.any(-1))
        if "keypoints" in found.labels:
            given = found.labels["keypoints"]
            assert np.allclose(given, points(number)[:, : given.shape[1]], atol=1e-3)
            assert given.shape[1] == (3 if name == "aflw2000" or (name == "300w-lp" and number) else 2)


def test_mirrored_copies_are_of_the_group_of_what_they_mirror(tmp_path: Path) -> None:
    write_300wlp(tmp_path)
    frames = open_reader("300w-lp", tmp_path, {"flipped": "true"}).frames()
    assert len(frames) == 6
    assert len({frame.id for frame in frames}) == 6
    assert {frame.group for frame in frames} == {"AFW/AFW_134212_1", "AFW/AFW_777_2"}


def test_mirrored_copies_without_landmarks_say_so(tmp_path: Path) -> None:
    root = tmp_path / "300W_LP"
    write_300wlp(root)
    shutil.rmtree(root / "landmarks/AFW_Flip")
    for path in root.glob("*_Flip/*.mat"):
        savemat(path, {"pt2d": np.zeros((2, 21))})
    assert sum(convert("300w-lp", root, tmp_path / "made").counts.values()) == 3
    with pytest.raises(
        InputError, match=r"AFW_Flip/.*.mat: a mirrored copy without landmarks: .*; leave flipped=false"
    ):
        convert("300w-lp", root, tmp_path / "both", settings={"flipped": "true"}, workers=1)


def test_aflw2000_has_no_mirrored_copies_to_ask_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown setting of aflw2000 'flipped'.*choose from z"):
        open_reader("aflw2000", tmp_path, {"flipped": "true"})


def test_classes_that_a_mirror_would_exchange_are_one(tmp_path: Path) -> None:
    write_synthetics(tmp_path)
    reader = open_reader("facesynthetics", tmp_path)
    row = reader.read(reader.frames()[0]).labels["segmentation"][0]
    names = [CLASSES[index] for index in row[:19]]
    assert names[3:9] == ["eye", "eye", "brow", "brow", "ear", "ear"]
    assert names[0] == "background"
    assert names[18] == "facewear"


SPOILT = {
    "sfsnet": (write_sfsnet, ("*_face_*.png", "*_normal_*.png", "*_mask_*.png")),
    "300w-lp": (write_300wlp, ("AFW/*.jpg", "AFW/*.mat", "landmarks/AFW/AFW_134212_1_0_pts.mat")),
    "aflw2000": (write_aflw, ("*.jpg", "*.mat")),
    "facesynthetics": (write_synthetics, ("0*[0-9].png", "*_seg.png", "*_ldmks.txt")),
}
ATTACKS = DAMAGES | {
    "a matrix of text": lambda path: savemat(str(path), {"pt3d_68": "no", "pts_3d": "no"}, appendmat=False),
    "a small matrix": lambda path: savemat(str(path), {"pt3d_68": np.eye(3), "pts_3d": np.eye(3)}, appendmat=False),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("name", SPOILT)
def test_a_damaged_file_is_one_line_that_names_it(name: str, attack: str, tmp_path: Path) -> None:
    write, patterns = SPOILT[name]
    for number, pattern in enumerate(patterns):
        if attack == "another picture" and name in ("300w-lp", "aflw2000") and pattern.endswith("jpg"):
            continue  # a photograph of another size is one all the same
        root = tmp_path / str(number)
        root.mkdir()
        write(root)
        assert_refused(name, root, spoil(root, pattern, ATTACKS[attack]))


def test_photographs_become_an_unlabelled_target_upright(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_photos(tmp_path / "photos")
    out = tmp_path / "target"
    assert run(["data", "convert", "photos", str(tmp_path / "photos"), str(out)]) == 0
    assert "3 train images; next: headfreeze annotate edges" in capsys.readouterr().out
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*.*g")) == [
        "train/image/c.png",
        "train/image/holiday/a.jpg",
        "train/image/holiday/b.jpg",
    ]
    assert read_image(out / "train/image/holiday/b.jpg").shape == (40, 30, 3)
    assert run(["annotate", "edges", str(out)]) == 0
    assert run(["data", "check", str(out)]) == 0


def test_a_photograph_in_heic_without_its_plugin_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"ftypheic")
    with pytest.raises(InputError, match=r"a.heic: (HEIC needs pillow-heif: pip install pillow-heif|cannot be read)"):
        convert("photos", tmp_path, tmp_path.with_name("out"), workers=1)


def test_videos_give_frames_that_differ(tmp_path: Path) -> None:
    write_video(tmp_path / "walk.mp4")
    reader = open_reader("videos", tmp_path, {"every_s": "0.25"})
    frames = reader.frames()
    assert [frame.id for frame in frames] == ["walk_000000", "walk_000016", "walk_000032", "walk_000048"]
    assert {frame.group for frame in frames} == {"walk"}
    for number, frame in enumerate(frames):
        picture = np.asarray(reader.read(frame).image).astype(int)
        assert abs(picture[:, 60].mean() - (40 * number + 20)) < 12, "another frame than the one that was named"
    one = open_reader("videos", tmp_path / "walk.mp4", {"every_s": "1"}).frames()
    assert [frame.id for frame in one] == ["walk_000000", "walk_000030"]


def test_what_is_no_video_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(os.urandom(1000))
    with pytest.raises(InputError, match=r"a.mp4: cannot be read as a video; convert it to MP4"):
        convert("videos", tmp_path, tmp_path.with_name("made"), workers=1)
    write_video(tmp_path / "walk.mp4")
    made = convert("videos", tmp_path, tmp_path.with_name("made"), skip_bad=True)
    assert dict(made.counts) == {"train": 2}
    assert len(made.skipped) == 1
    with pytest.raises(InputError, match=r"every_s is 0.0; give seconds above 0"):
        open_reader("videos", tmp_path, {"every_s": "0"})


def test_a_mask_s_transparency_is_no_face(tmp_path: Path) -> None:
    write_sfsnet(tmp_path)
    before = open_reader("sfsnet", tmp_path)
    wanted = before.read(before.frames()[0]).labels["mask"]
    for path in tmp_path.rglob("*_mask_*.png"):
        Image.open(path).convert("RGBA").save(path)
    reader = open_reader("sfsnet", tmp_path)
    found = reader.read(reader.frames()[0]).labels["mask"]
    assert 0 < wanted.mean() < 1
    assert np.array_equal(found, wanted)
