"""How a head becomes a picture: the clean look of a renderer's defaults, and the look of a photograph.

Vectors are rows. Letters in shapes: r samples (`SAMPLES` for each pixel, one after another), h those that hit the head.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from headfreeze.meshes.trace import Hits
from headfreeze.synth.heads import backdrop
from headfreeze.synth.heads.lights import (
    LIFT_M,
    Lamp,
    Lighting,
    ambient,
    everyday_lighting,
    soft_lighting,
    strobe_lighting,
)
from headfreeze.synth.heads.regions import at
from headfreeze.synth.heads.scene import Scene, unit
from headfreeze.synth.heads.skin import Complexion, Surface, draw_complexion, paint
from headfreeze.synth.materials import GAMMA
from headfreeze.synth.photo import compress, develop
from headfreeze.synth.shapes import f32

Rng = np.random.Generator
Rows = Float32[np.ndarray, "h 3"]
Image = UInt8[np.ndarray, "size size 3"]

SAMPLES = ((-0.125, -0.375), (0.375, -0.125), (0.125, 0.375), (-0.375, 0.125))
"""Places in a pixel at which it is sampled, in pixels from its centre: no two in one row or column."""
STROBES = 0.35
"""Share of photographs that a flash lights."""


class _Seen(NamedTuple):
    """What the samples see of the head."""

    hits: Hits
    place: Rows
    normal: Rows
    towards: Rows
    """Unit vectors to the camera."""
    surface: Surface


def clean(scene: Scene, size: int, rng: Rng) -> Image:
    """Plain colours under soft light and one lamp, before a plain wall: no cast shadow, no highlight, no lens."""
    person, behind = draw_complexion(rng), backdrop.plain(size, rng)
    lighting = soft_lighting(scene.middle, len(SAMPLES), rng)
    seen = _see(scene, person, size, even=True)
    light = _ambient(scene, seen, lighting)
    for lamp in lighting.lamps:
        light += _diffuse(seen, lamp)[0] * lamp.colour
    image, _ = _composed(seen, light * seen.surface.albedo, behind)
    return np.round(255 * image.clip(0, 1) ** f32(1 / GAMMA)).astype(np.uint8)


def photographic(scene: Scene, size: int, rng: Rng) -> Image:
    """Uneven and shining skin, lamps that cast shadows, a place behind; then a lens, a sensor and a file."""
    person = draw_complexion(rng)
    strobe = rng.random() < STROBES
    lighting = (strobe_lighting if strobe else everyday_lighting)(scene.middle, len(SAMPLES), rng)
    behind = backdrop.dark(size, rng) if strobe and rng.random() < 0.7 else backdrop.cluttered(size, rng)
    seen = _see(scene, person, size, even=False)
    light, shine = _ambient(scene, seen, lighting), np.zeros_like(seen.normal)
    for lamp in lighting.lamps:
        diffuse, towards = _diffuse(seen, lamp)
        lit = np.flatnonzero(diffuse[:, 0] > 0)
        start = seen.place[lit] + LIFT_M * seen.normal[lit]
        diffuse[lit[scene.mesh.blocked(start, towards[lit])]] = 0
        light += diffuse * lamp.colour
        shine += (_mirrored(seen, towards) * diffuse[:, 2])[:, None] * lamp.colour
    image, covered = _composed(seen, light * seen.surface.albedo + shine, behind)
    grey = rng.random() < (0.7 if strobe else 0.05)
    picture = develop(image, rng, metered=covered)
    if grey:
        luma = np.einsum("hwc,c->hw", picture, f32([0.299, 0.587, 0.114]))
        picture = np.repeat(np.round(luma).astype(np.uint8)[:, :, None], 3, axis=2)
    return compress(picture, rng)


LOOKS = {"clean": clean, "photographic": photographic}


def _see(scene: Scene, person: Complexion, size: int, even: bool) -> _Seen:
    rays = scene.view.rays(size, SAMPLES)
    hits = scene.mesh.cast(np.zeros_like(rays), rays)
    place = rays[hits.ray] * hits.distance[:, None]
    normal = unit(scene.mesh.at(hits, scene.normals))
    fields = at(scene.mesh.at(hits, scene.fields))
    pixel_m = float(-scene.middle[2]) / (scene.view.focal * size)
    surface = paint(person, scene.hair, fields, scene.part[hits.triangle].astype(np.int64), pixel_m, even)
    return _Seen(hits, place, normal, -unit(rays[hits.ray]), surface)


def _ambient(scene: Scene, seen: _Seen, lighting: Lighting) -> Rows:
    """Light from the surroundings, gathered at the vertices that are seen."""
    rows = np.unique(scene.mesh.triangles[seen.hits.triangle])
    light = np.zeros_like(scene.normals)
    light[rows] = ambient(scene.mesh, scene.normals, rows, lighting.surroundings)
    return scene.mesh.at(seen.hits, light)


def _diffuse(seen: _Seen, lamp: Lamp) -> tuple[Rows, Rows]:
    """Share of a lamp's light by colour, and the way to it: red light goes farther through skin, so edges are red."""
    to_lamp = lamp.places[seen.hits.ray % len(SAMPLES)] - seen.place
    towards = unit(to_lamp)
    cosine = np.maximum((towards * seen.normal).sum(1), 0)
    return np.stack([cosine ** f32(0.8), cosine ** f32(0.95), cosine], axis=1), towards


def _mirrored(seen: _Seen, towards: Rows) -> Float32[np.ndarray, " h"]:
    """What is mirrored for each part of diffuse light, after Blinn and Phong, with more of it at grazing angles."""
    half = unit(towards + seen.towards)
    facing, grazing = ((half * way).sum(1).clip(0, 1) for way in (seen.normal, seen.towards))
    fresnel = 0.04 + 0.96 * (1 - grazing) ** 5
    n = seen.surface.sharpness
    return seen.surface.mirror * fresnel * (n + 8) / 8 * facing**n


def _composed(
    seen: _Seen, colours: Rows, behind: Float32[np.ndarray, "size size 3"]
) -> tuple[Float32[np.ndarray, "size size 3"], Bool[np.ndarray, "size size"]]:
    """The head before what is behind it: means over each pixel's samples; and the pixels that it covers."""
    size = len(behind)
    image = np.repeat(behind.reshape(-1, 3), len(SAMPLES), axis=0)
    image[seen.hits.ray] = colours
    hit = np.zeros(len(image), bool)
    hit[seen.hits.ray] = True
    pixels = image.reshape(size, size, len(SAMPLES), 3).mean(2)  # row by row, a pixel's samples one after another
    return pixels, np.asarray(hit.reshape(size, size, len(SAMPLES)).all(2))
