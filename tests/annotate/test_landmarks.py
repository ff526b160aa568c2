"""Labels for every image with a face, whatever the detector: what is counted, written, replaced, gone on with."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from headfreeze.annotate import landmarks
from headfreeze.annotate.landmarks import SMALLEST_PX, Detector, Tally, annotate_landmarks, table
from headfreeze.data.folder import open_dataset
from headfreeze.errors import InputError
from headfreeze.tasks.images import read_npy
from tests.annotate.portrait import portrait

OUTLINE = np.linspace(0, 1, 68)[:, None] * [1.0, 0.8]
"""Points of a face one pixel wide."""


def face(size: float, columns: int = 4) -> np.ndarray:
    points = np.column_stack([OUTLINE * size + 5, np.zeros(68), np.ones(68)])
    return points[:, :columns].astype(np.float32)


def by_brightness(image: np.ndarray) -> list[np.ndarray]:
    """A detector that finds in an image what its grey level says."""
    return {0: [], 50: [face(19.5)], 100: [face(40)], 150: [face(30), face(60), face(10)]}[int(image.mean())]


def use(detect: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(landmarks.DETECTORS, "mediapipe", lambda _: detect)


def put(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (80, 70), (grey, grey, grey)).save(path)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use(by_brightness, monkeypatch)
    for i, grey in enumerate((100, 0, 150, 50, 100)):
        put(tmp_path / f"set/train/image/{i:02d}.png", grey)
    put(tmp_path / "set/test/image/walk/frame.0001.png", 100)
    return tmp_path / "set"


def labels(root: Path, name: str = "keypoints") -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.glob(f"*/{name}/**/*") if path.is_file())


def test_the_largest_face_of_every_image_is_written_and_the_task_declared(root: Path) -> None:
    tallies = annotate_landmarks(root)
    assert tallies == [
        Tally("train", 5, labelled=3, several=1, too_small=1, no_face=1),
        Tally("test", 1, labelled=1),
    ]
    assert labels(root) == [
        "test/keypoints/walk/frame.0001.npy",
        "train/keypoints/00.npy",
        "train/keypoints/02.npy",
        "train/keypoints/04.npy",
    ]
    written = read_npy(root / "train/keypoints/02.npy")
    assert written.dtype == np.float32
    np.testing.assert_array_equal(written, face(60))
    assert yaml.safe_load((root / "dataset.yaml").read_text()) == {
        "tasks": {"keypoints": {"count": 68, "order": "multi-pie"}}
    }
    dataset = open_dataset(root)
    sample = dataset.samples("train", ["keypoints"])[2]
    np.testing.assert_array_equal(dataset.task("keypoints").read(sample.labels["keypoints"]), face(60))
    assert not list(root.glob("*/.*"))


def test_the_table_says_what_became_of_the_images(root: Path) -> None:
    assert table(annotate_landmarks(root)).splitlines() == [
        "split  images  labelled  of several faces  too small  no face",
        "train       5         3                 1          1        1",
        " test       1         1                 0          0        0",
    ]


def test_another_name_and_some_splits(root: Path) -> None:
    (root / "dataset.yaml").write_text("# mine\ntasks:\n  normals: {}\n")
    annotate_landmarks(root, name="points", splits=["test"])
    assert labels(root, "points") == ["test/points/walk/frame.0001.npy"]
    assert (root / "dataset.yaml").read_text() == (
        "# mine\ntasks:\n  normals: {}\n  points: {kind: keypoints, count: 68, order: multi-pie}\n"
    )


def test_a_detector_without_depth_writes_two_columns(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(lambda _: [face(40, columns=2)], monkeypatch)
    annotate_landmarks(root)
    assert read_npy(root / "train/keypoints/01.npy").shape == (68, 2)


def test_an_interrupted_call_goes_on_where_it_stopped(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def interrupted(image: np.ndarray) -> list[np.ndarray]:
        if len(looked) == 3:
            raise KeyboardInterrupt
        looked.append(int(image.mean()))
        return by_brightness(image)

    use(interrupted, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        annotate_landmarks(root)
    assert labels(root) == []
    assert not (root / "dataset.yaml").exists()
    seen: list[int] = []
    use(lambda image: seen.append(int(image.mean())) or by_brightness(image), monkeypatch)
    tallies = annotate_landmarks(root)
    assert seen == [0, 50, 100, 100], "images without a label are looked at again"
    assert tallies[0] == Tally("train", 5, labelled=3, too_small=1, no_face=1, earlier=2)
    assert table(tallies).endswith(
        "\n2 of them labelled by an interrupted call; not looked at again, nor for several faces"
    )
    assert len(labels(root)) == 4
    assert not list(root.glob("*/.*"))


def test_labels_that_are_there_are_replaced_only_when_asked_to(root: Path) -> None:
    annotate_landmarks(root)
    (root / "train/keypoints/00.npy").rename(root / "train/keypoints/00.json")
    shutil.copy(root / "train/keypoints/02.npy", root / "train/keypoints/01.npy")  # of an image without a face
    shutil.copy(root / "train/keypoints/02.npy", root / "train/keypoints/another.npy")  # of no image
    (root / "train/keypoints/02.npy").write_bytes(b"old")
    with pytest.raises(
        InputError, match=r"train/keypoints: 5 labels are there already; choose another name, or set overwrite"
    ):
        annotate_landmarks(root)
    assert (root / "train/keypoints/02.npy").read_bytes() == b"old"
    annotate_landmarks(root, overwrite=True)
    assert [Path(path).name for path in labels(root)] == ["frame.0001.npy", "00.npy", "02.npy", "04.npy", "another.npy"]
    np.testing.assert_array_equal(read_npy(root / "train/keypoints/02.npy"), face(60))
    assert not list(root.glob("*/.*"))


def test_no_face_anywhere_is_an_error_and_writes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(root.rglob("*"))
    use(lambda _: [], monkeypatch)
    with pytest.raises(
        InputError, match=r"set: no face found in any of 6 images; nothing was written: other images, or"
    ):
        annotate_landmarks(root)
    use(lambda _: [face(SMALLEST_PX - 0.5)], monkeypatch)
    with pytest.raises(
        InputError, match=r"any of 6 images that is larger than 20 pixels \(6 have smaller ones\); nothin"
    ):
        annotate_landmarks(root)
    assert sorted(root.rglob("*")) == before


def test_bad_settings_are_refused_before_the_work(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(lambda _: pytest.fail("looked at an image"), monkeypatch)
    with pytest.raises(InputError, match="nowhere: no such folder"):
        annotate_landmarks(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"set: no images; they lie in ROOT/val/image$"):
        annotate_landmarks(root, splits=["val"])
    with pytest.raises(InputError, match="unknown split 'tset': did you mean 'test'"):
        annotate_landmarks(root, splits=["tset"])
    with pytest.raises(InputError, match="unknown detector 'mediapip': did you mean 'mediapipe'"):
        annotate_landmarks(root, detector="mediapip")
    with pytest.raises(InputError, match=r"task name '\.\./x': give letters"):
        annotate_landmarks(root, name="../x")
    with pytest.raises(InputError, match=r"device is 'gpu'; choose auto, cpu"):
        annotate_landmarks(root, detector="face-alignment", device="gpu")
    (root / "dataset.yaml").write_text("tasks: [unclosed")
    with pytest.raises(InputError, match=r"dataset\.yaml: not valid YAML"):
        annotate_landmarks(root)
    (root / "dataset.yaml").write_text("tasks: {keypoints: {count: 5}}")
    with pytest.raises(
        InputError, match=r"dataset\.yaml: 'keypoints' is declared as \{'count': 5\}, not as \{'count': 68, .*choose an"
    ):
        annotate_landmarks(root)


def test_the_face_mesh_labels_a_photograph(face_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing imitated; the models come from where PyTorch keeps its weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    shutil.copytree(face_models, tmp_path / "hub/headfreeze")
    path = tmp_path / "faces/train/image/her.jpg"
    path.parent.mkdir(parents=True)
    Image.fromarray(portrait()).save(path, quality=95)
    assert annotate_landmarks(tmp_path / "faces") == [Tally("train", 1, labelled=1)]
    label = read_npy(tmp_path / "faces/train/keypoints/her.npy")
    np.testing.assert_allclose(label[30, :2], (225, 127), atol=3)
