"""NYUv2 in miniature, in its own containers: axes reversed, counted from 1, three kinds of normals."""

import gzip
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from scipy.io import savemat

from headfreeze.cli import run
from headfreeze.data.readers import nyuv2 as nyuv2_module
from headfreeze.data.readers import open_reader
from headfreeze.data.readers.nyu_classes import NYU13, NYU40
from headfreeze.errors import InputError
from tests.boxroom import CLASSES, angles_deg, box_view
from tests.nyuv2 import COUNT, FOCAL_PX, FORTY, write_nyuv2


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_nyuv2(tmp_path)


@pytest.mark.parametrize("told", ["splits.mat", "--splits=0.5,0,0.5", ""])
def test_images_whose_split_nobody_knows_are_in_train_and_said(
    told: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if told != "splits.mat":
        (root / "splits.mat").unlink()
    flags = [told] if told.startswith("--") else []
    assert run(["data", "convert", "nyuv2", str(root), str(tmp_path / "out"), *flags]) == 0
    said = "no split is known of 3 images (is its list of splits there?), so they are in train; --splits 0.7,0.15,0.15"
    assert (said in capsys.readouterr().out) == (told == "")


def test_frames_have_their_scene_split_image_depth_and_classes(root: Path) -> None:
    reader = open_reader("nyuv2", root, {"crop": "false"})
    frames = reader.frames()
    assert [(frame.id, frame.group, frame.split) for frame in frames] == [
        ("0001", "kitchen_0001", "train"),
        ("0002", "bath_0002", "test"),
        ("0003", "kitchen_0001", "train"),
    ]
    assert reader.tasks()["segmentation"] == {"classes": list(NYU40)}
    for number, frame in enumerate(frames):
        found, view = reader.read(frame), box_view(number, 480, 640, FOCAL_PX)
        assert np.array_equal(found.image, view.image)
        assert np.allclose(found.labels["depth"], view.depth_m, rtol=1e-6)
        wanted = np.array([FORTY[name] - 1 for name in CLASSES])[view.classes]
        assert np.array_equal(found.labels["segmentation"], wanted)


def test_of_thirteen_classes_walls_are_walls(root: Path) -> None:
    reader = open_reader("nyuv2", root, {"classes": "13", "crop": "false"})
    label, view = reader.read(reader.frames()[0]).labels["segmentation"], box_view(0, 480, 640, FOCAL_PX)
    names = {"floor": "floor", "ceiling": "ceiling", "left wall": "wall", "right wall": "wall"}
    for name, wanted in names.items():
        assert set(label[view.classes == CLASSES.index(name)].tolist()) <= {NYU13.index(wanted)}


def test_the_white_border_is_cut_off(root: Path) -> None:
    reader = open_reader("nyuv2", root)
    found, view = reader.read(reader.frames()[0]), box_view(0, 480, 640, FOCAL_PX)
    assert np.array_equal(found.image, view.image[45:471, 41:601])
    assert {label.shape[:2] for label in found.labels.values()} == {(426, 560)}


def write_ladicky(root: Path) -> None:
    for number, split in enumerate(("train", "test", "train")):
        x, y, z = np.moveaxis(box_view(number, 480, 640, FOCAL_PX).normals, -1, 0)
        rgb = np.round((np.stack([-z, -y, x], axis=-1) + 1) / 2 * 255).astype(np.uint8)
        folder = root / "nyu_normals_gt" / split
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number + 1:05d}.png"), rgb[..., ::-1])


def write_fair(root: Path) -> None:
    views = [box_view(number, 480, 640, FOCAL_PX) for number in range(COUNT)]
    found = {
        "all_normals": np.stack([view.normals * [1, -1, -1] for view in views]).astype(np.float32),
        "all_valid_depth_masks": np.ones((COUNT, 480, 640), bool),
        "all_filenames": ["a", "b", "c"],
    }
    with gzip.open(root / "all_normals.pklz", "wb", 1) as file:
        pickle.dump(found, file)


