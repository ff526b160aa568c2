"""A head before a camera, and the labels of its pixels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Num, UInt8

from headfreeze.meshes.trace import Mesh
from headfreeze.synth.heads.hair import Hair
from headfreeze.synth.heads.regions import at
from headfreeze.synth.heads.view import View


@dataclass(frozen=True)
class Scene:
    """A head in the camera's frame: metres, x right, y up, z toward the viewer, the camera at the origin."""

    mesh: Mesh
    normals: Float32[np.ndarray, "v 3"]
    """Of the vertices."""
    fields: Float32[np.ndarray, "v k"]
    """Columns of `Regions`."""
    part: UInt8[np.ndarray, " t"]
    """Index in PARTS of each triangle."""
    hair: Hair
    view: View

    @property
    def middle(self) -> Float32[np.ndarray, "3"]:
        """Of the head."""
        return (self.mesh.vertices.min(0) + self.mesh.vertices.max(0)) / 2


def pixel_labels(scene: Scene, size: int) -> dict[str, Num[np.ndarray, "size size *c"]]:
    """Normals, depth in metres and mask at the pixels' centres; zeros where there is no head."""
    rays = scene.view.rays(size)
    hits = scene.mesh.cast(np.zeros_like(rays), rays)
    normals = np.zeros_like(rays)
    depth, mask = np.zeros_like(rays[:, 0]), np.zeros(len(rays), np.uint8)
    normals[hits.ray] = unit(scene.mesh.at(hits, scene.normals))
    depth[hits.ray] = hits.distance
    mask[hits.ray] = at(scene.mesh.at(hits, scene.fields)).face > 0
    return {
        "normals": normals.reshape(size, size, 3),
        "depth": depth.reshape(size, size),
        "mask": mask.reshape(size, size),
    }


def unit(rows: Float32[np.ndarray, "r 3"]) -> Float32[np.ndarray, "r 3"]:
    """Vectors at length 1."""
    return rows / np.sqrt((rows * rows).sum(1, keepdims=True)).clip(1e-12)
