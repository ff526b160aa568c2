"""Data sets of rooms in miniature: layouts are written here by hand, as their makers describe them."""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from headfreeze.data.readers import open_reader
from headfreeze.data.readers.nyu_classes import NYU40
from headfreeze.data.readers.structured3d import PALETTE
from headfreeze.errors import InputError
from tests.boxroom import CLASSES, FOCAL_PX, BoxView, angles_deg, box_view
from tests.damage import DAMAGES, assert_refused, spoil

FORTY = {"floor": 2, "ceiling": 22, "left wall": 1, "right wall": 1, "far wall": 8, "near wall": 35}  # counted from 1
CODES = np.array([FORTY[name] for name in CLASSES])
OF_STANFORD = {"floor": "floor", "ceiling": "ceiling", "left wall": "wall", "right wall": "wall"}
OF_STANFORD |= {"far wall": "window", "near wall": "door"}
VIEWS = 3


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


def bits(normals: np.ndarray, count: int) -> np.ndarray:
    largest = 2**count - 1
    return np.round((normals + 1) / 2 * largest).astype(np.uint16 if count == 16 else np.uint8)


def write_suncg(root: Path) -> None:
    for number in range(VIEWS):
        view, name = box_view(number), f"house{number % 2}/{number:06d}"
        save(root / "mlt_v2" / f"{name}_mlt.png", view.image)
        x, y, z = np.moveaxis(view.normals, -1, 0)
        save(root / "normal_v2" / f"{name}_norm_camera.png", bits(np.stack([x, -z, y], -1), 16))  # forward is −z
        save(root / "normal_v2" / f"{name}_valid.png", np.full(view.classes.shape, 255, np.uint8))
        save(root / "depth_v2" / f"{name}_depth.png", np.round(view.depth_m * 1000).astype(np.uint16))
        save(root / "category_v2" / f"{name}_category40.png", CODES[view.classes].astype(np.uint8))
    (root / "data_goodlist_v2.txt").write_text("".join(f"house{n % 2}/{n:06d}\n" for n in range(VIEWS)))


def write_hypersim(root: Path) -> None:
    rows = ["scene_name,camera_name,frame_id,included_in_public_release,exclude_reason,split_partition_name"]
    for number in range(VIEWS):
        view, scene = box_view(number, focal_px=886.81 / 1024 * 64), f"ai_001_00{number % 2 + 1}"
        rows.append(f"{scene},cam_00,{number},True,,{'test' if number % 2 else 'train'}")
        linear = (view.image / 255.0) ** 2.2
        turned = np.where((np.arange(64) % 2)[None, :, None] == 0, view.normals, -view.normals)  # some face away
        arrays = {
            "final/color": linear.astype(np.float16),
            "geometry/normal_cam": turned.astype(np.float16),
            "geometry/depth_meters": view.distance_m.astype(np.float16),
            "geometry/semantic": np.where(view.classes == 5, -1, CODES[view.classes]).astype(np.int16),
        }
        for name, values in arrays.items():
            part, kind = name.split("/")
            path = root / scene / f"images/scene_cam_00_{part}_hdf5/frame.{number:04d}.{kind}.hdf5"
            path.parent.mkdir(parents=True, exist_ok=True)
            with h5py.File(path, "w") as file:
                file.create_dataset("dataset", data=values, compression="gzip")
    rows.append("ai_001_001,cam_00,99,False,bad,train")
    (root / "metadata_images_split_scene_v1.csv").write_text("\n".join(rows) + "\n")


def write_structured3d(root: Path) -> None:
    for number, scene in enumerate(("scene_00000", "scene_03100", "scene_03499")):
        view, folder = box_view(number), root / scene / "2D_rendering/485142/perspective/full/0"
        save(folder / "rgb_rawlight.png", view.image)
        x, y, z = np.moveaxis(view.normals, -1, 0)
        foreign = np.stack([-z, y, -x], -1)  # look-at, up, left
        save(folder / "normal.png", np.round((foreign + 1) * 128).clip(0, 255).astype(np.uint8))
        save(folder / "depth.png", np.round(view.depth_m * 1000).astype(np.uint16))
        save(folder / "semantic.png", np.array(PALETTE, np.uint8)[CODES[view.classes] - 1])


