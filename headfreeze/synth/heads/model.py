"""A morphable head: a neutral mesh, and what identities and expressions add to it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from headfreeze.meshes.obj import Triangles, Vertices

PARTS = ("skin", "head", "gums", "teeth", "left eye", "right eye")
"""What a triangle belongs to. Skin is the face with ears and throat, head the rest of it, down into the sockets."""
LANDMARKS = 68


@dataclass(frozen=True, eq=False)
class HeadModel:
    """A linear model of v vertices with i identity and e expression shapes.

    Metres; x to the head's own left (a viewer's right), y up, z to the front.
    """

    vertices: Vertices
    triangles: Triangles
    part: UInt8[np.ndarray, " t"]
    """Index in PARTS."""
    identity: Float32[np.ndarray, "i v 3"]
    """What one standard deviation of each coefficient adds."""
    expression: Float32[np.ndarray, "e v 3"]
    """What each expression adds where it is shown in full."""
    expression_names: tuple[str, ...]
    landmarks: Int64[np.ndarray, "68"]
    """The vertices of the 68 facial landmarks in the order of Multi-PIE."""

    def shape(self, identity: Float32[np.ndarray, " i"], expression: Float32[np.ndarray, " e"]) -> Vertices:
        """The neutral mesh with these coefficients."""
        return self.vertices + _sum(identity, self.identity) + _sum(expression, self.expression)

    def vertices_of(self, *parts: str) -> Int64[np.ndarray, " n"]:
        """The vertices of the triangles of some parts."""
        chosen = np.isin(self.part, [PARTS.index(part) for part in parts])
        return np.unique(self.triangles[chosen])


def _sum(coefficients: Float32[np.ndarray, " k"], shapes: Float32[np.ndarray, "k v 3"]) -> Vertices:
    # Not a matrix product: how that adds up depends on the number of threads, and with it the last bits.
    total = np.zeros_like(shapes, shape=shapes.shape[1:])
    for coefficient, shape in zip(coefficients, shapes, strict=True):
        if coefficient:
            total += coefficient * shape
    return total
