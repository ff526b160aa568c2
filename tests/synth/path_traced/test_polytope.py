import numpy as np
import pytest
from scipy.spatial import ConvexHull, HalfspaceIntersection

from headfreeze.synth.path_traced.polytope import area, clip, faces, without

SQUARE = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])


@pytest.mark.parametrize("seed", range(6))
def test_faces_of_random_half_spaces_are_those_that_qhull_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(12, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    offset = rng.uniform(0.5, 2, 12)
    box = np.concatenate([np.eye(3), -np.eye(3)])
    normal, offset = np.concatenate([normal, box]), np.concatenate([offset, np.full(6, 3.0)])
    hull = ConvexHull(HalfspaceIntersection(np.column_stack([-normal, -offset]), np.zeros(3)).intersections)
    found = faces(normal, offset)
    assert sum(area(face) for face in found) == pytest.approx(hull.area, rel=1e-6)
    for face, towards, height in zip(found, normal, offset, strict=True):
        if not len(face):
            continue
        np.testing.assert_allclose(face @ towards + height, 0, atol=1e-9)
        assert (face @ normal.T + offset > -1e-9).all()  # no corner is outside
        turn = np.cross(face[1] - face[0], face[2] - face[0])
        assert turn @ towards > 0  # anticlockwise from inside


def test_a_half_space_that_bounds_nothing_has_no_corners() -> None:
    box = np.concatenate([np.eye(3), -np.eye(3)])
    found = faces(np.concatenate([box, [[0, 0, 1]]]), np.array([1, 1, 1, 1, 1, 1, 5.0]))
    assert [len(face) for face in found] == [4] * 6 + [0]


def test_clipping_keeps_one_side() -> None:
    half = clip(SQUARE, np.array([1.0, 0, 0]), 0.5)
    assert half[:, 0].min() == pytest.approx(-0.5)
    assert area(half) == pytest.approx(3)
    assert len(clip(SQUARE, np.array([0, 0, 1.0]), -1.0)) == 0
    assert len(clip(SQUARE, np.array([1.0, 0, 0]), -1.0)) == 0  # an edge is no polygon


def test_holes_take_their_area_and_leave_no_point_of_themselves() -> None:
    def hole(x: float, y: float, half: float) -> tuple[np.ndarray, np.ndarray]:
        normal = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
        return normal, half - normal @ np.array([x, y, 0])

    pieces = without(without([SQUARE], *hole(-0.4, 0.1, 0.2)), *hole(0.5, -0.3, 0.3))
    assert sum(area(piece) for piece in pieces) == pytest.approx(4 - 0.16 - 0.36)
    for piece in pieces:
        x, y, _ = piece.mean(0)
        assert not (abs(x + 0.4) < 0.2 and abs(y - 0.1) < 0.2)
        assert not (abs(x - 0.5) < 0.3 and abs(y + 0.3) < 0.3)
    beside = without([SQUARE], *hole(5, 5, 0.5))
    assert sum(area(piece) for piece in beside) == pytest.approx(4)
