import json
from pathlib import Path

import numpy as np
import pytest

from headfreeze.errors import InputError
from headfreeze.synth.heads.ict_facekit import load_model
from headfreeze.synth.heads.model import PARTS
from tests.synth.heads.small_model import EXPRESSIONS, EYES, arrays, landmark_places, write_clone, write_npz

FIELDS = ("vertices", "triangles", "part", "identity", "expression", "landmarks")


def test_the_model_is_in_metres_and_without_what_is_never_seen(tmp_path: Path) -> None:
    raw, model = arrays(), load_model(write_npz(tmp_path / "model.npz"))
    assert len(model.triangles) == len(raw["triangles"]) - 1  # the lashes
    assert len(model.vertices) == len(raw["vertices"]) - 3
    assert np.allclose(model.vertices, raw["vertices"][:-3] / 100)
    assert np.allclose(model.identity, raw["identity"][:, :-3] / 100)
    assert model.expression_names == EXPRESSIONS
    places = model.vertices[model.landmarks, :2] * 100
    assert np.abs(places - landmark_places()).max() < 1  # centimetres: the nearest vertex
    for name, eye in (("M_ScleraLeft", "left eye"), ("M_ScleraRight", "right eye")):
        assert np.allclose(model.vertices[model.vertices_of(eye)].mean(0), EYES[name] / 100, atol=1e-3)
    assert set(np.unique(model.part)) == {PARTS.index(p) for p in ("skin", "head", "left eye", "right eye")}


def test_coefficients_add_their_shapes(tmp_path: Path) -> None:
    model = load_model(write_npz(tmp_path / "model.npz"))
    identity, expression = np.float32([2, -1]), np.float32([0, 0.5, 0, 0, 1])
    expected = model.vertices + 2 * model.identity[0] - model.identity[1]
    expected = expected + 0.5 * model.expression[1] + model.expression[4]
    assert np.allclose(model.shape(identity, expression), expected, atol=1e-7)


@pytest.mark.parametrize("inner", ["", "FaceXModel"])
def test_a_clone_gives_the_same_model_as_the_single_file(tmp_path: Path, inner: str) -> None:
    one, other = load_model(write_npz(tmp_path / "m.npz")), load_model(write_clone(tmp_path / "clone") / inner)
    assert one.expression_names == other.expression_names
    for field in FIELDS:
        a, b = (getattr(model, field) for model in (one, other))
        if field in ("triangles", "part"):  # a clone lists them material by material
            a, b = (a[np.lexsort(model.triangles.T)] for a, model in ((a, one), (b, other)))
        assert a.dtype == b.dtype
        assert np.allclose(a, b, atol=1e-8), field


def test_polygons_of_a_clone_are_cut_into_triangles(tmp_path: Path) -> None:
    clone = write_clone(tmp_path / "clone")
    path = clone / "FaceXModel" / "generic_neutral_mesh.obj"
    path.write_text(path.read_text() + "usemtl M_Teeth\nf 1/1/1 2/1/1 3/1/1 4/1/1 5/1/1\n")
    model = load_model(clone)
    assert model.triangles[model.part == PARTS.index("teeth")].tolist() == [[0, 1, 2], [0, 2, 3], [0, 3, 4]]


def test_a_path_where_nothing_is_says_where_the_model_can_be_had(tmp_path: Path) -> None:
    told = r"model '.*nowhere.npz' does not exist; clone https://github.com/ICT-VGL/ICT-FaceKit and give its folder"
    with pytest.raises(InputError, match=told):
        load_model(tmp_path / "nowhere.npz")
    (tmp_path / "face.obj").write_text("v 0 0 0")
    with pytest.raises(InputError, match=r"model '.*face.obj' is neither a folder nor an .npz file; clone "):
        load_model(tmp_path / "face.obj")
    with pytest.raises(InputError, match=r"FaceXModel' holds no vertex_indices.json; clone "):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"identity": None, "landmarks68": None}, "lacks the arrays identity, landmarks68; clone"),
        ({"landmarks68": np.arange(67)}, "damaged .its 67 landmarks are not 68 vertices of the mesh"),
        ({"landmarks68": np.full(68, 10**6)}, "damaged .its 68 landmarks are not 68 vertices of the mesh"),
        ({"expression_names": np.array(["jawOpen"])}, "damaged .5 expressions have 1 names"),
        ({"vertices": np.full((2115, 3), np.nan)}, "damaged .it holds numbers that are not finite"),
        (
            {"triangles": np.where(arrays()["triangles"] == 700, 5000, arrays()["triangles"])},
            "damaged .index 5000 is out of bounds",
        ),
        ({"material_names": np.array([{}], object)}, "damaged .Object arrays cannot be loaded"),
    ],
)
def test_a_file_that_is_no_model_is_told_in_one_line(tmp_path: Path, changes: dict, told: str) -> None:
    with pytest.raises(InputError, match=told):
        load_model(write_npz(tmp_path / "model.npz", **changes))


def test_damaged_files_are_told(tmp_path: Path) -> None:
    whole = write_npz(tmp_path / "model.npz").read_bytes()
    for name, data in (("empty", b""), ("text", b"hello"), ("half", whole[: len(whole) // 2])):
        (tmp_path / f"{name}.npz").write_bytes(data)
        with pytest.raises(InputError, match=rf"model '.*{name}.npz' is damaged \(.*\); clone "):
            load_model(tmp_path / f"{name}.npz")


def test_an_incomplete_clone_is_told(tmp_path: Path) -> None:
    folder = write_clone(tmp_path / "clone") / "FaceXModel"
    (folder / "jawOpen.obj").write_text("v 0 0 0\n")
    with pytest.raises(InputError, match=r"jawOpen.obj has 1 vertices, the neutral mesh 2115; clone "):
        load_model(folder)
    (folder / "jawOpen.obj").write_text("v 0 zero 0\n")
    with pytest.raises(InputError, match=r"is damaged \(could not convert string to float: 'zero'\)"):
        load_model(folder)
    (folder / "jawOpen.obj").unlink()
    with pytest.raises(InputError, match=r"is damaged \(.*jawOpen.obj"):
        load_model(folder)
    for path in folder.glob("identity*"):
        path.unlink()
    with pytest.raises(InputError, match=r"holds no identity000.obj; clone "):
        load_model(folder)
    (folder / "vertex_indices.json").write_text(json.dumps({}))
    with pytest.raises(InputError, match=r"FaceXModel' holds no identity000.obj"):
        load_model(folder)
