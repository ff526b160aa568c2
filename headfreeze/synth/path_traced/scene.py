"""A room as a scene of Mitsuba 3: meshes by material, surfaces that scatter light, lights, a pinhole camera."""

from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from headfreeze.synth.camera import Camera
from headfreeze.synth.materials import Materials
from headfreeze.synth.path_traced.lighting import Colour, Disc, Lighting, Sun
from headfreeze.synth.path_traced.surfaces import Triangles, joined, meshes
from headfreeze.synth.scene import Room
from headfreeze.synth.shapes import f32
from headfreeze.synth.textures import SIDE, look_up

METALS = ("metal", "chrome")
FLOOR = 0
"""Number of the floor's surface."""
POLISHED = 0.2
"""Roughness of a polished floor."""
MATT = 0.05
"""A material with weaker highlights than this has none."""
BAR = 0.9
"""Where a window's pattern mixes in more than this of its second colour there is a bar, elsewhere glass."""
BOUNCES, SURE_BOUNCES = 8, 3
"""Length of the longest paths, and up to which they do not end by chance (Russian roulette)."""
GUIDES = ("albedo", "sh_normal", "position")
"""What can be asked for instead of light, in this order; world frame, metres."""

Plugin = dict[str, Any]


def build_scene(mi: ModuleType, room: Room, camera: Camera, materials: Materials, lighting: Lighting, size: int) -> Any:
    """Loads a room into Mitsuba.

    Args:
        mi: Mitsuba, its variant set.
        room: the room. As in the ray caster, solids that contain the camera are not there.
        camera: where pictures are taken from.
        materials: the room's, by index.
        lighting: all light.
        size: side of the picture in pixels.
    """
    # With the sun, light must get through panes on its way to a lit point, which only volpath looks for.
    tracer = {"type": "volpath" if lighting.sun else "path", "max_depth": BOUNCES, "rr_depth": SURE_BOUNCES}
    scene: Plugin = {"type": "scene", "integrator": tracer, "camera": _camera(mi, camera, size)}
    for index, mesh in enumerate(_by_material(room, camera, materials)):
        if len(mesh.faces):
            scene[f"material{index}"] = _shape(mi, mesh, *_looks(mi, index, room, materials, lighting))
    if lighting.disc:
        scene["disc"] = _disc(mi, lighting.disc)
    if lighting.sun:
        scene["sun"] = _sun(lighting.sun)
    return mi.load_dict(scene)


def trace(mi: ModuleType, scene: Any, samples: int, seed: int) -> Float32[np.ndarray, "h w 3"]:
    """Light, the mean of so many paths for each pixel."""
    return np.array(mi.render(scene, spp=samples, seed=seed))


def trace_guides(mi: ModuleType, scene: Any, samples: int, seed: int) -> list[Float32[np.ndarray, "h w 3"]]:
    """The GUIDES, means of so many rays for each pixel."""
    asked = mi.load_dict({"type": "aov", "aovs": ",".join(f"{name}:{name}" for name in GUIDES)})
    return np.split(np.array(mi.render(scene, integrator=asked, spp=samples, seed=seed)), len(GUIDES), axis=-1)


def _by_material(room: Room, camera: Camera, materials: Materials) -> list[Triangles]:
    """A mesh for each material: all that is made of it."""
    surfaces = meshes(room, materials.period_m[room.surface_material])
    seen = np.ones(len(surfaces), bool)
    around = np.einsum("apj,pj->ap", room.solids.to_unit, camera.position - room.solids.centre)
    seen[room.first_solid : room.first_niche] = (np.abs(around) > 1).any(0)
    return [
        joined(surfaces[i] for i in np.flatnonzero(seen & (room.surface_material == index)))
        for index in range(len(room.materials))
    ]


def _looks(
    mi: ModuleType, index: int, room: Room, materials: Materials, lighting: Lighting
) -> tuple[Plugin, Plugin | None]:
    """How a material scatters light, and the light it gives."""
    mix = _pattern(materials, index)
    first, second = materials.colours[:, :, index].T
    colours = first + mix * (second - first)
    if room.polish and index == room.plane_material[FLOOR]:
        # `principled` mirrors 0.08 of the light from straight ahead at a specular of 1.
        coat = {"type": "principled", "roughness": POLISHED, "specular": min(1.0, room.polish / 0.08)}
        return {"type": "twosided", "bsdf": coat | {"base_color": _texture(mi, colours)}}, None
    if materials.glow[index] <= 0:
        return _scattering(mi, room.materials[index], colours, materials, index), None
    if index in room.niches.shapes.material:
        return _window(mi, mix > BAR, lighting)
    light = lighting.shades * materials.glow[index]
    emitter = {"type": "area", "radiance": _rgb(light)} if light.any() else None
    return _scattering(mi, room.materials[index], colours, materials, index), emitter


