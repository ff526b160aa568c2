"""An endless corridor, seen from cameras of any pitch: every ray is computed from the pitch alone."""

import math

import numpy as np

FOV_DEG, SIDE = 65.0, 32


def corridor(pitch_deg: float, height_m: float) -> dict[str, np.ndarray]:
    """What a camera sees between an endless floor, a ceiling 3 m above it, and walls 1.5 m to either side.

    The direction of every pixel's ray in the world is computed from the pitch alone. Maps are (h, w) or (3, h, w).
    """
    reach = math.tan(math.radians(FOV_DEG) / 2)
    across = ((np.arange(SIDE) + 0.5) / SIDE * 2 - 1) * reach
    x, y = np.broadcast_arrays(across, -across[:, None])
    cos, sin = math.cos(math.radians(pitch_deg)), math.sin(math.radians(pitch_deg))
    up = y * cos + sin  # of rays to a depth of 1 along the axis, which rises by the pitch
    with np.errstate(divide="ignore"):
        vertical = np.where(up < 0, height_m / -up, (3 - height_m) / up)
        sideways = 1.5 / np.abs(x)
    wall = sideways < vertical
    of_floor = np.array([0, cos, -sin])  # the world's vertical in the frame of the camera: z toward the viewer
    normals = np.where(up[None] < 0, of_floor[:, None, None], -of_floor[:, None, None])
    normals = np.where(wall, np.stack([-np.sign(x), 0 * x, 0 * x]), normals)
    classes = np.where(wall, 1, np.where(up < 0, 0, 2))
    return {"segmentation": classes, "normals": normals, "depth": np.minimum(vertical, sideways)}
