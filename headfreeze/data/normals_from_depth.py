"""Normals from depth, where a data set gives none: a plane through the 3-D points around each pixel, by least squares.

In perspective 1 / depth is linear in the pixel for every plane: n · p = c with p = depth · ray gives
1 / depth = (n · ray) / c. So a plane is fitted to 1 / depth over a window, of neighbours that are near
in depth, which keeps windows from reaching over an edge; the fit has a closed form, sums over windows, and its slopes
give n. The least-squares plane is that of Hoppe et al., SIGGRAPH 1992; Klasing et al., ICRA 2009, compare its kin.
"""

import numpy as np
from jaxtyping import Bool, Float

from headfreeze.data.pinhole import rays
from headfreeze.errors import InputError

_NEAR = 0.05
"""A neighbour within this relative difference in depth is on the same surface."""
MOST_RADIUS_PX = 32
"""The largest window: every pixel is compared with each of the window's, whose number grows with the square."""
_LEAST = 0.3
"""Share of the window that must be, for the pixel to get a normal."""


def normals_from_depth(
    depth_m: Float[np.ndarray, "h w"],
    focal_px: tuple[float, float],
    centre_px: tuple[float, float] | None = None,
    radius_px: int = 3,
) -> Float[np.ndarray, "h w 3"]:
    """Unit normals in our frame (x right, y up, z toward the viewer), float32; zeros where there is no plane to fit.

    Args:
        depth_m: along the optical axis; 0 or NaN: unknown.
        focal_px: horizontal and vertical focal length.
        centre_px: column and row of the principal point, (0, 0) the image's upper left corner; default: its middle.
        radius_px: the window is 2 radius + 1 wide, 1 … 32. Sensors with much noise want 5 or more.

    Raises:
        InputError: another radius.
    """
    check_radius("radius_px", radius_px)
    known = np.isfinite(depth_m) & (depth_m > 0)
    inverse = np.where(known, 1 / np.where(known, depth_m, 1), 0)
    height, width = depth_m.shape
    right, up, _ = np.moveaxis(rays(height, width, focal_px, centre_px), -1, 0)
    slope_right, slope_up, value, enough = _fitted(inverse, known, 1 / focal_px[0], 1 / focal_px[1], radius_px)
    # inverse = (n · ray) / c with ray = (right, up, −1): n / c = (slope, slope, slope · (right, up) − value)
    toward = slope_right * right + slope_up * up - value
    normals = np.stack([slope_right, slope_up, toward], axis=-1)
    normals *= -1.0  # visible surfaces have n · ray < 0, so c < 0
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    fine = enough[..., None] & known[..., None] & (length > 0)
    return np.where(fine, normals / np.where(fine, length, 1), 0).astype(np.float32)


def check_radius(name: str, radius_px: int) -> None:
    """Raises InputError where a setting of this name is no radius of a window."""
    if not 1 <= radius_px <= MOST_RADIUS_PX:
        raise InputError(f"{name} is {radius_px}; give pixels from 1 to {MOST_RADIUS_PX}")


def _fitted(
    inverse: Float[np.ndarray, "h w"], known: Bool[np.ndarray, "h w"], step_x: float, step_y: float, radius: int
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"], Float[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """Slopes to the right and up, value at the pixel, of the plane through 1 / depth; and whether enough agrees."""
    height, width = inverse.shape
    padded, there = np.pad(inverse, radius), np.pad(known, radius)
    sums = {name: np.zeros((height, width)) for name in ("1", "x", "y", "xx", "xy", "yy", "d", "xd", "yd")}
    for down in range(-radius, radius + 1):
        for across in range(-radius, radius + 1):
            rows = slice(radius + down, radius + down + height)
            columns = slice(radius + across, radius + across + width)
            other = padded[rows, columns]
            weight = there[rows, columns] & (np.abs(other - inverse) < _NEAR * np.maximum(inverse, 1e-12))
            x, y, d = across * step_x, -down * step_y, other - inverse
            terms = {"1": 1.0, "x": x, "y": y, "xx": x * x, "xy": x * y, "yy": y * y, "d": d, "xd": x * d, "yd": y * d}
            for name, term in terms.items():
                sums[name] += weight * term
    count = np.maximum(sums["1"], 1)
    mean = {name: total / count for name, total in sums.items()}
    xx, yy = mean["xx"] - mean["x"] ** 2, mean["yy"] - mean["y"] ** 2
    xy = mean["xy"] - mean["x"] * mean["y"]
    xd, yd = mean["xd"] - mean["x"] * mean["d"], mean["yd"] - mean["y"] * mean["d"]
    determinant = xx * yy - xy**2
    enough = (sums["1"] >= _LEAST * (2 * radius + 1) ** 2) & (determinant > 1e-3 * (step_x * step_y) ** 2)
    determinant = np.where(enough, determinant, 1)
    right, up = (xd * yy - yd * xy) / determinant, (yd * xx - xd * xy) / determinant
    return right, up, inverse + mean["d"] - right * mean["x"] - up * mean["y"], enough