@pytest.mark.parametrize(("write", "worst_deg"), [(write_ladicky, 1.0), (write_fair, 0.1), (lambda _: None, 2.0)])
def test_normals_of_each_source_are_the_room_s(write: Callable[[Path], None], worst_deg: float, root: Path) -> None:
    write(root)
    reader = open_reader("nyuv2", root)
    for number, frame in enumerate(reader.frames()):
        found = reader.read(frame).labels["normals"]
        true = box_view(number, 480, 640, FOCAL_PX).normals[45:471, 41:601]
        share = 90 if write.__name__ == "<lambda>" else 100  # from depth: not at the edges
        assert np.percentile(angles_deg(found, true), share) < worst_deg, write
        assert found.any(-1).mean() > 0.99


class Evil:
    """A pickle that would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.path}",)


def test_a_pickle_that_is_a_program_is_not_run(root: Path, tmp_path: Path) -> None:
    with gzip.open(root / "all_normals.pklz", "wb") as file:
        pickle.dump({"all_normals": Evil(tmp_path / "made")}, file)
    with pytest.raises(InputError, match=r"all_normals.pklz: cannot be read as pickled arrays \(it names posix.system"):
        open_reader("nyuv2", root).frames()
    assert not (tmp_path / "made").exists()


def spoil(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda root: (root / name).write_bytes(data)


def edit(name: str, values: object) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        with h5py.File(root / "nyu_depth_v2_labeled.mat", "a") as file:
            del file[name]
            if values is not None:
                file[name] = values

    return change


def cut(root: Path) -> None:
    path = root / "nyu_depth_v2_labeled.mat"
    path.write_bytes(path.read_bytes()[:-400_000])


def link_elsewhere(root: Path) -> None:
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "a") as file:
        del file["depths"]
        file["depths"] = h5py.ExternalLink("/etc/passwd", "depths")


def link_out(root: Path) -> None:
    write_ladicky(root)
    path = root / "nyu_normals_gt/train/00001.png"
    path.unlink()
    path.symlink_to("/etc/passwd")


def small_pickle() -> dict[str, np.ndarray]:
    return {"all_normals": np.ones((3, 3, 4, 6), np.float32), "all_valid_depth_masks": np.ones((3, 4, 6), bool)}


MAT = "nyu_depth_v2_labeled.mat"
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no file": (lambda root: (root / MAT).unlink(), rf"{MAT}: cannot be read \(no such file"),
    "empty": (spoil(MAT, b""), rf"{MAT}: cannot be read"),
    "not HDF5": (spoil(MAT, b"MATLAB 5.0 MAT-file" * 99), rf"{MAT}: cannot be read"),
    "cut off": (cut, rf"{MAT}: cannot be read"),
    "no depths": (edit("depths", None), rf"{MAT}: holds no 'depths'; it has #refs#, images"),
    "no images": (edit("images", None), rf"{MAT}: holds no 'images'"),
    "images of floats": (edit("images", np.zeros((3, 3, 640, 480))), rf"{MAT}: 'images' are float64 of shape"),
    "two channels": (edit("images", np.zeros((3, 2, 640, 480), np.uint8)), rf"{MAT}: 'images' are uint8 of shape"),
    "flat depths": (edit("depths", np.zeros((3, 640))), rf"{MAT}: 'depths' is float64 of shape \(3, 640\)"),
    "depths of text": (edit("depths", "many"), rf"{MAT}: 'depths' is object of shape"),
    "depths of another size": (edit("depths", np.ones((3, 64, 48))), r"frame 0001 has images of \(480, 640\), depths"),
    "unknown class": (edit("labels", np.full((3, 640, 480), 999)), rf"{MAT}: has class 999, but classMapping40.mat"),
    "link to another file": (link_elsewhere, rf"{MAT}: holds no 'depths'"),
    "splits damaged": (spoil("splits.mat", b"\0" * 200), "splits.mat: cannot be read"),
    "splits beyond the frames": (
        lambda root: savemat(root / "splits.mat", {"trainNdxs": [[1]], "testNdxs": [[4]]}),
        "'testNdxs' should hold 654 frames, counted from 1, of 3",
    ),
    "splits of text": (
        lambda root: savemat(root / "splits.mat", {"trainNdxs": "all", "testNdxs": [[1]]}),
        "splits.mat: 'trainNdxs' is no array of numbers",
    ),
    "no test frames": (lambda root: savemat(root / "splits.mat", {"trainNdxs": [[1]]}), "holds no 'testNdxs'"),
    "classes damaged": (spoil("classMapping40.mat", b"x"), "classMapping40.mat: cannot be read"),
    "classes beyond 40": (
        lambda root: savemat(root / "classMapping40.mat", {"mapClass": np.full((1, 894), 77)}),
        "'mapClass' should hold classes from 1 to 40",
    ),
    "classes that are NaN": (
        lambda root: savemat(root / "classMapping40.mat", {"mapClass": np.full((1, 894), np.nan)}),
        "classMapping40.mat: 'mapClass' holds float64 that are no whole numbers",
    ),
    "labels below 0": (edit("labels", np.full((3, 640, 480), -3)), rf"{MAT}: has class -3, but classMapping40.mat"),
    "labels between classes": (edit("labels", np.full((3, 640, 480), 1.5)), rf"{MAT}: 'labels' holds float64 that are"),
    "pickled normals of another size": (
        lambda root: spoil("all_normals.pklz", gzip.compress(pickle.dumps(small_pickle())))(root),
        r"all_normals.pklz: normals \(4, 6, 3\) and masks \(4, 6\) for a depth of \(480, 640\)",
    ),
    "pickle cut off": (spoil("all_normals.pklz", gzip.compress(b"\x80\x04]")[:-9]), "cannot be read as pickled arrays"),
    "pickle of nothing": (spoil("all_normals.pklz", gzip.compress(pickle.dumps([1]))), "pickled arrays"),
    "normals of another size": (
        lambda root: [
            write_ladicky(root),
            cv2.imwrite(str(root / "nyu_normals_gt/train/00001.png"), np.ones((9, 9, 3))),
        ],
        r"00001.png: \(9, 9, 3\); normals of this frame are \(480, 640, 3\)",
    ),
    "normals missing": (
        lambda root: [write_ladicky(root), (root / "nyu_normals_gt/train/00001.png").unlink()],
        r"00001.png: cannot be read \(no such file",
    ),
    "a link out of the root": (link_out, "00001.png: is a link to /etc/passwd, outside of"),
}


def first_frame(root: Path) -> None:
    reader = open_reader("nyuv2", root)
    reader.read(reader.frames()[0])


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_one_line_that_names_the_file(damage: str, root: Path) -> None:
    spoilt, message = DAMAGES[damage]
    spoilt(root)
    with pytest.raises(InputError, match=message):
        first_frame(root)


def test_depths_that_are_no_numbers_are_invalid(root: Path) -> None:
    with h5py.File(root / MAT, "a") as file:
        file["depths"][0, 100:200, 100:200] = np.nan
    reader = open_reader("nyuv2", root, {"crop": "false"})
    label = reader.read(reader.frames()[0]).labels
    assert not label["depth"][100:200, 100:200].any()
    assert not label["normals"][100:200, 100:200].any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classes": "41"}, "unknown classes '41'"),
        ({"normals": "best"}, "unknown normals 'best'"),
        ({"smooth_px": "0"}, "smooth_px is 0"),
        ({"smooth_px": "much"}, "smooth_px is 'much'; give a whole number"),
        ({"crops": "true"}, "unknown setting of nyuv2 'crops': did you mean 'crop'"),
        ({"crop": "maybe"}, "crop is 'maybe'; give true or false"),
    ],
)
def test_settings_that_cannot_be_name_what_can(settings: dict[str, str], message: str, root: Path) -> None:
    with pytest.raises(InputError, match=message):
        open_reader("nyuv2", root, settings)


def test_official_counts_are_asserted_where_the_real_file_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nyuv2_module, "COUNT", COUNT)
    with pytest.raises(InputError, match="'trainNdxs' should hold 795 frames, counted from 1, of 3"):
        open_reader("nyuv2", root).frames()
