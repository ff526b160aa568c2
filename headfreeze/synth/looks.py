"""How a room becomes a picture: the clean look of a renderer's defaults, and the look of a photograph.

Vectors are columns. Letters in shapes: r samples (`SAMPLES` for each pixel, one after another), p solids.
"""

import numpy as np
from jaxtyping import Float32, UInt8

from headfreeze.synth.camera import Camera, picture
from headfreeze.synth.daylight import fresnel, mirrored, sunlight
from headfreeze.synth.materials import GAMMA, Materials, clean_materials, photographic_materials
from headfreeze.synth.photo import develop
from headfreeze.synth.raycast import BLOCK, Hits, blocked, cast
from headfreeze.synth.scene import Room
from headfreeze.synth.shapes import Shapes, f32
from headfreeze.synth.textures import FACE_U, FACE_V, look_up

Rng = np.random.Generator
Columns = Float32[np.ndarray, "3 r"]
Values = Float32[np.ndarray, " r"]

SAMPLES = ((-0.125, -0.375), (0.375, -0.125), (0.125, 0.375), (-0.375, 0.125))
"""Places in a pixel at which it is sampled, in pixels from its centre: no two in one row or column."""
REACH_M = f32([0.12, 0.25, 0.38, 0.51])
"""How far each of a pixel's samples looks for things that keep ambient light away."""
SUN_COLOUR = f32([1, 0.93, 0.8])[:, None]


def clean(room: Room, camera: Camera, size: int, rng: Rng) -> UInt8[np.ndarray, "size size 3"]:
    """Flat colours under one lamp and an even ambient light: no texture, no shadow, no lens."""
    materials = clean_materials(room.materials, rng)
    lamp = camera.position + f32(rng.uniform(-0.3, 0.3, 3)) if rng.random() < 0.5 else room.light
    ambient, power = rng.uniform(0.3, 0.5), rng.uniform(0.6, 0.9)
    rays = camera.rays(size, SAMPLES)
    hits = cast(room, camera.position, rays)
    material = room.surface_material[hits.surface]
    to_lamp = (lamp - camera.position)[:, None] - rays * hits.distance
    cosine = _dot(to_lamp, hits.normal) / np.sqrt(_dot(to_lamp, to_lamp))
    light = ambient + power * np.maximum(cosine, 0) + materials.glow[material]
    image = _pixels(np.minimum(np.take(materials.colours[:, 0], material, axis=1) * light, 1), size)
    return np.round(255 * image ** (1 / GAMMA)).astype(np.uint8)


def photographic(room: Room, camera: Camera, size: int, rng: Rng) -> UInt8[np.ndarray, "size size 3"]:
    """Textures, highlights, soft shadows of a lamp and of daylight, darker corners; then a lens and a sensor."""
    materials = photographic_materials(room.materials, rng)
    lamps = _lamps(room, rng)
    bounce = 0.5 * (1 + materials.colours[:, 0, room.plane_material[:1]])  # light that the floor has coloured
    ambient = rng.uniform(0.25, 0.5) * bounce / bounce.max()
    rays = camera.rays(size, SAMPLES)
    hits = cast(room, camera.position, rays)
    material = room.surface_material[hits.surface]
    point = camera.position[:, None] + rays * hits.distance
    view = -rays / np.sqrt(_dot(rays, rays))
    light = materials.glow[material] + ambient * _openness(room, point, hits.normal)
    highlight = np.zeros_like(light)
    for places, colour in lamps:
        diffuse, shine = _lamp_light(room, places, point, hits.normal, view, materials.sharpness[material])
        light += diffuse * colour
        highlight += shine * colour
    if room.sun is not None:
        light += sunlight(room, point, hits.normal, rng) * SUN_COLOUR * rng.uniform(1, 6)
    albedo = _albedo(room, materials, hits, point, hits.distance * camera.pixel_width(size))
    seen = albedo * light + materials.shine[material] * highlight
    if room.polish:
        rows, far, place = mirrored(room, camera.position, rays, hits, rng.uniform(0, 0.06), rng)
        share = fresnel(view[2, rows], room.polish)
        pixel_m = (hits.distance[rows] + far.distance) * camera.pixel_width(size)
        shown = _albedo(room, materials, far, place, pixel_m) * ambient * 1.5
        shown += materials.glow[room.surface_material[far.surface]]
        seen[:, rows] += share * (shown - seen[:, rows])
    return develop(_pixels(seen, size), rng, by_phone=camera.by_phone)


def _dot(a: Columns, b: Columns) -> Values:
    return (a * b).sum(0)


def _pixels(values: Columns, size: int) -> Float32[np.ndarray, "size size 3"]:
    """Mean over each pixel's samples."""
    return picture(values.reshape(3, -1, len(SAMPLES)).mean(2), size)


