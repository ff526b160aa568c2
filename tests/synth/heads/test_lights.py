import numpy as np
import pytest

from headfreeze.meshes.trace import Mesh, vertex_normals
from headfreeze.synth.heads import lights, looks
from headfreeze.synth.heads.lights import SURROUNDINGS, Lamp, Lighting, ambient, directions
from tests.synth.heads.small_model import ball_mesh
from tests.synth.heads.test_scene import CENTRE, RADIUS, VIEW, Scene, scene

EVEN = np.ones((SURROUNDINGS, 3), np.float32)


def test_directions_are_unit_vectors_without_a_preferred_one() -> None:
    towards = directions()
    assert np.allclose(np.linalg.norm(towards, axis=1), 1, atol=1e-6)
    assert np.abs(towards.mean(0)).max() < 0.02
    assert np.allclose(towards.T @ towards / len(towards), np.eye(3) / 3, atol=0.02)


def test_even_surroundings_light_a_ball_evenly_and_the_inside_of_a_ball_not_at_all() -> None:
    places, triangles = ball_mesh(40, 60)
    mesh = Mesh(places.astype(np.float32), triangles.astype(np.int64))
    normals = vertex_normals(mesh.vertices, mesh.triangles)
    some = np.arange(60, len(places) - 60, 7)
    assert np.allclose(ambient(mesh, normals, some, EVEN), 1, atol=0.1)  # as many directions as it takes
    assert not ambient(mesh, -normals, some, EVEN).any()


def test_light_from_one_side_lights_that_side() -> None:
    places, triangles = ball_mesh(40, 60)
    mesh = Mesh(places.astype(np.float32), triangles.astype(np.int64))
    normals = vertex_normals(mesh.vertices, mesh.triangles)
    from_right = np.repeat(directions()[:, :1].clip(0), 3, axis=1)
    light = ambient(mesh, normals, np.arange(len(places)), from_right)[:, 0]
    inner = slice(60, -60)  # a pole is many vertices in one place, of which one has triangles
    # The integral of max(x, 0) n·d over the hemisphere, over pi: 2/3 at the right pole, 0 at the left one.
    assert light[inner].max() == pytest.approx(2 / 3, abs=0.05)
    assert light[inner][places[inner, 0] < -0.97].max() < 0.01


def _lit(monkeypatch: pytest.MonkeyPatch, lamp_at: np.ndarray, shielded: bool) -> np.ndarray:
    """A ball in a photograph with one small lamp and no other light; perhaps with a plate between ball and lamp."""
    vertices, triangles = ball_mesh(100, 120)
    vertices = CENTRE + RADIUS * vertices
    if shielded:
        middle = CENTRE + 0.5 * (lamp_at - CENTRE)
        corners = middle + 0.3 * np.array([[0, -1, -1], [0, 1, -1], [0, 1, 1], [0, -1, 1]])
        triangles = np.concatenate([triangles, len(vertices) + np.array([[0, 1, 2], [0, 2, 3]])])
        vertices = np.concatenate([vertices, corners])
    lamp = Lamp(np.tile(lamp_at, (len(looks.SAMPLES), 1)).astype(np.float32), np.ones(3, np.float32))
    dark = Lighting(0 * EVEN + np.float32(1e-4), (lamp,))
    for name in ("strobe_lighting", "everyday_lighting"):
        monkeypatch.setattr(looks, name, lambda *_: dark)
    monkeypatch.setattr(looks, "compress", lambda picture, _: picture)
    monkeypatch.setattr(looks, "develop", lambda light, *_, **__: np.round(light * 100).astype(np.uint8))
    made: Scene = scene(Mesh(vertices.astype(np.float32), triangles.astype(np.int64)))
    return looks.photographic(made, 64, np.random.default_rng(3)).mean(2)


def test_a_lamp_lights_the_side_that_faces_it_unless_something_is_between(monkeypatch: pytest.MonkeyPatch) -> None:
    right = CENTRE + np.array([2.0, 0, 0.3])
    column, row = (int(v) for v in VIEW.project(np.float32(CENTRE)[None], 64)[0])
    lit, shielded = (_lit(monkeypatch, right, shield)[row, column - 15 : column + 16] for shield in (False, True))
    assert lit[-8:].min() > 5 * lit[:8].max()
    assert shielded[-8:].max() < 0.2 * lit[-8:].min()


@pytest.mark.parametrize("draw", [lights.soft_lighting, lights.everyday_lighting, lights.strobe_lighting])
def test_light_is_never_negative_and_lamps_stand_before_the_head_or_beside_it(draw) -> None:
    head = np.float32([0, 0, -2])
    for seed in range(30):
        lighting = draw(head, 4, np.random.default_rng(seed))
        assert (lighting.surroundings >= 0).all()
        assert 1 <= len(lighting.lamps) <= 3
        for lamp in lighting.lamps:
            assert lamp.places.shape == (4, 3)
            assert (lamp.colour >= 0).all()
