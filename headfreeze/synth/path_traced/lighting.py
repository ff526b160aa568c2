"""What lights a path-traced room: the sky behind its windows, perhaps the sun, a lamp in the ceiling, glowing shades.

Radiance is in units of a bright sky's: only ratios matter, for a camera exposes for what there is.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64

from headfreeze.synth.scene import Room
from headfreeze.synth.shapes import f32

Rng = np.random.Generator
Colour = Float32[np.ndarray, "3"]

SIDE = 64
"""Texels across and up the view from a window."""
CLEAR_OF_CEILING_M = 0.002
"""The lamp in the ceiling lies this far before it: no label tells it from the ceiling."""
SKYLIKE_M2 = 1.5
"""A lamp of power 1 gives as much light as this much of a bright sky."""

SHADED = 0.4
"""What gets through the shades of lamps."""


@dataclass(frozen=True)
class Disc:
    """A round lamp, flush with a ceiling that may be slanted."""

    centre: Float32[np.ndarray, "3"]
    normal: Float32[np.ndarray, "3"]
    radius: float
    radiance: Colour


@dataclass(frozen=True)
class Sun:
    """Parallel light."""

    direction: Float32[np.ndarray, "3"]
    """In which it travels."""
    irradiance: Colour


@dataclass(frozen=True)
class Lighting:
    """All lights of a room."""

    view: Float32[np.ndarray, "side side 3"]
    """Radiance of what is seen through windows, the lowest row first; nearly black at night."""
    sun: Sun | None
    disc: Disc | None
    shades: Colour
    """Radiance of a surface that glows with a strength of 1; zeros where they are switched off."""


def windows(room: Room, glow: Float32[np.ndarray, " m"]) -> Int64[np.ndarray, " n"]:
    """Niches whose back lets light in; `glow` is that of the room's materials."""
    return np.flatnonzero(glow[room.niches.shapes.material] > 0)


def draw_lighting(room: Room, glow: Float32[np.ndarray, " m"], rng: Rng) -> Lighting:
    """Daylight where there are windows, more often than not; lamps at night, and sometimes by day."""
    openings = windows(room, glow)
    day = len(openings) > 0 and (rng.random() < 0.8 or room.sun is not None)
    sky = float(np.exp(rng.uniform(-1.5, 0))) if day else 0.01
    sunny = day and (rng.random() < 0.35 or room.sun is not None)
    sun = _sun(room, int(rng.choice(openings)), sky, rng) if sunny else None
    lit = not day or rng.random() < 0.35
    warm = f32([1, rng.uniform(0.72, 0.95), rng.uniform(0.42, 0.88)])
    power = float(np.exp(rng.uniform(-2.2, -0.4))) * SKYLIKE_M2
    shades = glow[room.solids.material] > 0
    only_shades = shades.any() and rng.random() < 0.3
    return Lighting(
        view=_view(sky, rng),
        sun=sun,
        disc=_disc(room, warm * power, rng) if lit and not only_shades else None,
        shades=SHADED * warm * power / _area_m2(room, shades) if lit and shades.any() else np.zeros(3, np.float32),
    )


def _area_m2(room: Room, which: Bool[np.ndarray, " p"]) -> float:
    """Rough area of some solids: that of balls of their size."""
    return float(4 * math.pi * (room.solids.half[which].astype(float).prod(1) ** (2 / 3)).sum())


def _disc(room: Room, light: Colour, rng: Rng) -> Disc:
    """A lamp in the ceiling above `room.light`, or where no solid hides it; `light` is its radiance times area."""
    radius = rng.uniform(0.08, 0.25)
    for place in (room.light, *(room.light + f32([x, y, 0]) for x, y in rng.normal(0, 0.6, (50, 2)))):
        facing = np.flatnonzero(room.plane_normal[:, 2] < -0.1)
        height = room.plane_normal[facing] @ place + room.plane_offset[facing]
        up = height / -room.plane_normal[facing, 2]
        normal = room.plane_normal[facing[up.argmin()]]
        centre = place + f32([0, 0, up.min()]) + normal * CLEAR_OF_CEILING_M
        apart = room.plane_normal @ centre + room.plane_offset  # from every boundary; from its own by next to nothing
        if np.sort(apart)[1] > radius and not _inside_a_solid(room, centre, radius):
            break
    return Disc(centre, normal, radius, light / f32(math.pi * radius**2))


def _inside_a_solid(room: Room, point: Float32[np.ndarray, "3"], margin_m: float) -> bool:
    """Whether a solid's bounding box, grown by a margin, holds a point."""
    own = np.einsum("pji,pj->pi", room.solids.axes, point - room.solids.centre)
    return bool((np.abs(own) < room.solids.half + margin_m).all(1).any())


def _sun(room: Room, window: int, sky: float, rng: Rng) -> Sun:
    """Shines in through a window at an angle, where the room does not say from where."""
    across, outwards = room.niches.shapes.axes[window, :, 0], room.niches.shapes.axes[window, :, 1]
    rise, turn = math.radians(rng.uniform(15, 55)), math.radians(rng.uniform(-55, 55))
    level = math.cos(turn) * outwards + math.sin(turn) * across
    towards = math.cos(rise) * level + math.sin(rise) * f32([0, 0, 1])
    if room.sun is not None:
        towards, rise = room.sun, math.asin(float(room.sun[2]))
    low = max(0.0, 1 - rise / math.radians(60))  # a low sun is dimmer and warmer
    colour = f32([1, 0.95 - 0.2 * low, 0.85 - 0.4 * low])
    return Sun(-towards, colour * f32(sky * rng.uniform(3, 14)))


def _view(sky: float, rng: Rng) -> Float32[np.ndarray, "side side 3"]:
    """Out of a window: sky, whitish at the horizon; below it things, hazy and out of focus."""
    up = f32((np.arange(SIDE) + 0.5) / SIDE)[:, None, None]
    zenith = f32([rng.uniform(0.45, 1), rng.uniform(0.7, 1), 1])
    horizon, rough = rng.uniform(0.1, 0.6), rng.normal(0, 1, SIDE)
    skyline = horizon + 0.12 * np.convolve(np.tile(rough, 3), np.hanning(9) / 4, "same")[SIDE : 2 * SIDE]
    above = 1 + f32((up - horizon).clip(0) / (1 - horizon)) * (zenith - 1)
    things = f32(rng.uniform(0.08, 0.45) * (1 + rng.uniform(-0.35, 0.35, 3)))
    mottled = f32(rng.uniform(0.6, 1.4, (SIDE // 4, SIDE // 4, 1)).repeat(4, 0).repeat(4, 1))
    return f32(sky * np.where(up < f32(skyline)[None, :, None], things * mottled, above))
