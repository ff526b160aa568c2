import numpy as np
import pytest

from headfreeze.synth.heads.hair import Hair, draw_hair
from headfreeze.synth.heads.ict_facekit import load_model
from headfreeze.synth.heads.model import HeadModel
from headfreeze.synth.heads.person import EXPRESSIONS, Expressions, draw_person
from headfreeze.synth.heads.regions import Regions, at, face_outline, regions
from tests.synth.heads.small_model import write_npz

BALD = Hair(0.0, 0.0, 0.0, 0.03)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> HeadModel:
    return load_model(write_npz(tmp_path_factory.mktemp("model") / "model.npz"))


def people(model: HeadModel, expressions: str | Expressions, count: int = 60, hair: Hair = BALD) -> np.ndarray:
    kind = EXPRESSIONS[expressions] if isinstance(expressions, str) else expressions
    return np.stack([draw_person(model, kind, hair, np.random.default_rng(seed)) for seed in range(count)])


def test_faces_do_more_the_stronger_the_expressions_and_are_otherwise_the_same_people(model: HeadModel) -> None:
    neutral, mild, strong = (people(model, name) for name in ("neutral", "mild", "strong"))
    mouth = model.landmarks[48:68]
    moved_mild, moved_strong = (np.abs(faces - neutral)[:, mouth].mean() for faces in (mild, strong))
    assert 0 < 1.5 * moved_mild < moved_strong
    forehead = model.landmarks[27]  # no expression of this model gets there
    assert np.allclose(neutral[:, forehead], strong[:, forehead], atol=1e-6)
    assert neutral[:, forehead].std(0).max() > 1e-3


def test_both_sides_of_a_face_smile_together_one_a_little_more(model: HeadModel) -> None:
    smiling = people(model, Expressions(1, 1)) - people(model, Expressions(0, 0))
    right, left = -smiling[:, model.landmarks[48], 0], smiling[:, model.landmarks[54], 0]
    both = (right > 1e-5) | (left > 1e-5)
    assert both.mean() > 0.9
    ratio = left[both] / right[both]
    assert ((ratio > 0.7) & (ratio < 1.4)).all()
    assert ratio.std() > 0.02


def test_eyes_turn_about_their_middle_both_alike(model: HeadModel) -> None:
    faces = people(model, "neutral")
    turns = []
    for eye in ("left eye", "right eye"):
        rows = model.vertices_of(eye)
        front = rows[model.vertices[rows, 2].argmax()]
        ahead = faces[:, front] - faces[:, rows].mean(1)
        turns.append(np.rad2deg(np.arctan2(ahead[:, 0], ahead[:, 2])))
    assert np.abs(turns[0] - turns[1]).max() < 1
    assert 6 < np.std(turns[0]) < 18


def test_hair_stands_off_the_scalp_by_its_thickness_and_leaves_the_face_alone(model: HeadModel) -> None:
    bald, hairy = (people(model, "neutral", 3, hair) for hair in (BALD, Hair(0.0, 1.0, 0.02, 0.03)))
    lift = np.linalg.norm(hairy - bald, axis=-1)
    assert lift.max() == pytest.approx(0.02, rel=0.2)
    assert not lift[:, model.landmarks].any()
    assert lift[:, bald[0, :, 1].argmax()].min() > 0.01  # on top


def test_hair_is_drawn_from_bald_to_thick() -> None:
    rng = np.random.default_rng(0)
    hair = [draw_hair(rng) for _ in range(300)]
    assert all(0 <= h.density <= 1 and 0 <= h.thickness_m < 0.03 for h in hair)
    assert min(h.density for h in hair) < 0.2
    assert 0.1 < np.mean([h.thickness_m == 0 for h in hair]) < 0.25


def test_fields_are_positive_inside_and_fall_by_as_much_as_one_goes(model: HeadModel) -> None:
    fields = at(regions(model))
    marks = model.landmarks
    skin = np.isin(np.arange(len(model.vertices)), model.vertices_of("skin"))
    x, y, z = model.vertices.T
    mouth = skin & (z > 0) & (np.abs(y + 0.04) < 0.006) & (np.abs(x) < 0.012)
    assert mouth.sum() >= 3
    assert (fields.lips[mouth] > 0).all()
    assert (fields.lips[marks[:48]] < 0).all()
    assert np.abs(fields.lips[marks[48:60]]).max() < 1e-6  # on the edge
    for line in (slice(17, 22), slice(22, 27)):
        assert (fields.brows[marks[line]] > -0.006).all()
    assert (fields.brows[marks[48:68]] < -0.06).all()
    assert np.abs(fields.lashes[marks[36:40]]).max() < 1e-6
    assert fields.iris[model.vertices_of("left eye")].min() < 1e-4
    assert (fields.iris[skin] == 1).all()  # nowhere near
    assert (fields.hair[marks] < 0).all()
    assert fields.hair[y.argmax()] > 0.03
    assert fields.beard[marks[8]] > 0.005
    assert (fields.beard[marks[17:48]] < 0).all()


def test_the_face_is_what_lies_inside_of_the_jaw_and_the_raised_brows(model: HeadModel) -> None:
    fields = at(regions(model))
    marks = model.vertices[model.landmarks]
    assert (fields.face[model.landmarks[27:68]] > 0).all()
    assert np.abs(fields.face[model.landmarks[1:16]]).max() < 1e-6
    apart = np.linalg.norm(marks[39] - marks[42])
    outline = face_outline(marks.astype(float))
    assert outline.shape == (27, 3)
    assert np.allclose(outline[17:, 1], marks[26:16:-1, 1] + 0.3 * apart)
    behind = model.vertices[:, 2] < -0.03
    assert (fields.face[behind] < 0).all()


def test_columns_are_named(model: HeadModel) -> None:
    values = regions(model)
    assert values.shape == (len(model.vertices), len(Regions._fields))
    assert np.isfinite(values).all()
    assert np.array_equal(at(values).up, values[:, Regions._fields.index("up")])
