"""The look path-traced: light that goes from surface to surface as it does in a room, then a lens and a sensor."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from headfreeze.synth.camera import Camera, picture
from headfreeze.synth.materials import Materials, photographic_materials
from headfreeze.synth.path_traced.denoise import denoise
from headfreeze.synth.path_traced.engine import mitsuba
from headfreeze.synth.path_traced.lighting import Lighting, draw_lighting
from headfreeze.synth.path_traced.scene import build_scene, trace, trace_guides
from headfreeze.synth.photo import develop
from headfreeze.synth.raycast import cast
from headfreeze.synth.scene import Room

Rng = np.random.Generator

PASSES = 4
"""Pictures whose mean is taken; how they differ tells how noisy they are."""
SAMPLES = 4
"""Paths for each pixel in each of them. Sixteen paths without their grain are nearer to a picture of very many than
sixty-four with it."""
GUIDE_SAMPLES = 16
"""Rays for each pixel that ask what is there, not how it is lit."""
CORNERS = ((-0.45, -0.45), (0.45, -0.45), (-0.45, 0.45), (0.45, 0.45), (0, 0))
"""Places in a pixel at which it is asked whether it sees a lamp."""
GLARE = 0.03
"""Share of the light that a lens spreads widely."""


def path_traced(room: Room, camera: Camera, size: int, rng: Rng) -> UInt8[np.ndarray, "size size 3"]:
    """A photograph of a room in the light of its windows and lamps, all of what they give each other included.

    Raises:
        InputError: Mitsuba is not installed.
    """
    materials = photographic_materials(room.materials, rng)
    lighting = draw_lighting(room, materials.glow, rng)
    light = render(room, camera, materials, lighting, size, int(rng.integers(2**31)))
    wide = cv2.GaussianBlur(light, (0, 0), size / 12, borderType=cv2.BORDER_REPLICATE)
    share = rng.uniform(0, GLARE)
    return develop((1 - share) * light + share * wide, rng, by_phone=camera.by_phone)


def render(
    room: Room, camera: Camera, materials: Materials, lighting: Lighting, size: int, seed: int
) -> Float32[np.ndarray, "size size 3"]:
    """Linear light, without the grain of too few samples."""
    with mitsuba() as mi:
        scene = build_scene(mi, room, camera, materials, lighting, size)
        passes = np.stack([trace(mi, scene, SAMPLES, seed + i) for i in range(PASSES)])
        albedo, normal, position = trace_guides(mi, scene, GUIDE_SAMPLES, seed)
    lamp = _sees_a_lamp(room, camera, materials, lighting, size)
    return denoise(passes, albedo, normal, position - camera.position, lamp)


def _sees_a_lamp(
    room: Room, camera: Camera, materials: Materials, lighting: Lighting, size: int
) -> Bool[np.ndarray, "size size"]:
    rays = camera.rays(size, CORNERS)
    hits = cast(room, camera.position, rays)
    sees = materials.glow[room.surface_material[hits.surface]] > 0
    if lighting.disc:
        away = camera.position[:, None] + rays * hits.distance - lighting.disc.centre[:, None]
        sees |= (away * away).sum(0) < (1.1 * lighting.disc.radius) ** 2
    return picture(sees.reshape(-1, len(CORNERS)).any(1), size)