def _pattern(materials: Materials, index: int) -> Float32[np.ndarray, "side side 1"]:
    """One period of how much of a material's second colour is mixed in; the lowest row first."""
    at = f32((np.arange(SIDE) + 0.5) / SIDE)
    uv = np.stack(np.meshgrid(at, at)).reshape(2, -1)
    rays = uv.shape[1]
    mix = look_up(np.full(rays, materials.pattern[index]), uv, np.zeros(rays, np.float32))
    return f32(mix).reshape(SIDE, SIDE, 1)


def _scattering(
    mi: ModuleType, name: str, colours: Float32[np.ndarray, "side side 3"], materials: Materials, index: int
) -> Plugin:
    """Matt, or with a coat that gives highlights and, at a flat angle, reflections; metals give nothing else."""
    texture = _texture(mi, colours)
    shine = float(materials.shine[index])
    if shine < MATT and name not in METALS:
        return {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": texture}}
    # As wide a highlight as the ray-cast look's exponent makes; `principled` squares its roughness.
    width = (2 / (float(materials.sharpness[index]) + 2)) ** 0.25
    coat = {"type": "principled", "base_color": texture, "roughness": width}
    coat |= {"metallic": 1.0} if name in METALS else {"specular": min(1.0, 0.3 + 2 * shine)}
    return {"type": "twosided", "bsdf": coat}


def _window(mi: ModuleType, bars: Bool[np.ndarray, "side side 1"], lighting: Lighting) -> tuple[Plugin, Plugin | None]:
    """Bars over a view that shines in; glass which, for the sun, is not there."""
    view = np.kron(lighting.view, np.ones((SIDE // lighting.view.shape[0],) * 2 + (1,), np.float32))
    light = {"type": "area", "radiance": _texture(mi, f32(np.where(bars, 0, view)))}
    if lighting.sun:
        painted = {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": _rgb(f32([0.7, 0.7, 0.68]))}}
        return {"type": "mask", "opacity": _texture(mi, f32(bars)), "bsdf": painted}, light
    painted_bars = _texture(mi, f32(np.where(bars, f32([0.7, 0.7, 0.68]), 0.02)))
    glass = {"type": "principled", "base_color": painted_bars, "roughness": 0.2, "specular": 0.5}
    return {"type": "twosided", "bsdf": glass}, light


def _shape(mi: ModuleType, mesh: Triangles, bsdf: Plugin, emitter: Plugin | None) -> Any:
    properties = mi.Properties()
    properties["bsdf"] = mi.load_dict(bsdf)
    if emitter:
        properties["emitter"] = mi.load_dict(emitter)
    shape = mi.Mesh(
        "surfaces",
        len(mesh.vertices),
        len(mesh.faces),
        has_vertex_normals=True,
        has_vertex_texcoords=True,
        props=properties,
    )
    values = mi.traverse(shape)
    values["vertex_positions"] = mesh.vertices.ravel()
    values["vertex_normals"] = mesh.normals.ravel()
    values["vertex_texcoords"] = mesh.uv.ravel()
    values["faces"] = mesh.faces.ravel()
    values.update()
    return shape


def _camera(mi: ModuleType, camera: Camera, size: int) -> Plugin:
    """Mitsuba's cameras have x to their left and look along z."""
    to_world = np.eye(4)
    to_world[:3, :3] = camera.frame * [-1, 1, -1]
    to_world[:3, 3] = camera.position
    return {
        "type": "perspective",
        "fov": float(camera.fov_deg),
        "to_world": mi.ScalarTransform4f(to_world),
        "sampler": {"type": "multijitter"},
        "film": {
            "type": "hdrfilm",
            "width": size,
            "height": size,
            "pixel_format": "rgb",
            "component_format": "float32",
            "rfilter": {"type": "box"},  # every sample counts for its own pixel alone
        },
    }


def _disc(mi: ModuleType, disc: Disc) -> Plugin:
    centre, ahead = ([float(x) for x in v] for v in (disc.centre, disc.centre + disc.normal))
    place = mi.ScalarTransform4f().look_at(origin=centre, target=ahead, up=[0, 1, 0])
    return {
        "type": "disk",
        "to_world": place @ mi.ScalarTransform4f().scale(float(disc.radius)),
        "bsdf": {"type": "diffuse"},
        "emitter": {"type": "area", "radiance": _rgb(disc.radiance)},
    }


def _sun(sun: Sun) -> Plugin:
    return {
        "type": "directional",
        "direction": [float(x) for x in sun.direction],
        "irradiance": _rgb(sun.irradiance),
    }


def _texture(mi: ModuleType, values: Float32[np.ndarray, "side side c"]) -> Plugin:
    """Repeated along both axes; one colour where all texels have it."""
    if (values == values[0, 0]).all():
        colour = np.broadcast_to(values[0, 0], 3)
        return _rgb(colour)
    return {"type": "bitmap", "data": mi.TensorXf(np.ascontiguousarray(values)), "raw": True}


def _rgb(colour: Colour) -> Plugin:
    return {"type": "rgb", "value": [float(x) for x in colour]}