def _lamps(room: Room, rng: Rng) -> list[tuple[Float32[np.ndarray, "3 n"], Float32[np.ndarray, "3 1"]]]:
    """The ceiling's light and one window's: as many points each as a pixel has samples, and a colour."""
    n = len(SAMPLES)
    spread = rng.uniform(0.05, 0.4)
    around = room.light[:, None] + f32([*rng.uniform(-spread, spread, (2, n)), np.zeros(n)])
    warm = f32([1, rng.uniform(0.75, 1), rng.uniform(0.5, 0.95)])[:, None] * rng.uniform(0.5, 1.2)
    panes = room.niches.shapes
    windows = [i for i, material in enumerate(panes.material) if room.materials[material] == "window"]
    if not windows:
        return [(around, warm)]
    i = windows[int(rng.integers(len(windows)))]
    up = (np.arange(n) + rng.uniform(0, 1, n)) * (2 / n) - 1
    inside = f32([rng.uniform(-0.8, 0.8, n), np.full(n, -0.9), up]) * panes.half[i][:, None]
    places = panes.centre[i][:, None] + np.einsum("ij,jn->in", panes.axes[i], inside)
    cool = f32([rng.uniform(0.75, 1), rng.uniform(0.85, 1), 1])[:, None] * rng.uniform(0.5, 2.5)
    if rng.random() < 0.5:
        warm = warm * 0.15  # in daylight the lamp is hardly needed
    return [(around, warm), (places, cool)]


def _lamp_light(
    room: Room, places: Float32[np.ndarray, "3 n"], point: Columns, normal: Columns, view: Columns, sharpness: Values
) -> tuple[Values, Values]:
    """Diffuse and mirrored light from a lamp, none in its shadow.

    Each of a pixel's n samples sees another of the lamp's n points: together they make soft shadows.
    """
    n = places.shape[1]
    to_lamp = np.tile(places, point.shape[1] // n) - point
    square = _dot(to_lamp, to_lamp)
    towards = to_lamp / np.sqrt(square)
    cosine = np.maximum(_dot(towards, normal), 0)
    strength = np.zeros_like(cosine)
    for sample in range(n):
        lit = sample + n * np.flatnonzero(cosine[sample::n])
        strength[lit] = ~blocked(room.solids, places[:, sample], -np.take(to_lamp, lit, axis=1))
    strength /= 0.4 + 0.15 * square
    half = towards + view
    mirrored = np.maximum(_dot(half, normal) / np.sqrt(_dot(half, half)), 0) ** sharpness  # after Blinn and Phong
    return cosine * strength, mirrored * strength


def _albedo(room: Room, materials: Materials, hits: Hits, point: Columns, pixel_m: Values) -> Columns:
    """Colour of each point: its material's pattern laid on the face that its normal is nearest to."""
    material = room.surface_material[hits.surface]
    centre, axes, half = (np.take(frame, hits.surface, axis=-1) for frame in room.surface_frame)
    own = (axes * (point - centre)[:, None]).sum(0)
    facing = np.abs((axes * hits.normal[:, None]).sum(0)).argmax(0)
    rows = np.arange(len(facing))
    period = materials.period_m[material]
    uv, scale = np.empty((2, 2, len(rows)), np.float32)
    for i, axis in enumerate((FACE_U[facing], FACE_V[facing])):
        scale[i] = np.where(period == 0, 2 * half[axis, rows], period)
        uv[i] = own[axis, rows] / scale[i] + 0.5
    mix = look_up(materials.pattern[material], uv, pixel_m / scale[0])
    first, second = np.take(materials.colours, material, axis=2).swapaxes(0, 1)
    return first + mix * (second - first)


def _openness(room: Room, point: Columns, normal: Columns) -> Values:
    """How much of the ambient light gets to each point: less beside walls and under things."""
    reach = np.tile(REACH_M, point.shape[1] // len(REACH_M))
    probe = point + normal * reach
    to_walls = np.einsum("ki,ir->kr", room.plane_normal, probe) + room.plane_offset[:, None]
    wall = (np.clip(to_walls, 0, reach) / reach).prod(0)
    return 0.4 + 0.6 * wall * np.minimum(_beside(room.solids, probe) / reach, 1)


def _beside(solids: Shapes, probe: Columns) -> Values:
    """Distance from points to the nearest solid (to the box around it), or the largest reach where that is less."""
    farthest = REACH_M.max()
    square = np.full(probe.shape[1], farthest**2, np.float32)
    for start in range(0, len(square), BLOCK):
        block = slice(start, start + BLOCK)
        low, high = probe[:, block].min(1), probe[:, block].max(1)
        gap = np.maximum(np.maximum(low - solids.centre, solids.centre - high), 0)
        near = np.flatnonzero(np.sqrt((gap * gap).sum(1)) < solids.radius + farthest)
        if len(near):
            axes = solids.axes[near].transpose(2, 0, 1)  # 3 p 3: each solid's x, then y, then z axis
            start_at = (axes * solids.centre[near]).sum(2)[:, :, None]
            local = np.einsum("apj,jr->apr", axes, probe[:, block]) - start_at
            outside = np.maximum(np.abs(local) - solids.half[near].T[:, :, None], 0)
            np.minimum(square[block], (outside * outside).sum(0).min(0), out=square[block])
    return np.sqrt(square)
