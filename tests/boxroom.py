"""A room box seen by a pinhole camera, in closed form: no two sides, axes or directions are alike.

The camera stands off the room's middle and is turned about all three axes, so that a label that is transposed,
mirrored, scaled or has its axes exchanged is another one.
"""

from dataclasses import dataclass

import numpy as np

CLASSES = ("floor", "ceiling", "left wall", "right wall", "far wall", "near wall")
HEIGHT, WIDTH = 48, 64
FOCAL_PX = 40.0
_LOW, _HIGH = np.array([-1.3, -1.1, -3.7]), np.array([2.2, 1.4, 0.9])  # the room, the camera in its origin
_INWARD = {
    "floor": (0, 1, 0),
    "ceiling": (0, -1, 0),
    "left wall": (1, 0, 0),
    "right wall": (-1, 0, 0),
    "far wall": (0, 0, 1),
    "near wall": (0, 0, -1),
}


@dataclass(frozen=True)
class BoxView:
    """What the camera sees, in the project's conventions; arrays (h, w …)."""

    image: np.ndarray  # uint8
    normals: np.ndarray  # camera frame, x right, y up, z toward the viewer
    depth_m: np.ndarray  # along the optical axis
    distance_m: np.ndarray  # along each pixel's ray
    classes: np.ndarray  # indices into CLASSES
    world_normals: np.ndarray  # x right, y forward, z up, the room's own axes
    to_world: np.ndarray  # (3, 3): columns are the camera's axes in the room's (x right, y up, z back)


def box_view(number: int = 0, height: int = HEIGHT, width: int = WIDTH, focal_px: float = FOCAL_PX) -> BoxView:
    """The view of that number; each turns the camera another way."""
    rng = np.random.default_rng(number)
    to_world = _turned(*rng.uniform([-0.35, -0.5, -0.1], [-0.1, 0.5, 0.1]))
    right = (np.arange(width) + 0.5 - width / 2) / focal_px
    up = -(np.arange(height) + 0.5 - height / 2) / focal_px
    rays = np.stack(np.broadcast_arrays(right, up[:, None], -1.0), axis=-1)  # (h, w, 3), camera
    world = rays @ to_world.T
    with np.errstate(divide="ignore"):
        along = np.where(world > 0, _HIGH / world, _LOW / world)  # to the three planes ahead
    axis = along.argmin(-1)
    depth = along.min(-1)
    names = {(0, False): "left wall", (0, True): "right wall", (1, False): "floor", (1, True): "ceiling"}
    names |= {(2, False): "far wall", (2, True): "near wall"}
    ahead = np.take_along_axis(world, axis[..., None], -1)[..., 0] > 0
    classes = np.zeros((height, width), np.uint8)
    for (which, positive), name in names.items():
        classes[(axis == which) & (ahead == positive)] = CLASSES.index(name)
    inward = np.array([_INWARD[name] for name in CLASSES], float)[classes]
    shade = 0.3 + 0.7 * np.clip(inward @ np.array([0.4, 0.7, 0.59]), 0, 1)
    colours = np.array([[200, 80, 40], [240, 240, 250], [60, 160, 90], [60, 90, 190], [190, 190, 70], [90, 40, 90]])
    return BoxView(
        image=(colours[classes] * shade[..., None]).astype(np.uint8),
        normals=inward @ to_world,
        depth_m=depth,
        distance_m=depth * np.linalg.norm(rays, axis=-1),
        classes=classes,
        world_normals=np.stack([inward[..., 0], -inward[..., 2], inward[..., 1]], axis=-1),
        to_world=to_world,
    )


def _turned(pitch: float, yaw: float, roll: float) -> np.ndarray:
    def about(axis: int, angle: float) -> np.ndarray:
        a, b = (axis + 1) % 3, (axis + 2) % 3
        matrix = np.eye(3)
        matrix[[a, b], [a, b]] = np.cos(angle)
        matrix[a, b], matrix[b, a] = -np.sin(angle), np.sin(angle)
        return matrix

    return about(1, yaw) @ about(0, pitch) @ about(2, roll)


def angles_deg(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Between the vectors of two maps (h, w, 3) where both are not zero, flat."""
    there = one.any(-1) & other.any(-1)
    cosines = (one * other).sum(-1)[there]
    lengths = (np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1))[there]
    return np.degrees(np.arccos(np.clip(cosines / lengths, -1, 1)))