def write_openrooms(root: Path) -> None:
    for number in range(VIEWS):
        view, folder = box_view(number), f"main_xml/scene{number % 2:04d}_00"
        path = root / "Image" / folder / f"im_{number}.hdr"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), ((view.image / 255.0) ** 2.2)[..., ::-1].astype(np.float32))
        save(root / "Geometry" / folder / f"imnomral_{number}.png", bits(view.normals, 8))
        depth = root / "Geometry" / folder / f"imdepth_{number}.dat"
        depth.write_bytes(struct.pack("<ii", *view.depth_m.shape) + view.depth_m.astype("<f4").tobytes())
        labels = root / "SemanticLabel" / folder
        labels.mkdir(parents=True, exist_ok=True)
        np.save(labels / f"imsemLabel_{number}.npy", CODES[view.classes])
    (root / "train.txt").write_text("scene0000_00\n")
    (root / "test.txt").write_text("scene0001_00\n")


def write_2d3ds(root: Path) -> None:
    names = ["<UNK>_0_<UNK>_0_0", *(f"{OF_STANFORD[name]}_{n}_office_1_1" for n, name in enumerate(CLASSES))]
    root.mkdir(exist_ok=True)
    (root / "semantic_labels.json").write_text(json.dumps(["beam_0_hall_1_1"] * 300 + names))
    for number, area in enumerate(("area_1", "area_1", "area_5a")):
        view, stem = box_view(number), f"camera_0d6{number}_office_{number + 1}_frame_0_domain"
        data = root / area / "data"
        save(data / "rgb" / f"{stem}_rgb.png", view.image)
        red_right_green_down = view.normals * [1, -1, 1]
        save(data / "normal" / f"{stem}_normals.png", np.round(red_right_green_down * 127.5 + 127.5).astype(np.uint8))
        save(data / "depth" / f"{stem}_depth.png", np.round(view.depth_m * 512).astype(np.uint16))
        place = 301 + view.classes.astype(int)
        save(
            data / "semantic" / f"{stem}_semantic.png", np.stack([place // 65536, place // 256, place % 256], -1) * 1.0
        )


def write_scannet(root: Path) -> None:
    for number, scan in enumerate(("scene0000_00", "scene0000_01", "scene0007_00")):
        view, folder = box_view(number), root / "scans" / scan
        for frame in (0, 10, 20):
            save(folder / "color" / f"{frame}.jpg", cv2.resize(view.image, (128, 96), interpolation=cv2.INTER_NEAREST))
            save(folder / "depth" / f"{frame}.png", np.round(view.depth_m * 1000).astype(np.uint16))
            ids = np.array([1000 + CODES[n] for n in range(len(CLASSES))])[view.classes].astype(np.uint16)
            save(folder / "label-filt" / f"{frame}.png", np.kron(ids, np.ones((2, 2), np.uint16)))
        (folder / "intrinsic").mkdir()
        text = f"{FOCAL_PX} 0 31.5 0\n0 {FOCAL_PX} 23.5 0\n0 0 1 0\n0 0 0 1\n"
        (folder / "intrinsic/intrinsic_depth.txt").write_text(text)
    rows = "".join(f"{1000 + code}\tx\t{code}\n" for code in range(1, 41))
    (root / "scannetv2-labels.combined.tsv").write_text(f"id\traw_category\tnyu40id\n{rows}")
    (root / "scannetv2_train.txt").write_text("scene0000_00\nscene0000_01\n")
    (root / "scannetv2_val.txt").write_text("scene0007_00\n")


def write_diode(root: Path) -> None:
    for number, place in enumerate(("indoors", "indoors", "outdoor")):
        view, folder = box_view(number), root / "val" / place / f"scene_0001{number}" / "scan_00183"
        path = folder / f"0001{number}_00183_{place}_000_010.png"
        save(path, view.image)
        np.save(path.with_name(f"{path.stem}_depth.npy"), view.depth_m[..., None].astype(np.float32))
        mask = np.ones(view.depth_m.shape, np.float32)
        mask[:4] = 0
        np.save(path.with_name(f"{path.stem}_depth_mask.npy"), mask)
        np.save(path.with_name(f"{path.stem}_normal.npy"), view.normals * [1, -1, -1])


@dataclass(frozen=True)
class Layout:
    """How a miniature is written, and what must come of it."""

    write: Callable[[Path], None]
    frames: tuple[tuple[str, str, str | None], ...]  # id, group, split
    worst_deg: float = 1.0
    share: float = 100.0  # of the pixels that are judged
    depth_m: float | None = 0.001
    classes: Callable[[BoxView], np.ndarray] | None = lambda view: CODES[view.classes] - 1
    focal_px: float = FOCAL_PX
    settings: tuple[tuple[str, str], ...] = ()


def stanford_classes(view: BoxView) -> np.ndarray:
    names = open_reader_classes()
    return np.array([names.index(OF_STANFORD[name]) for name in CLASSES])[view.classes]


def open_reader_classes() -> list[str]:
    from headfreeze.data.readers.stanford2d3ds import CLASSES as THEIRS

    return list(THEIRS)


LAYOUTS = {
    "suncg-pbrs": Layout(
        write_suncg,
        (("house0/000000", "house0", None), ("house1/000001", "house1", None), ("house0/000002", "house0", None)),
        worst_deg=0.01,
    ),
    "hypersim": Layout(
        write_hypersim,
        (
            ("ai_001_001/cam_00/0000", "ai_001_001", "train"),
            ("ai_001_001/cam_00/0002", "ai_001_001", "train"),
            ("ai_001_002/cam_00/0001", "ai_001_002", "test"),
        ),
        worst_deg=0.1,
        depth_m=0.01,
        classes=lambda view: np.where(view.classes == 5, 255, CODES[view.classes] - 1),
        focal_px=886.81 / 1024 * 64,
    ),
    "structured3d": Layout(
        write_structured3d,
        (
            ("scene_00000/485142/0", "scene_00000", "train"),
            ("scene_03100/485142/0", "scene_03100", "val"),
            ("scene_03499/485142/0", "scene_03499", "test"),
        ),
    ),
    "openrooms": Layout(
        write_openrooms,
        (
            ("main_xml/scene0000_00/0", "scene0000_00", "train"),
            ("main_xml/scene0000_00/2", "scene0000_00", "train"),
            ("main_xml/scene0001_00/1", "scene0001_00", "test"),
        ),
    ),
    "2d3ds": Layout(
        write_2d3ds,
        (
            ("area_1/camera_0d60_office_1_frame_0", "area_1/office_1", "train"),
            ("area_1/camera_0d61_office_2_frame_0", "area_1/office_2", "train"),
            ("area_5a/camera_0d62_office_3_frame_0", "area_5a/office_3", "test"),
        ),
        classes=stanford_classes,
        depth_m=1 / 512,
    ),
    "scannet": Layout(
        write_scannet,
        (
            ("scene0000_00/000000", "scene0000", "train"),
            ("scene0000_01/000000", "scene0000", "train"),
            ("scene0007_00/000000", "scene0007", "val"),
        ),
        worst_deg=1.0,
        share=75,  # fitted to the depth: not at the edges
        settings=(("every", "3"), ("smooth_px", "1")),
    ),
    "diode": Layout(
        write_diode,
        (
            ("scene_00010/00010_00183_indoors_000_010", "scene_00010", "test"),
            ("scene_00011/00011_00183_indoors_000_010", "scene_00011", "test"),
            ("scene_00012/00012_00183_outdoor_000_010", "scene_00012", "test"),
        ),
        worst_deg=0.1,
        classes=None,
    ),
}
NUMBERS = {"suncg-pbrs": (0, 1, 2), "hypersim": (0, 2, 1), "openrooms": (0, 2, 1)}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_room_comes_out_as_it_is(name: str, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    layout.write(tmp_path)
    reader = open_reader(name, tmp_path, dict(layout.settings))
    frames = reader.frames()
    assert tuple((frame.id, frame.group, frame.split) for frame in frames) == layout.frames
    for number, frame in zip(NUMBERS.get(name, (0, 1, 2)), frames, strict=True):
        view, found = box_view(number, focal_px=layout.focal_px), reader.read(frame)
        assert found.labels.keys() == reader.tasks().keys() if layout.classes else True
        normals = found.labels["normals"]
        assert np.percentile(angles_deg(normals, view.normals), layout.share) < layout.worst_deg
        assert normals.any(-1).mean() > 0.85
        depth = found.labels["depth"]
        assert np.allclose(depth[depth > 0], view.depth_m[depth > 0], atol=layout.depth_m)
        assert (depth > 0).mean() > 0.9
        if layout.classes:
            assert np.array_equal(found.labels["segmentation"], layout.classes(view))
        image = np.asarray(found.image)
        if name not in ("hypersim", "openrooms", "scannet") and image.dtype == np.uint8:
            assert np.array_equal(image, view.image)
        else:  # brighter, or scaled: the same picture all the same
            assert np.corrcoef(image.ravel(), view.image.ravel())[0, 1] > 0.97


def test_what_a_mask_takes_away_is_invalid(tmp_path: Path) -> None:
    write_diode(tmp_path)
    reader = open_reader("diode", tmp_path)
    assert not reader.read(reader.frames()[0]).labels["depth"][:4].any()


def test_missing_pixels_of_2d3ds_are_invalid(tmp_path: Path) -> None:
    write_2d3ds(tmp_path)
    data = tmp_path / "area_1/data"
    path = next((data / "normal").iterdir())
    pixels = cv2.imread(str(path))
    pixels[5:9, 5:9] = 128
    cv2.imwrite(str(path), pixels)
    place = next((data / "depth").iterdir())
    depth = cv2.imread(str(place), cv2.IMREAD_UNCHANGED)
    depth[5:9, 5:9] = 65535
    cv2.imwrite(str(place), depth)
    reader = open_reader("2d3ds", tmp_path)
    labels = [reader.read(frame).labels for frame in reader.frames()]
    assert any(not each["normals"][5:9, 5:9].any() for each in labels)
    assert any(not each["depth"][5:9, 5:9].any() for each in labels)


def test_frames_left_out_of_hypersims_release_are_left_out(tmp_path: Path) -> None:
    write_hypersim(tmp_path)
    path = tmp_path / "metadata_images_split_scene_v1.csv"
    path.write_text(path.read_text().replace("ai_001_001,cam_00,2,True", "ai_001_001,cam_00,2,False"))
    assert len(open_reader("hypersim", tmp_path).frames()) == 2


def test_a_frame_that_the_depth_does_not_tell_is_asked_for(tmp_path: Path) -> None:
    write_structured3d(tmp_path)
    for path in tmp_path.rglob("depth.png"):
        path.unlink()
    with pytest.raises(
        InputError, match=r"its depth does not tell the camera frame of its normals .* say it: --settings"
    ):
        open_reader("structured3d", tmp_path).frames()
    reader = open_reader("structured3d", tmp_path, {"frame": "-z y -x"})
    assert angles_deg(reader.read(reader.frames()[0]).labels["normals"], box_view(0).normals).max() < 1


def test_classes_of_each_palette_are_told_apart() -> None:
    assert len(PALETTE) == len(NYU40) == len(set(PALETTE))


SPOILT: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "suncg-pbrs": (write_suncg, ("*_mlt.png", "*_norm_camera.png", "*_valid.png", "*_depth.png", "*_category40.png")),
    "hypersim": (write_hypersim, ("*.color.hdf5", "*.normal_cam.hdf5", "*.depth_meters.hdf5", "*.semantic.hdf5")),
    "structured3d": (write_structured3d, ("rgb_rawlight.png", "normal.png", "depth.png", "semantic.png")),
    "openrooms": (write_openrooms, ("im_*.hdr", "imnomral_*.png", "imdepth_*.dat", "imsemLabel_*.npy")),
    "2d3ds": (write_2d3ds, ("*_rgb.png", "*_normals.png", "*_depth.png", "*_semantic.png", "semantic_labels.json")),
    "scannet": (
        write_scannet,
        ("color/0.jpg", "depth/0.png", "label-filt/0.png", "intrinsic_depth.txt", "scannetv2-labels.combined.tsv"),
    ),
    "diode": (write_diode, ("*_010.png", "*_depth.npy", "*_depth_mask.npy", "*_normal.npy")),
}
HUGE_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\2\0\0\0" + b"\0" * 60
ATTACKS = DAMAGES | {
    "an array of objects": lambda path: write_array(path, np.array([{}, None])),
    "an array of NaN": lambda path: write_array(path, np.full((2, 2, 2, 2), np.nan)),
    "a huge picture": lambda path: path.write_bytes(HUGE_PNG),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "HDF5 of another kind": lambda path: write_group(path),
}


def write_array(path: Path, values: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, values, allow_pickle=True)


def write_group(path: Path) -> None:
    path.unlink()
    with h5py.File(path, "w") as file:
        file.create_group("dataset")


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("name", SPOILT)
def test_a_damaged_file_is_one_line_that_names_it(name: str, attack: str, tmp_path: Path) -> None:
    write, patterns = SPOILT[name]
    settings = {"frame": "opengl"} if name in ("structured3d", "diode") else {}
    for number, pattern in enumerate(patterns):
        if attack == "a folder" and number == 0:
            continue  # an image that is none is not among the frames
        root = tmp_path / str(number)
        root.mkdir()
        write(root)
        assert_refused(name, root, spoil(root, pattern, ATTACKS[attack]), settings)


@pytest.mark.parametrize(("name", "write"), [("structured3d", write_structured3d), ("diode", write_diode)])
def test_without_any_normals_no_frame_is_asked_for(name: str, write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path)
    for path in [*tmp_path.rglob("normal.png"), *tmp_path.rglob("*_normal.npy")]:
        path.unlink()
    reader = open_reader(name, tmp_path)
    assert "depth" in reader.read(reader.frames()[0]).labels


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf"])
def test_a_focal_length_that_cannot_be_is_refused(value: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"focal_share is .*; give widths of the image above 0"):
        open_reader("hypersim", tmp_path, {"focal_share": value})


def test_digits_that_are_no_numbers_are_passed_over(tmp_path: Path) -> None:
    write_scannet(tmp_path)
    before = len(open_reader("scannet", tmp_path, {"every": "1"}).frames())
    (next(tmp_path.rglob("color")) / "²0.jpg").write_bytes(b"")
    assert len(open_reader("scannet", tmp_path, {"every": "1"}).frames()) == before


def test_names_too_long_for_a_file_are_one_line(tmp_path: Path) -> None:
    write_suncg(tmp_path)
    (tmp_path / "data_goodlist_v2.txt").write_text("x" * 6000 + "/1")
    with pytest.raises(InputError, match=r"x/1_mlt.png: cannot be read \(file name too long\)"):
        open_reader("suncg-pbrs", tmp_path).frames()


def test_names_nested_without_end_are_one_line(tmp_path: Path) -> None:
    write_2d3ds(tmp_path)
    next(tmp_path.rglob("semantic_labels.json")).write_text("[" * 100_000)
    reader = open_reader("2d3ds", tmp_path)
    with pytest.raises(InputError, match=r"semantic_labels.json: not valid JSON"):
        reader.read(reader.frames()[0])


def test_classes_that_are_nan_are_one_line(tmp_path: Path) -> None:
    write_hypersim(tmp_path)
    for path in tmp_path.rglob("*.semantic.hdf5"):
        with h5py.File(path) as file:
            shape = file["dataset"].shape
        path.unlink()
        with h5py.File(path, "w") as file:
            file["dataset"] = np.full(shape, np.nan, np.float32)
    reader = open_reader("hypersim", tmp_path)
    with pytest.raises(InputError, match=r"semantic.hdf5: 'dataset' holds float32 that are no whole numbers"):
        reader.read(reader.frames()[0])
