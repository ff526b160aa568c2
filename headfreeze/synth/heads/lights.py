"""Light on a head: an environment that is smooth, and lamps that cast shadows.

Vectors are rows, in the camera's frame.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

from headfreeze.meshes.trace import Mesh
from headfreeze.synth.shapes import f32

Rng = np.random.Generator
Colour = Float32[np.ndarray, "3"]

SURROUNDINGS = 48
"""Directions in which the environment is looked at."""
LIFT_M = 0.002
"""Rays start so far above a surface: it is made of flat triangles, but shaded as if it were round."""


class Lamp(NamedTuple):
    """Points that shine; each of a pixel's n samples sees another one, which makes shadows soft."""

    places: Float32[np.ndarray, "n 3"]
    colour: Colour
    """Of the light on a surface that faces the lamp, where the head is."""


class Lighting(NamedTuple):
    """All light on a head."""

    surroundings: Float32[np.ndarray, "d 3"]
    """Light from each of `directions()`."""
    lamps: tuple[Lamp, ...]


def directions() -> Float32[np.ndarray, "d 3"]:
    """Evenly spread unit vectors: a Fibonacci lattice."""
    i = np.arange(SURROUNDINGS) + 0.5
    y, angle = 1 - 2 * i / SURROUNDINGS, i * math.pi * (3 - math.sqrt(5))
    ring = np.sqrt(1 - y * y)
    return f32(np.stack([ring * np.cos(angle), y, ring * np.sin(angle)], axis=1))


def soft_lighting(head: Float32[np.ndarray, "3"], samples: int, rng: Rng) -> Lighting:
    """A renderer's usual light: even surroundings, brighter from one side, and one small lamp before the head."""
    surroundings = _surroundings(rng, strength=rng.uniform(0.3, 0.6), lobes=1)
    return Lighting(surroundings, (_lamp(rng, head, samples, rng.uniform(0.4, 0.9), spread_deg=45, softness=0),))


def everyday_lighting(head: Float32[np.ndarray, "3"], samples: int, rng: Rng) -> Lighting:
    """A room by day or night: a main lamp and up to two weaker ones, these from behind too, each of its own colour."""
    surroundings = _surroundings(rng, strength=math.exp(rng.uniform(math.log(0.12), math.log(0.7))), lobes=2)
    lamps = [(rng.uniform(0.3, 1.2), 70)] + [(rng.uniform(0, 0.7), 150) for _ in range(int(rng.integers(0, 3)))]
    softness = [rng.choice([0.02, 0.1, 0.3]) for _ in lamps]
    return Lighting(
        surroundings, tuple(_lamp(rng, head, samples, *lamp, s) for lamp, s in zip(lamps, softness, strict=True))
    )


def strobe_lighting(head: Float32[np.ndarray, "3"], samples: int, rng: Rng) -> Lighting:
    """One flash in a dark studio, also from far aside: shadows with sharp edges and next to nothing in them."""
    surroundings = np.full((SURROUNDINGS, 3), rng.uniform(0.005, 0.06), np.float32)
    return Lighting(surroundings, (_lamp(rng, head, samples, 1.0, spread_deg=90, softness=0.03, white=True),))


def ambient(
    mesh: Mesh,
    normals: Float32[np.ndarray, "v 3"],
    rows: Int64[np.ndarray, " n"],
    surroundings: Float32[np.ndarray, "d 3"],
) -> Float32[np.ndarray, "n 3"]:
    """Light that reaches some vertices from the surroundings, where the mesh does not keep it away."""
    towards = directions()
    cosine = np.einsum("vi,di->vd", normals[rows], towards)
    vertex, direction = np.nonzero(cosine > 0)
    start = mesh.vertices[rows] + LIFT_M * normals[rows]
    open_ = ~mesh.blocked(start[vertex], towards[direction])
    seen = np.zeros_like(cosine)
    seen[vertex, direction] = cosine[vertex, direction] * open_
    return np.einsum("vd,dc->vc", seen, surroundings) * f32(4 / SURROUNDINGS)


def _surroundings(rng: Rng, strength: float, lobes: int) -> Float32[np.ndarray, "d 3"]:
    """Light of one colour that grows toward one side, and wide patches of other colours (windows, walls)."""
    towards = directions()
    side = _direction(rng, 180)
    light = _tint(rng) * (1 + rng.uniform(0, 0.8) * np.einsum("di,i->d", towards, side))[:, None]
    for _ in range(lobes):
        width = rng.uniform(2, 8)
        patch = np.exp(width * (np.einsum("di,i->d", towards, _direction(rng, 110)) - 1))
        light = light + rng.uniform(0, 3) * _tint(rng) * patch[:, None]
    return f32(strength * light)


def _lamp(
    rng: Rng, head: Float32[np.ndarray, "3"], samples: int, strength: float, spread_deg: float, softness: float,
    white: bool = False,
) -> Lamp:  # fmt: skip
    """A lamp in a direction within some degrees of the camera's, 0.7 to 5 m away; softness is radius by distance."""
    distance = math.exp(rng.uniform(math.log(0.7), math.log(5)))
    towards = _direction(rng, spread_deg)
    around = rng.normal(size=(samples, 3)) * softness * distance
    colour = f32([1, 1, 1]) if white else _tint(rng)
    return Lamp(f32(head + towards * distance + around), f32(strength) * colour)


def _direction(rng: Rng, spread_deg: float) -> Float32[np.ndarray, "3"]:
    """A unit vector within some degrees of the one toward the camera, evenly in angle, more often above than below."""
    off, round_ = math.radians(rng.uniform(0, spread_deg)), rng.uniform(0, 2 * math.pi)
    up = math.sin(off) * math.sin(round_)
    if up < 0 and rng.random() < 0.6:
        up = -up
    return f32([math.sin(off) * math.cos(round_), up, math.cos(off)])


def _tint(rng: Rng) -> Colour:
    """White, warmer or cooler."""
    warm = rng.normal(0, 0.1)
    return f32(np.exp([warm, 0.03 * rng.normal(), -warm]))
