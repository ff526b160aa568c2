"""Heads found again from their landmarks: known poses, SciPy on the same objective, mirrors, strays and gaps."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from headfreeze.meshes.trace import vertex_normals
from headfreeze.synth.faces import Style, draw_sample
from headfreeze.synth.heads.fitting import FEWEST, FIRST, NOISE_M, face_normals, fit_head
from headfreeze.synth.heads.ict_facekit import load_model
from headfreeze.synth.heads.model import HeadModel
from headfreeze.tasks.point_orders import ORDERS
from tests.synth.heads.small_model import write_npz

SIZE_PX, PLACE = 900.0, np.array([80.0, -90.0])  # pixels for a metre; in the picture, y up
WIDE, LONG = 1.5, -1.0
TURNS = {"level": (0, 0, 0), "aside": (0, 45, 0), "up": (-20, 10, 0), "leaning": (5, -30, 25)}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> HeadModel:
    return load_model(write_npz(tmp_path_factory.mktemp("model") / "model.npz"))


def seen(model: HeadModel, degrees: tuple[float, float, float], identity: tuple[float, float]) -> np.ndarray:
    """The vertices of a head in a picture: pixels, x right, y up, z toward the viewer."""
    shape = model.shape(np.float32(identity), np.zeros(len(model.expression), np.float32))
    turn = Rotation.from_euler("yxz", np.array(degrees)[[1, 0, 2]], degrees=True).as_matrix()
    return SIZE_PX * shape @ turn.T + (*PLACE, 0)


def landmarks_of(model: HeadModel, vertices: np.ndarray) -> np.ndarray:
    return vertices[model.landmarks, :2] * (1, -1)


def angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    both = a.any(-1) & b.any(-1)
    return np.rad2deg(np.arccos((a[both] * b[both]).sum(-1).clip(-1, 1)))


@pytest.mark.parametrize("degrees", TURNS.values(), ids=TURNS)
def test_a_head_is_found_again_from_its_landmarks(model: HeadModel, degrees: tuple[float, float, float]) -> None:
    # The prior draws another head than the mean one a little toward that, which turns it.
    for identity, off_deg, off_m in (((0, 0), 0.05, 1e-4), ((WIDE, LONG), 4, 0.003)):
        vertices = seen(model, degrees, identity)
        found = fit_head(model, landmarks_of(model, vertices))
        assert found
        assert found.residual_m < off_m / 4
        skin = model.vertices_of("skin")
        normals = [vertex_normals(np.float32(v), model.triangles)[skin] for v in (vertices, found.vertices)]
        assert np.median(angles(*normals)) < off_deg
        away = (found.vertices - vertices)[skin, :2]
        assert np.sqrt((away**2).sum(1)).mean() < off_m * SIZE_PX


def test_the_optimum_is_that_which_scipy_finds(model: HeadModel) -> None:
    rng = np.random.default_rng(3)
    wanted = landmarks_of(model, seen(model, (-8, 20, 5), (WIDE, LONG))) + rng.normal(0, NOISE_M * SIZE_PX, (68, 2))
    wanted[40] += 40  # one that is far off
    names = [name for name in model.expression_names if not name.startswith("eyeLook")]
    moved = model.expression[[model.expression_names.index(name) for name in names]]

    def head(unknown: np.ndarray) -> np.ndarray:
        shape = model.vertices + np.tensordot(unknown[6:8], model.identity, 1) + np.tensordot(unknown[8:], moved, 1)
        turned = Rotation.from_rotvec(unknown[:3]).apply(shape[model.landmarks[FIRST:]])
        return np.exp(unknown[3]) * turned[:, :2] + unknown[4:6]

    ours = fit_head(model, wanted)
    assert ours
    noise = NOISE_M * ours.size

    def faults(unknown: np.ndarray) -> np.ndarray:
        """Square roots of what is added up: Huber's function of each landmark's distance, and the priors."""
        away = (wanted[FIRST:] * (1, -1) - head(unknown)) / noise
        far = np.linalg.norm(away, axis=1).clip(1e-9)
        huber = np.where(far < 2, far**2, 4 * far - 4)
        return np.concatenate([(away * (np.sqrt(huber) / far)[:, None]).ravel(), unknown[6:8], unknown[8:] / 0.3])

    start = np.concatenate([[0, 0, 0, np.log(SIZE_PX)], PLACE, np.zeros(2 + len(names))])
    theirs = least_squares(faults, start, xtol=1e-12, ftol=1e-12).x
    away = ours.vertices[model.landmarks[FIRST:], :2] - head(theirs)
    assert np.abs(away).max() < 0.02 * noise


def test_a_mirrored_picture_has_the_mirrored_normals(model: HeadModel) -> None:
    landmarks = landmarks_of(model, seen(model, (-5, 25, 10), (WIDE, LONG)))
    mirrored = (landmarks * (-1, 1) + (160, 0))[list(ORDERS["multi-pie"].mirror)]
    heads = [fit_head(model, points) for points in (landmarks, mirrored)]
    first, second = (face_normals(model, head, 160, 160) for head in heads if head)
    other = second[:, ::-1] * (-1, 1, 1)
    assert (first.any(-1) == other.any(-1)).mean() > 0.99
    assert angles(first, other).mean() < 1.5


def test_one_landmark_that_is_far_off_turns_no_head(model: HeadModel) -> None:
    landmarks = landmarks_of(model, seen(model, (0, 20, 0), (WIDE, LONG)))
    stray = landmarks.copy()
    stray[30] += 30
    first, second = (fit_head(model, points) for points in (landmarks, stray))
    assert first
    assert second
    assert angles(*(vertex_normals(h.vertices, model.triangles) for h in (first, second))).mean() < 4


def test_the_jaw_and_what_is_unknown_say_nothing(model: HeadModel) -> None:
    landmarks = landmarks_of(model, seen(model, (0, 20, 0), (WIDE, LONG)))
    other = landmarks.copy()
    other[:FIRST] += 50
    other[[20, 40, 60]] = landmarks[[20, 40, 60]]
    some = other.copy()
    some[[20, 40, 60], 0] = np.nan
    whole, jawless, gaps = (fit_head(model, points) for points in (landmarks, other, some))
    assert whole
    assert jawless
    assert gaps
    assert np.array_equal(whole.vertices, jawless.vertices)
    assert angles(*(vertex_normals(h.vertices, model.triangles) for h in (whole, gaps))).mean() < 2


def test_there_is_no_head_for_what_is_no_face(model: HeadModel) -> None:
    landmarks = landmarks_of(model, seen(model, (0, 0, 0), (0, 0)))
    few = np.full_like(landmarks, np.nan)
    few[FIRST : FIRST + FEWEST - 1] = landmarks[FIRST : FIRST + FEWEST - 1]
    assert fit_head(model, few) is None
    assert fit_head(model, np.zeros((68, 2))) is None
    assert fit_head(model, landmarks * (1, 0)) is None, "on one line"
    assert fit_head(model, np.random.default_rng(0).uniform(0, 100, (68, 2))) is None


def test_normals_are_those_of_the_face_alone_where_it_is_seen(model: HeadModel) -> None:
    head = fit_head(model, landmarks_of(model, seen(model, (0, 0, 0), (0, 0))))
    assert head
    label = face_normals(model, head, 180, 160)
    face = label.any(-1)
    rows, columns = np.nonzero(face)
    marks = landmarks_of(model, head.vertices)
    assert rows.min() >= marks[17:27, 1].min() - 12, "not the forehead"
    assert rows.max() <= marks[8, 1] + 2, "not the neck"
    assert columns.min() >= marks[0, 0] - 2
    assert columns.max() <= marks[16, 0] + 2
    assert (label[..., 2][face] > 0).all()
    assert np.abs(np.linalg.norm(label[face], axis=-1) - 1).max() < 1e-5
    left, right = face & (np.arange(160) < PLACE[0] - 5), face & (np.arange(160) > PLACE[0] + 5)
    assert label[left][:, 0].mean() < -0.2
    assert label[right][:, 0].mean() > 0.2
    upper = face & (np.arange(180)[:, None] < marks[30, 1])
    assert label[upper][:, 1].mean() > 0.1 > label[face & ~upper][:, 1].mean()


@pytest.mark.shared
def test_rendered_faces_have_their_normals_to_twelve_degrees(shared_data: Path) -> None:
    path = shared_data / "ict_facekit/ict_facekit_light.npz"
    model, style = load_model(path), Style("wide", "mild", "clean")
    errors, constant = [], []
    for index in range(12):
        labels = draw_sample("source", "train", index, model=path, size=64, seed=0, styles={"source": style}).labels
        head = fit_head(model, labels["keypoints"][:, :2].astype(float))
        assert head
        found, true = face_normals(model, head, 64, 64), labels["normals"] * (labels["mask"] > 0)[..., None]
        assert ((found.any(-1)) & (true.any(-1))).sum() > 0.9 * true.any(-1).sum()
        errors.append(angles(found, true).mean())
        mean = true[true.any(-1)].mean(0)
        constant.append(angles(np.broadcast_to(mean / np.linalg.norm(mean), true.shape), true).mean())
    assert np.mean(errors) < 12
    assert np.mean(constant) > 30
