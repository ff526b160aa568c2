"""The meshes against the ray caster, which knows the same room in another form; Mitsuba is not needed here."""

from dataclasses import replace

import numpy as np
import pytest

from headfreeze.synth.building import draw_room
from headfreeze.synth.camera import ANY
from headfreeze.synth.path_traced.surfaces import Triangles, joined, meshes
from headfreeze.synth.scene import Niches, Room
from headfreeze.synth.shapes import BALL, BOX, CYLINDER, IDENTITY, WEDGE, rotation
from tests.synth.hand_made import box_room, shapes


def of_solid(kind: int, half: tuple[float, float, float], turn: np.ndarray = IDENTITY) -> Triangles:
    """The mesh of one solid in an empty room."""
    room = box_room(5, 5, shapes((kind, (1, 2, 2), turn, half, "object")))
    return meshes(room, np.ones(len(room.surface_material), np.float32))[room.first_solid]


def volume(mesh: Triangles) -> float:
    """By the divergence theorem: right only where a mesh is closed and faces outwards."""
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces].astype(float), 1, 0)
    return float((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize(
    ("kind", "share"), [(BOX, 8), (WEDGE, 4), (CYLINDER, 2 * np.pi), (BALL, 4 / 3 * np.pi)], ids=lambda v: str(v)[:4]
)
def test_solids_are_closed_face_outwards_and_have_their_volume(kind: int, share: float) -> None:
    mesh = of_solid(kind, (0.3, 0.5, 0.7), rotation(0, 40) @ rotation(2, 25))
    assert volume(mesh) == pytest.approx(share * 0.3 * 0.5 * 0.7, rel=0.01)


@pytest.mark.parametrize("kind", [BOX, WEDGE, CYLINDER, BALL])
def test_normals_are_those_of_the_surface(kind: int) -> None:
    mesh = of_solid(kind, (0.3, 0.5, 0.7), rotation(1, 30))
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-6)
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces].astype(float), 1, 0)
    flat = np.cross(b - a, c - a)
    size = np.linalg.norm(flat, axis=1)
    cosine = (flat[:, None] * mesh.normals[mesh.faces]).sum(2)[size > 1e-9] / size[size > 1e-9, None]
    assert cosine.min() > np.cos(np.deg2rad(12))  # a facet's corners may lean a facet's width
    middle = (flat * mesh.normals[mesh.faces].mean(1)).sum(1)[size > 1e-9] / size[size > 1e-9]
    assert middle.min() > 0.985


@pytest.mark.parametrize("seed", range(4))
def test_walls_end_where_their_niches_begin(seed: int) -> None:
    room, _ = draw_room(np.random.default_rng(seed), ANY)
    surfaces = meshes(room, np.ones(len(room.surface_material), np.float32))
    shell = joined([*surfaces[: room.first_solid], *surfaces[room.first_niche :]])
    # The shell is closed and faces inwards: its volume is the room's and its niches', whichever origin is taken.
    niches = 8 * room.niches.shapes.half.astype(float).prod(1).sum()
    bare = joined(meshes(_without_niches(room), np.ones(room.first_niche, np.float32))[: room.first_solid])
    assert -volume(shell) == pytest.approx(-volume(bare) + niches, rel=1e-5)


def _without_niches(room: Room) -> Room:
    return replace(room, niches=Niches(shapes(), np.zeros(0, np.int64)))


def test_patterns_repeat_after_their_period_or_fill_a_face() -> None:
    room = box_room(2, 3, shapes((BOX, (0, 0, 1), IDENTITY, (0.4, 0.2, 0.6), "cabinet")))
    period = np.full(len(room.surface_material), 0.5, np.float32)
    repeated = meshes(room, period)
    assert np.ptp(repeated[0].uv, axis=0) == pytest.approx([8, 8])  # a floor of 4 m
    assert np.ptp(repeated[room.first_solid].uv, axis=0) == pytest.approx([0.8 / 0.5, 1.2 / 0.5])
    stretched = meshes(room, 0 * period)[room.first_solid]
    assert stretched.uv.min() == pytest.approx(0)
    assert stretched.uv.max() == pytest.approx(1)
    assert set(np.round(stretched.uv.ravel(), 5)) == {0, 1}
