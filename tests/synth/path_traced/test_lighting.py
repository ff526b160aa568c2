import numpy as np
import pytest

from headfreeze.synth.building import draw_room
from headfreeze.synth.camera import ANY
from headfreeze.synth.materials import photographic_materials
from headfreeze.synth.path_traced.lighting import Lighting, draw_lighting, windows
from headfreeze.synth.scene import Room
from headfreeze.synth.shapes import BOX, IDENTITY
from headfreeze.synth.spans import spans
from tests.synth.hand_made import box_room, shapes


def drawn(seed: int) -> tuple[Room, np.ndarray, Lighting]:
    rng = np.random.default_rng(seed)
    room, _ = draw_room(rng, ANY)
    glow = photographic_materials(room.materials, rng).glow
    return room, glow, draw_lighting(room, glow, rng)


ROOMS = [drawn(seed) for seed in range(40)]


def test_every_room_has_light_and_daylight_only_where_a_window_lets_it_in() -> None:
    days = 0
    for room, glow, lighting in ROOMS:
        day = lighting.view.max() > 0.1
        days += day
        assert len(windows(room, glow)) or not day
        assert day or lighting.disc or lighting.shades.any()
        assert day or not lighting.sun
    assert 10 < days < 30


def test_ceiling_lamps_are_flush_with_the_ceiling_whole_and_not_inside_of_a_solid() -> None:
    discs = [(room, lighting.disc) for room, _, lighting in ROOMS if lighting.disc]
    assert len(discs) > 10
    slanted = 0
    for room, disc in discs:
        height = room.plane_normal @ disc.centre + room.plane_offset
        assert height.min() == pytest.approx(0.002, abs=1e-4)
        ceiling = height.argmin()
        assert (room.plane_normal[ceiling] == disc.normal).all()
        assert np.delete(height, ceiling).min() > 0
        slanted += disc.normal[2] > -0.99
        down = disc.normal[:, None] + np.float32([[1e-4], [2e-4], [0]])
        enter, leave = spans(room.solids, np.arange(len(room.solids)), disc.centre, down)
        assert not ((enter < 0) & (leave > 0)).any()
    assert slanted


def test_a_pillar_under_the_light_does_not_hide_the_lamp() -> None:
    pillar = shapes((BOX, (0, 0, 1.5), IDENTITY, (0.2, 0.2, 1.6), "object"))
    for seed in range(20):
        lighting = draw_lighting(box_room(2, 3, pillar), np.zeros(3, np.float32), np.random.default_rng(seed))
        assert lighting.disc
        assert np.abs(lighting.disc.centre[:2]).max() > 0.2 + lighting.disc.radius


def test_the_sun_shines_downwards_and_into_a_window() -> None:
    suns = [(room, glow, lighting.sun) for room, glow, lighting in ROOMS if lighting.sun]
    assert suns
    for room, glow, sun in suns:
        assert np.linalg.norm(sun.direction) == pytest.approx(1, abs=1e-5)
        assert sun.direction[2] < -0.2
        outwards = room.niches.shapes.axes[windows(room, glow), :, 1]
        assert (outwards @ sun.direction).min() < -0.3


def test_the_view_is_brighter_above_than_below() -> None:
    views = [lighting.view for _, _, lighting in ROOMS]
    assert np.mean([view[-1].mean() > view[0].mean() for view in views]) == 1
    assert min(view.min() for view in views) > 0
