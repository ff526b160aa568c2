"""Meshes before a Kinect, COCO's format, parquet files: what is known in closed form comes out of each."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from headfreeze.data.convert import convert
from headfreeze.data.readers import open_reader
from headfreeze.data.readers.nyu_classes import NYU13
from headfreeze.errors import InputError
from headfreeze.tasks import make_task
from tests.boxroom import CLASSES, angles_deg, box_view

CENTRE, RADIUS, FOCAL_PX = np.array([30.0, -20.0, -700.0]), 90.0, 60.0  # millimetres; x right, y up, z toward


def write_obj(path: Path, points: np.ndarray, quads: list[list[int]]) -> None:
    lines = [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in points]
    path.write_text("\n".join(lines + ["f " + " ".join(f"{i + 1}/1/1" for i in quad) for quad in quads]) + "\n")


def ball_mesh(rows: int = 90, columns: int = 180) -> tuple[np.ndarray, list[list[int]]]:
    theta, phi = np.meshgrid(np.linspace(0, np.pi, rows), np.arange(columns) / columns * 2 * np.pi, indexing="ij")
    points = np.stack([np.sin(theta) * np.cos(phi), np.cos(theta), np.sin(theta) * np.sin(phi)], -1).reshape(-1, 3)
    quads = [
        [r * columns + c, r * columns + (c + 1) % columns, (r + 1) * columns + (c + 1) % columns, (r + 1) * columns + c]
        for r in range(rows - 1)
        for c in range(columns)
    ]
    return points * RADIUS, quads


def write_warehouse(root: Path, about: np.ndarray = CENTRE) -> None:
    points, quads = ball_mesh()
    for person in (1, 2):
        folder = root / f"Tester_{person}" / "TrainingPose"
        folder.mkdir(parents=True)
        Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(folder / "pose_0.png")
        write_obj(folder / "pose_0.obj", points + about, quads)


def true_ball(centre: np.ndarray = CENTRE) -> np.ndarray:
    right = (np.arange(64) + 0.5 - 32) / FOCAL_PX
    up = -(np.arange(48)[:, None] + 0.5 - 24) / FOCAL_PX
    rays = np.stack(np.broadcast_arrays(right, up, -1.0), -1)
    b, a, c = rays @ centre, (rays**2).sum(-1), centre @ centre - RADIUS**2
    hit = b * b - a * c > 0
    depth = (b - np.sqrt(np.where(hit, b * b - a * c, 0))) / a
    return np.where(hit[..., None], rays * depth[..., None] - centre, 0) / RADIUS


def test_normals_of_facewarehouse_are_those_of_its_meshes(tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    write_warehouse(tmp_path)
    reader = open_reader("facewarehouse", tmp_path, {"focal_px": str(FOCAL_PX)})
    assert [(f.id, f.group) for f in reader.frames()] == [
        ("Tester_1/pose_0", "Tester_1"),
        ("Tester_2/pose_0", "Tester_2"),
    ]
    labels = reader.read(reader.frames()[0]).labels
    assert angles_deg(labels["normals"], true_ball()).mean() < 0.3
    assert (labels["mask"] != true_ball().any(-1)).mean() < 0.01


def test_meshes_in_other_axes_about_their_own_middle_are_placed_by_settings(tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    points, quads = ball_mesh()
    write_warehouse(tmp_path)
    moved = points + CENTRE + [0, 0, 700]
    write_obj(tmp_path / "Tester_1/TrainingPose/pose_0.obj", moved * [1, -1, -1], quads)  # OpenCV's
    settings = {"focal_px": str(FOCAL_PX), "axes": "opencv", "distance": "700"}
    reader = open_reader("facewarehouse", tmp_path, settings)
    assert angles_deg(reader.read(reader.frames()[0]).labels["normals"], true_ball()).mean() < 0.3
    behind = open_reader("facewarehouse", tmp_path, {"focal_px": str(FOCAL_PX), "distance": "-900"})
    with pytest.raises(InputError, match=r"pose_0.obj: its mesh is not in the picture; set axes, focal_px or distance"):
        behind.read(behind.frames()[0])


@pytest.mark.parametrize(
    "text", ["", "v 1 2\nf 1 2 3\n", "v 1 2 3\nf 1 2 3\n", "v a b c\n", "v nan 0 0\nf 1 1 1\n", "\0\1"]
)
def test_a_damaged_mesh_is_one_line(text: str, tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    write_warehouse(tmp_path)
    (tmp_path / "Tester_1/TrainingPose/pose_0.obj").write_text(text)
    with pytest.raises(InputError, match=r"Tester_1/TrainingPose/pose_0.obj: (cannot be read|no mesh)"):
        convert("facewarehouse", tmp_path, tmp_path / "made", workers=1)


COCO = {
    "images": [{"id": 7, "file_name": "a/one.jpg"}, {"id": 8, "file_name": "two.jpg"}],
    "categories": [
        {"id": 3, "name": "person", "keypoints": ["nose", "left_eye", "right_eye"]},
        {"id": 5, "name": "chair"},
    ],
    "annotations": [
        {"image_id": 7, "category_id": 3, "area": 9, "keypoints": [1, 1, 2, 2, 2, 2, 3, 3, 2]},
        {"image_id": 7, "category_id": 3, "area": 300, "keypoints": [10, 12, 2, 14, 8, 1, 0, 0, 0]},
        {"image_id": 7, "category_id": 5, "area": 100, "segmentation": [[4, 2, 14, 2, 14, 12, 4, 12]]},
        {"image_id": 7, "category_id": 3, "area": 400, "segmentation": {"counts": "0"}, "bbox": [20, 10, 4, 6]},
        {"image_id": 7, "category_id": 3, "area": 9, "segmentation": [[6, 4, 9, 4, 9, 7, 6, 7]]},
    ],
}


def write_coco(root: Path) -> None:
    (root / "annotations.json").write_text(json.dumps(COCO))
    for name in ("a/one.jpg", "two.jpg"):
        (root / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(root / "images" / name)


def test_of_several_people_the_largest_ones_keypoints_are_taken(tmp_path: Path) -> None:
    write_coco(tmp_path)
    reader = open_reader("coco", tmp_path)
    assert reader.tasks() == {"keypoints": {"count": 3, "mirror": [[1, 2]]}}
    one, two = (reader.read(frame).labels for frame in reader.frames())
    assert np.allclose(one["keypoints"][:, :2], [[10, 12], [14, 8], [np.nan, np.nan]], equal_nan=True)
    assert one["keypoints"][:, 3].tolist() == [1, 0, 0]
    assert two == {}
    assert convert("coco", tmp_path, tmp_path / "made").counts == {"train": 2}


def test_polygons_become_classes_the_small_ones_on_top(tmp_path: Path) -> None:
    write_coco(tmp_path)
    reader = open_reader("coco", tmp_path, {"kind": "segmentation"})
    assert reader.tasks() == {"segmentation": {"classes": ["background", "person", "chair"]}}
    label = reader.read(reader.frames()[0]).labels["segmentation"]
    assert label[3, 5] == 2
    assert label[5, 7] == 1
    assert label[0, 0] == 0
    assert (label[10:16, 20:24] == 255).all()
    assert (label == 255).sum() == 24
    chair = np.zeros((24, 32), bool)
    chair[2:12, 4:14] = True
    assert np.array_equal((label > 0) & (label < 255), chair)
    assert (label[4:7, 6:9] == 1).all()


def test_of_a_slanted_polygon_the_pixels_with_their_centre_inside_are_its(tmp_path: Path) -> None:
    write_coco(tmp_path)
    content = COCO | {
        "annotations": [{"image_id": 7, "category_id": 5, "segmentation": [[-9.3, -2, 40, 3.1, 8.2, 30]]}]
    }
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    reader = open_reader("coco", tmp_path, {"kind": "segmentation"})
    label = reader.read(reader.frames()[0]).labels["segmentation"]
    corners = np.array([[-9.3, -2], [40, 3.1], [8.2, 30]])
    y, x = np.mgrid[:24, :32] + 0.5
    sides = [
        (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0
        for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, 0), strict=True)
    ]
    inside = np.logical_and.reduce(sides)
    assert 100 < inside.sum() < 24 * 32
    assert np.array_equal(label == 2, inside)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"segmentation": [[0, 0, 2e9, 0, 2e9, 2e9, -2e9, 5]]},
            "image 7 has a polygon with corners farther",
        ),
        ({"segmentation": [[0, 0, float("nan"), 0, 9, 9]]}, "image 7 has a polygon with corners .* or NaN"),
        ({"category_id": 99}, "image 7 has an annotation of category 99, which there is not"),
        ({"segmentation": [[], [1, 1, 2, 2]]}, None),  # encloses nothing
    ],
)
def test_polygons_that_cannot_be_drawn_are_one_line(
    change: dict[str, object], message: str | None, tmp_path: Path
) -> None:
    write_coco(tmp_path)
    content = json.loads(json.dumps(COCO))
    content["annotations"][2] |= change
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    settings = {"kind": "segmentation"}
    if message is None:
        convert("coco", tmp_path, tmp_path / "made", settings=settings)
        return
    with pytest.raises(InputError, match=rf"annotations.json: {message}"):
        convert("coco", tmp_path, tmp_path / "made", settings=settings, workers=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(images=[{"id": 1, "file_name": "."}]), "image 1 has file_name '.', which leads nowhere"),
        (lambda c: c.pop("annotations"), "has no list 'annotations'; is it in COCO's format"),
        (lambda c: c.update(images=[{"id": 1, "file_name": "../../etc/passwd"}]), "which leads nowhere"),
        (lambda c: c.update(categories=[{"id": 1}]), "a category has no id and name"),
        (lambda c: c["categories"][0].update(keypoints=5), "keypoints of 'person' are no list of names"),
        (lambda c: c.update(categories=[{"id": 1, "name": "a"}]), "no category has keypoints"),
        (lambda c: c["annotations"][1].update(keypoints=[1, 2]), "annotations.json: cannot be read"),
    ],
)
def test_a_file_that_is_not_cocos_is_one_line(change: Callable[[dict], object], message: str, tmp_path: Path) -> None:
    write_coco(tmp_path)
    content = json.loads(json.dumps(COCO))
    change(content)
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        convert("coco", tmp_path, tmp_path / "made", workers=1)


def png(pixels: np.ndarray) -> dict[str, object]:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}


def opencv_normals(normals: np.ndarray) -> np.ndarray:
    return np.round((normals * [1, -1, -1] + 1) * 127.5).astype(np.uint8)


def write_parquet(root: Path, labels: list[object]) -> None:
    (root / "data").mkdir(parents=True, exist_ok=True)
    for split in ("train", "validation"):
        table = pa.table({"image": [png(box_view(n).image) for n in range(2)], "label": labels})
        parquet.write_table(table, root / "data" / f"{split}-00000-of-00001.parquet", row_group_size=1)


def test_pictures_and_labels_of_parquet_files(tmp_path: Path) -> None:
    views = [box_view(n) for n in range(2)]
    cases: dict[str, tuple[list[object], dict[str, str]]] = {
        "segmentation": ([png(view.classes) for view in views], {"classes": "+".join(CLASSES)}),
        "depth": ([png((view.depth_m * 1000).astype(np.uint16)) for view in views], {}),
        "normals": (
            [png(np.round((v.normals * [1, -1, -1] + 1) * 127.5).astype(np.uint8)) for v in views],
            {"frame": "opencv"},
        ),
        "keypoints": ([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]], {"count": "2", "mirror": "0-1"}),
    }
    for kind, (labels, settings) in cases.items():
        root = tmp_path / kind
        write_parquet(root, labels)
        reader = open_reader("hf", root, {"kind": kind, **settings})
        frames = reader.frames()
        assert [(frame.id, frame.split) for frame in frames[1:3]] == [("000002", "train"), ("000001", "val")]
        found = reader.read(frames[1])
        assert np.array_equal(found.image, views[1].image)
        assert make_task(kind, dict(reader.tasks()[kind])).name == kind
        label = found.labels[kind]
        if kind == "normals":
            assert angles_deg(label, views[1].normals).max() < 1
        elif kind == "depth":
            assert np.allclose(label, views[1].depth_m, atol=0.002)
        else:
            assert np.array_equal(label, views[1].classes if kind == "segmentation" else [[5, 6], [7, 8]])


def test_nyuv2_of_hugging_face(tmp_path: Path) -> None:
    views = [box_view(n) for n in range(2)]
    columns = {
        "image": [(view.image / 255).transpose(2, 0, 1).astype(np.float32).tolist() for view in views],
        "segmentation": [np.where(view.classes == 5, -1, view.classes).astype(np.int64).tolist() for view in views],
        "depth": [view.depth_m[None].astype(np.float32).tolist() for view in views],
        "normal": [view.normals.transpose(2, 0, 1).astype(np.float32).tolist() for view in views],
    }
    (tmp_path / "data").mkdir()
    for split in ("train", "val"):
        parquet.write_table(pa.table(columns), tmp_path / "data" / f"{split}-00000-of-00001.parquet")
    reader = open_reader("nyuv2-hf", tmp_path)
    frames = reader.frames()
    assert [frame.split for frame in frames] == ["train", "train", "test", "test"]
    assert reader.tasks()["segmentation"] == {"classes": list(NYU13)}
    found = reader.read(frames[3])
    assert np.array_equal(found.image, views[1].image)
    assert angles_deg(found.labels["normals"], views[1].normals).max() < 0.1
    assert np.allclose(found.labels["depth"], views[1].depth_m)
    assert np.array_equal(found.labels["segmentation"], np.where(views[1].classes == 5, 255, views[1].classes))


@pytest.mark.parametrize(
    ("label", "settings", "message"),
    [
        (["a", "b"], {"kind": "depth"}, r"row 0 has no bytes of a picture in its column 'label'"),
        ([b"no", b"picture"], {"kind": "depth"}, r"not a PNG"),
        ([b"no", b"picture"], {"kind": "depth"}, r"train-0.*parquet: row 0, column 'label': "),
        ([png(np.full((4, 4), 9, np.uint8))] * 2, {"kind": "segmentation", "classes": "a+b"}, r"has class 9, but"),
        ([[1.0], [2.0]], {"kind": "keypoints", "count": "2", "mirror": "none"}, r"row 0 has 1 numbers for 2 keypoints"),
        ([b"", b""], {"kind": "depth", "label": "depth"}, r"has no column depth; it has image, label"),
    ],
)
def test_rows_that_hold_something_else_are_one_line(
    label: list[object], settings: dict[str, str], message: str, tmp_path: Path
) -> None:
    write_parquet(tmp_path, label)
    with pytest.raises(InputError, match=message):
        convert("hf", tmp_path, tmp_path / "made", settings=settings, workers=1)


def test_a_file_that_is_no_parquet_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "train-0.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InputError, match=r"train-0.parquet: cannot be read"):
        convert("hf", tmp_path, tmp_path / "made")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "boxes"}, "unknown kind 'boxes'"),
        ({"kind": "segmentation"}, "classes is ''; name the segmentation's classes"),
        ({"kind": "keypoints"}, "count is 0; say how many keypoints there are"),
        ({"kind": "keypoints", "count": "2"}, "mirror is ''; say which of 2 keypoints, counted from 0, a mirror swaps"),
        ({"kind": "keypoints", "count": "2", "mirror": "0-2"}, "mirror is '0-2'; say which of 2 keypoints"),
        ({"frame": "up"}, "normals frame is 'up'; name one of opengl, opencv"),
    ],
)
def test_settings_that_cannot_be_say_why(settings: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        open_reader("hf", tmp_path, settings)
