"""Normals of a fitted head as an anchor: what is written, what is left out, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from headfreeze.annotate.head import annotate_head
from headfreeze.cli import run
from headfreeze.data.folder import open_dataset
from headfreeze.errors import InputError
from headfreeze.synth.faces import write_faces
from tests.synth.heads.small_model import write_npz

SIZE, TRAIN = 64, 3


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_npz(tmp_path_factory.mktemp("model") / "model.npz")


@pytest.fixture
def faces(model: Path, tmp_path: Path) -> Path:
    styles = {"source_poses": "natural", "source_expressions": "neutral"}
    write_faces(tmp_path / "faces", model=model, source=TRAIN, target=1, size=SIZE, workers=1, **styles)
    return tmp_path / "faces/source"


def written(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_faces_get_the_normals_of_heads_that_have_their_landmarks(
    faces: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["annotate", "head", str(faces), "--model", str(model)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"19 maps of normals written to {faces}/*/head; landmarks lie within ")
    assert said.endswith(" mm of their heads' (median)\n")
    dataset = open_dataset(faces)
    assert dataset.task("head").options() == {"kind": "normals"}
    errors = []
    for sample in dataset.samples("train", ["head", "normals", "mask"]):
        labels = {name: sample.label(dataset.task(name)).numpy() for name in ("head", "normals", "mask")}
        face, true = labels["head"].any(0), labels["normals"].any(0)
        assert labels["head"].shape == (3, SIZE, SIZE)
        # Rendered heads have hair under the brows, and depth: outlines are alike, and no more.
        assert (face & (labels["mask"][0] == 1)).sum() > 0.8 * face.sum()
        both = face & true
        cosine = (labels["head"] * labels["normals"]).sum(0)[both]
        errors.append(np.rad2deg(np.arccos(cosine.clip(-1, 1))).mean())
    assert len(errors) == TRAIN
    assert np.mean(errors) < 15


def test_an_image_without_a_face_gets_no_label(faces: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = faces / "train/keypoints/000001.npy"
    np.save(points, np.random.default_rng(0).uniform(0, SIZE, (68, 2)))
    (faces / "train/keypoints/000002.npy").unlink()
    assert run(["annotate", "head", str(faces), "--model", str(model), "--name", "shape"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("17 maps of normals")
    assert said[1:] == ["1 images have landmarks that no head has, and got no label"]
    assert [path.name for path in (faces / "train/shape").iterdir()] == ["000000.png"]


def test_nothing_is_written_where_there_is_nothing_to_write(faces: Path, model: Path) -> None:
    for path in faces.glob("*/keypoints/*.npy"):
        np.save(path, np.zeros((68, 2)))
    before = written(faces)
    with pytest.raises(InputError, match="none of 19 images could be labelled; nothing was written"):
        annotate_head(faces, model=model)
    assert written(faces) == before
    for path in faces.glob("*/keypoints/*.npy"):
        path.unlink()
    with pytest.raises(InputError, match="no labels of 'keypoints'; they lie in ROOT/"):
        annotate_head(faces, model=model)


def test_what_cannot_be_is_refused_before_anything_is_fitted(faces: Path, model: Path, tmp_path: Path) -> None:
    before = written(faces)
    for settings, said in (
        ({"landmarks": "mask"}, "'mask' is no task of 68 keypoints in the order multi-pie"),
        ({"landmarks": "marks"}, "unknown task 'marks'"),
        ({"name": "keypoints"}, "name is 'keypoints', the task that has the landmarks; choose another name"),
        ({"name": "depth"}, "train/depth: 3 labels are there already"),
        ({"name": "depth", "overwrite": True}, "'depth' is declared as "),
        ({"model": tmp_path / "none"}, "model '.*none' does not exist; clone https://github.com/ICT-VGL/ICT-FaceKit"),
    ):
        with pytest.raises(InputError, match=said):
            annotate_head(faces, **{"model": model, **settings})
    assert written(faces) == before


def test_labels_stay_unless_they_are_to_be_overwritten(faces: Path, model: Path) -> None:
    annotate_head(faces, model=model)
    first = written(faces)
    with pytest.raises(InputError, match="labels are there already; choose another name, or set overwrite"):
        annotate_head(faces, model=model)
    points = faces / "train/keypoints/000000.npy"
    np.save(points, np.load(points)[:, :2] + 4)
    annotate_head(faces, model=model, overwrite=True)
    changed = {name for name, content in written(faces).items() if first[name] != content}
    assert changed == {"train/keypoints/000000.npy", "train/head/000000.png"}
