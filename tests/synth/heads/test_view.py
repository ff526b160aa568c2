import numpy as np
import pytest

from headfreeze.synth.heads.view import DISTANCE_M, MARGIN, OFF_CENTRE, POSES, Poses, framed, turned

NOSE, LEFT, CROWN = np.float32([[0, 0, 0.1], [0.1, 0, 0], [0, 0.1, 0]])
AXES = np.concatenate([[NOSE], [-NOSE], [LEFT], [-LEFT], [CROWN], [-CROWN]])


class Fixed:
    """A generator whose numbers are known: even ones end at the upper limit, normal ones are as given."""

    def __init__(self, normal: float) -> None:
        self.value = normal

    def uniform(self, *limits: float) -> float:
        return limits[1]

    def normal(self, size: int) -> np.ndarray:
        return np.full(size, self.value)


def looks_at(vertices: np.ndarray) -> np.ndarray:
    """Where the nose points, in the camera's frame."""
    ahead = vertices[0] - vertices[1]
    return ahead / np.linalg.norm(ahead)


def test_positive_yaw_turns_to_the_pictures_right_positive_pitch_up_and_roll_keeps_the_nose() -> None:
    right = turned(AXES, Poses(30, 0, 0), Fixed(0))  # type: ignore[arg-type]
    assert looks_at(right) == pytest.approx([0.5, 0, np.sqrt(0.75)], abs=1e-6)
    up = turned(AXES, Poses(0, 30, 0), Fixed(1))  # type: ignore[arg-type]
    assert looks_at(up) == pytest.approx([0, 0.5, np.sqrt(0.75)], abs=1e-6)
    leaning = turned(AXES, Poses(0, 0, 30), Fixed(1))  # type: ignore[arg-type]
    assert looks_at(leaning) == pytest.approx([0, 0, 1], abs=1e-6)
    crown = leaning[4] - leaning[5]
    assert crown / np.linalg.norm(crown) == pytest.approx([-0.5, np.sqrt(0.75), 0], abs=1e-6)


@pytest.mark.parametrize("name", POSES)
def test_heads_are_turned_within_their_range_and_never_bent(name: str) -> None:
    rng = np.random.default_rng(0)
    yaws = []
    for _ in range(400):
        vertices = turned(AXES, POSES[name], rng)
        assert np.allclose(np.linalg.norm(vertices - vertices.mean(0), axis=1), 0.1, atol=1e-5)
        assert DISTANCE_M[0] - 1e-3 <= -vertices.mean(0)[2] <= DISTANCE_M[1] + 1e-3
        x, _, z = looks_at(vertices)
        yaws.append(np.rad2deg(np.arctan2(x, z)))
    beyond = {"frontal": 3, "natural": 9, "wide": 12}[name]  # leaning turns a nod into a little yaw
    assert POSES[name].yaw_deg * 0.9 < np.abs(yaws).max() < POSES[name].yaw_deg + beyond
    assert abs(np.mean(yaws)) < POSES[name].yaw_deg / 8


def test_distributions_go_from_frontal_to_wide() -> None:
    assert [POSES[name].yaw_deg for name in ("frontal", "natural", "wide")] == [10, 35, 60]
    assert [POSES[name].pitch_deg for name in ("frontal", "natural", "wide")] == [5, 13, 14]


def test_landmarks_fill_the_picture_as_the_margin_says() -> None:
    rng = np.random.default_rng(1)
    shares, strays = [], []
    for _ in range(300):
        points = np.float32([[-0.07, 0.05, 0], [0.07, 0.05, 0], [0, -0.09, 0.02]]) + np.float32([0.1, -0.2, -1.5])
        seen = framed(points, rng).project(points, 1)
        low, high = seen.min(0), seen.max(0)
        shares.append(1 / (high - low).max())
        strays.append(np.abs((low + high) / 2 - 0.5).max())
    assert MARGIN[0] - 1e-6 <= min(shares) < MARGIN[0] * 1.05
    assert MARGIN[1] * 0.95 < max(shares) <= MARGIN[1] + 1e-6
    assert OFF_CENTRE * 0.95 < max(strays) <= OFF_CENTRE + 1e-6
