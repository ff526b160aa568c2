"""Mitsuba against our ray caster: two programs that know one room in two forms must see the same."""

import numpy as np
import pytest

from headfreeze.synth.building import draw_room
from headfreeze.synth.camera import PITCH_DEG, Camera, picture
from headfreeze.synth.looks import _albedo
from headfreeze.synth.materials import photographic_materials
from headfreeze.synth.path_traced.engine import mitsuba
from headfreeze.synth.path_traced.lighting import Disc, Lighting, draw_lighting
from headfreeze.synth.path_traced.scene import build_scene, trace, trace_guides
from headfreeze.synth.raycast import cast
from headfreeze.synth.shapes import f32
from tests.synth.hand_made import box_room

pytest.importorskip("mitsuba", reason="Mitsuba is not installed: pip install 'headfreeze[synth]'")
SIZE = 40


def inside_of_surfaces(surface: np.ndarray) -> np.ndarray:
    """Pixels whose neighbours all see the same surface."""
    same = np.ones_like(surface, bool)
    for axis in (0, 1):
        for step in (1, -1):
            same &= np.roll(surface, step, axis) == surface
    same[[0, -1]] = same[:, [0, -1]] = False
    return same


@pytest.mark.parametrize("seed", range(8))
def test_mitsuba_sees_the_labels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    room, camera = draw_room(rng, PITCH_DEG["target"])
    materials = photographic_materials(room.materials, rng)
    with mitsuba() as mi:
        scene = build_scene(mi, room, camera, materials, draw_lighting(room, materials.glow, rng), SIZE)
        albedo, normal, position = trace_guides(mi, scene, 64, seed)
    hits = cast(room, camera.position, camera.rays(SIZE))
    kept = inside_of_surfaces(picture(hits.surface, SIZE))
    assert kept.mean() > 0.5
    cosine = (normal * picture(hits.normal, SIZE)).sum(-1) / np.linalg.norm(normal, axis=-1)
    assert (cosine > np.cos(np.deg2rad(1)))[kept].mean() > 0.98
    # A pixel's mean position is its centre's only where depth is linear in it: compare along the normal.
    point = picture(camera.position[:, None] + camera.rays(SIZE) * hits.distance, SIZE)
    off_plane = np.abs(((position - point) * picture(hits.normal, SIZE)).sum(-1))
    assert (off_plane < 0.01)[kept].mean() > 0.98
    depth = (position - camera.position) @ -camera.frame[:, 2]
    head_on = kept & (picture(hits.distance, SIZE) < 3) & (np.abs(picture(hits.normal, SIZE) @ camera.frame[:, 2]) > 0.7)
    assert (np.abs(depth - picture(hits.distance, SIZE)) < 0.01)[head_on].mean() > 0.98
    del albedo
