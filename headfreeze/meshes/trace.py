"""Rays and triangles, by Embree. Vectors are rows."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64

from headfreeze.errors import InputError
from headfreeze.meshes.obj import Triangles, Vertices

try:
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene
except ImportError:
    raise InputError("faces are rendered by Embree, which is not installed: pip install 'headfreeze[synth]'") from None

Rows = Float32[np.ndarray, "r 3"]


class Hits(NamedTuple):
    """Where h of r rays met the mesh first."""

    ray: Int64[np.ndarray, " h"]
    """Which rays they are."""
    distance: Float32[np.ndarray, " h"]
    """In units of the ray."""
    triangle: Int64[np.ndarray, " h"]
    weights: Float32[np.ndarray, "h 3"]
    """Of the triangle's three corners; they add up to 1."""


class Mesh:
    """Triangles that rays can be sent to."""

    def __init__(self, vertices: Vertices, triangles: Triangles) -> None:
        self.vertices, self.triangles = vertices, triangles
        self._scene = EmbreeScene(robust=True)  # no ray slips through between two triangles
        TriangleMesh(self._scene, np.ascontiguousarray(vertices), triangles.astype(np.int32))

    def cast(self, origins: Rows, rays: Rows) -> Hits:
        """The first triangle along each ray."""
        found = self._scene.run(np.ascontiguousarray(origins), np.ascontiguousarray(rays), output=True)
        ray = np.flatnonzero(found["primID"] >= 0)
        u, v = found["u"][ray], found["v"][ray]
        weights = np.stack([1 - u - v, u, v], axis=1)
        return Hits(ray, found["tfar"][ray], found["primID"][ray].astype(np.int64), weights)

    def blocked(self, origins: Rows, rays: Rows) -> Bool[np.ndarray, " r"]:
        """Whether a triangle lies anywhere along each ray."""
        found = self._scene.run(np.ascontiguousarray(origins), np.ascontiguousarray(rays), query="OCCLUDED")
        return np.asarray(found) >= 0

    def at(self, hits: Hits, values: Float32[np.ndarray, "v k"]) -> Float32[np.ndarray, "h k"]:
        """Values of the vertices, interpolated to where rays hit."""
        corners = self.triangles[hits.triangle]
        total = hits.weights[:, :1] * values[corners[:, 0]]
        for corner in (1, 2):
            total += hits.weights[:, corner, None] * values[corners[:, corner]]
        return total


def vertex_normals(vertices: Vertices, triangles: Triangles) -> Vertices:
    """Unit normals: means over the triangles around each vertex, weighted by area. A lone vertex has (0, 0, 0)."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    face = np.cross(b - a, c - a)
    corner = triangles.ravel()
    total = np.empty_like(vertices)
    for axis in range(3):
        total[:, axis] = np.bincount(corner, np.repeat(face[:, axis], 3), len(vertices))
    length = np.sqrt((total * total).sum(1, keepdims=True))
    return total / np.maximum(length, np.float32(1e-20))
