"""Wavefront .obj files: vertices, triangles, names of materials. Texture coordinates and normals are not read."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

Vertices = Float32[np.ndarray, "v 3"]
Triangles = Int64[np.ndarray, "t 3"]


class ObjMesh(NamedTuple):
    """Of an .obj file: polygons are cut into triangles."""

    vertices: Vertices
    triangles: Triangles
    material: list[str]


def read_obj(path: Path) -> ObjMesh:
    """The mesh of a file.

    Raises:
        OSError, ValueError, IndexError: it is missing or damaged.
    """
    vertices, triangles, material, current = [], [], [], ""
    with path.open() as file:
        for line in file:
            kind, *words = line.split() or [""]
            if kind == "v":
                vertices.append([float(word) for word in words[:3]])
            elif kind == "usemtl":
                current = words[0]
            elif kind == "f":
                corners = [int(word.split("/")[0]) - 1 for word in words]
                triangles += [[corners[0], *pair] for pair in pairwise(corners[1:])]
                material += [current] * (len(corners) - 2)
    return ObjMesh(np.array(vertices, np.float32), np.array(triangles, np.int64).reshape(-1, 3), material)
