"""Rays of a pinhole camera, in our frame: x right, y up, z toward the viewer."""

import math

import numpy as np
from jaxtyping import Float


def rays(
    height: int, width: int, focal_px: tuple[float, float], centre_px: tuple[float, float] | None = None
) -> Float[np.ndarray, "h w 3"]:
    """Through the pixels' centres; their length along the optical axis is 1, so depth · ray is the point seen.

    Args:
        height: of the image.
        width: of the image.
        focal_px: horizontal and vertical focal length.
        centre_px: column and row of the principal point, (0, 0) the image's upper left corner; default: its middle.
    """
    column, row = centre_px or (width / 2, height / 2)
    right = (np.arange(width) + 0.5 - column) / focal_px[0]
    up = -(np.arange(height) + 0.5 - row) / focal_px[1]
    return np.stack(np.broadcast_arrays(right, up[:, None], -1.0), axis=-1)


def focal_length_px(height: int, width: int, fov_deg: float) -> float:
    """The focal length, both ways, of an image whose longer side has this angle of view."""
    return max(height, width) / 2 / math.tan(math.radians(fov_deg) / 2)
