"""The 68 landmarks as labels: where they are seen, how far they stand out, and whether anything is before them."""

import numpy as np
from jaxtyping import Float32, Int64

from headfreeze.meshes.trace import Mesh
from headfreeze.synth.heads.view import View

HIDDEN_M = 0.004
"""A surface that lies before a landmark by more than this hides it; less is the rounding of a lid or a lip."""


def keypoints(mesh: Mesh, landmarks: Int64[np.ndarray, " k"], view: View, size: int) -> Float32[np.ndarray, "k 4"]:
    """x, y, z and visibility of landmarks (vertices of the mesh) in a picture of size × size pixels.

    x, y: pixels from the picture's left and upper edge; the centre of pixel (row i, column j) is (j + 0.5, i + 0.5).
    z: toward the viewer, in pixels at the landmarks' mean depth, 0 at their mean. Visibility: 1, or 0 where another
    part of the mesh hides the landmark; one beyond the picture's edge can be visible.
    """
    points = mesh.vertices[landmarks]
    depth = -points[:, 2]
    hits = mesh.cast(np.zeros_like(points), points / depth[:, None])  # such a ray's length is its depth
    before = np.zeros_like(depth)
    before[hits.ray] = depth[hits.ray] - hits.distance
    z = (depth.mean() - depth) * (view.focal * size / depth.mean())
    columns = [view.project(points, size), z[:, None], (before <= HIDDEN_M)[:, None]]
    return np.concatenate(columns, axis=1).astype(np.float32)
