"""How a head is turned, where the camera stands, and which part of its picture is cut out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from headfreeze.meshes.obj import Vertices
from headfreeze.synth.shapes import f32, rotation

Rng = np.random.Generator


@dataclass(frozen=True)
class Poses:
    """How heads are turned, in degrees: evenly within ± the yaw, and with these standard deviations."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


POSES = {
    "frontal": Poses(10, 5, 3),
    "natural": Poses(35, 13, 7),
    "wide": Poses(60, 14, 9),
}
"""Frontal is a person who looks into the camera, natural one who talks to somebody beside it.

Natural heads nod far: chins of real portraits are up by 10° and more, and a network that met few of them levels them.
"""
STEEPEST = 2.5
"""Standard deviations beyond which no head nods or leans."""

DISTANCE_M = (0.5, 3.0)
"""From a picture of oneself at arm's length to a portrait lens across the room."""
MARGIN = (0.85, 2.2)
"""Side of the picture in units of the landmarks' extent: from brow to chin alone, to a head with what is around it."""
OFF_CENTRE = 0.1
"""How far the landmarks' centre strays from the picture's, in sides of the picture."""


@dataclass(frozen=True)
class View:
    """A camera at the origin that looks along -z (x right, y up), and the square that is cut out of its picture."""

    focal: float
    """Length in sides of the picture."""
    centre: tuple[float, float]
    """Where the optical axis goes through the picture, in sides from its left and upper edge."""

    def rays(self, size: int, offsets: Sequence[tuple[float, float]] = ((0, 0),)) -> Float32[np.ndarray, "r 3"]:
        """Directions through size × size pixels, row by row, at offsets (pixels) from their centres.

        A pixel's offsets come one after another. z is -1, so a hit's distance is its depth in metres.
        """
        at = f32(offsets) + 0.5
        row, column = np.divmod(np.arange(size * size), size)
        x = ((column[:, None] + at[:, 0]) / size - self.centre[0]) / self.focal
        y = (self.centre[1] - (row[:, None] + at[:, 1]) / size) / self.focal
        return f32(np.stack([x.ravel(), y.ravel(), np.full(x.size, -1)], axis=1))

    def project(self, points: Float32[np.ndarray, "n 3"], size: int) -> Float[np.ndarray, "n 2"]:
        """Where points are seen: x and y in pixels; the left upper corner of the picture is (0, 0)."""
        plane = points[:, :2].astype(np.float64) / -points[:, 2:]
        return size * (plane * (self.focal, -self.focal) + self.centre)


def turned(vertices: Vertices, poses: Poses, rng: Rng) -> Vertices:
    """The vertices of a head, turned and put in front of a camera (see `View`) that looks about at their centre.

    Positive yaw turns the face to the picture's right, positive pitch up.
    """
    yaw = rng.uniform(-poses.yaw_deg, poses.yaw_deg)
    pitch, roll = np.clip(rng.normal(size=2), -STEEPEST, STEEPEST) * (poses.pitch_deg, poses.roll_deg)
    turn = rotation(2, roll) @ rotation(0, -pitch) @ rotation(1, yaw)
    distance = math.exp(rng.uniform(*np.log(DISTANCE_M)))
    place = f32([*(0.1 * distance * rng.normal(size=2)), -distance])
    centre = (vertices.min(0) + vertices.max(0)) / 2
    return np.einsum("ij,vj->vi", turn, vertices - centre) + place


def framed(landmarks: Float32[np.ndarray, "n 3"], rng: Rng) -> View:
    """The picture that is cut out around landmarks, tightly or loosely, and never quite in the middle."""
    plane = landmarks[:, :2].astype(np.float64) / -landmarks[:, 2:]
    low, high = plane.min(0), plane.max(0)
    side = (high - low).max() * math.exp(rng.uniform(*np.log(MARGIN)))
    middle = (low + high) / 2 + rng.uniform(-OFF_CENTRE, OFF_CENTRE, 2) * side
    return View(float(1 / side), (float(0.5 - middle[0] / side), float(0.5 + middle[1] / side)))
