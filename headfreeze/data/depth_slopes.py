"""How normals lie to the slope of the depth beside them: the surest sign of the frame they are stored in.

A visible plane n · p = c < 0, seen by a pinhole camera along the rays (u, v, −1), u right and v up, has the depth
d = c / (x u + y v − z). With g the gradient of log d, n is (g_u, g_v, 1 + g_u u + g_v v) but for its length. In pixels
from the centre instead of u and v only the focal length is left to be known, and a handful of them is tried.
"""

import numpy as np
from jaxtyping import Float

FOCAL_LENGTHS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 8.0, 16.0)
"""In widths of the image: horizontal fields of view of 90°, 71°, 53°, 39°, 28°, 20°, 14°, 7° and 4°. Measured: to be
wrong by one of the first costs 0.01 in the mean cosine. Without the last a long lens looks like the world's frame."""

_STEP = 0.1  # a relative change of depth from pixel to pixel that is an edge, no slope
_MOST_PIXELS = 2**16  # of one image; more would only cost time


def slope_products(
    stored: Float[np.ndarray, "3 h w"], depth_m: Float[np.ndarray, "h w"]
) -> tuple[Float[np.ndarray, "f 3 3"], int]:
    """Sums over pixels of (normal from the depth, in our frame) ⊗ (normal as stored), one for each focal length.

    Args:
        stored: normals in any frame, of unit length; zeros where invalid.
        depth_m: along the optical axis; 0 where invalid.

    Returns:
        The sums, and over how many pixels.
    """
    height, width = depth_m.shape
    if min(height, width) < 3:
        return np.zeros((len(FOCAL_LENGTHS), 3, 3)), 0
    centre = depth_m[1:-1, 1:-1]
    right, left, above, below = depth_m[1:-1, 2:], depth_m[1:-1, :-2], depth_m[:-2, 1:-1], depth_m[2:, 1:-1]
    usable = (centre > 0) & stored[:, 1:-1, 1:-1].any(0)
    for other in (right, left, above, below):
        usable &= (other > 0) & (np.abs(other - centre) < _STEP * centre)
    rows, columns = np.nonzero(usable)
    every = -(-len(rows) // _MOST_PIXELS) or 1
    rows, columns = rows[::every], columns[::every]
    slope_u = np.log(right[rows, columns] / left[rows, columns]) / 2
    slope_v = np.log(above[rows, columns] / below[rows, columns]) / 2
    toward = 1 + slope_u * (columns + 1.5 - width / 2) + slope_v * (height / 2 - rows - 1.5)
    seen = stored[:, rows + 1, columns + 1]
    products = []
    for focal in FOCAL_LENGTHS:
        normals = np.stack([focal * width * slope_u, focal * width * slope_v, toward])
        normals /= np.maximum(np.linalg.norm(normals, axis=0), 1e-12)
        products.append(normals @ seen.T)
    return np.stack(products), len(rows)
