"""Which way is up, as a free anchor: the vertical in the camera's frame, from the straight lines of a photograph.

It is what the normals of all level floors and tops are, and says how the camera was held. A label has the same unit
vector in every pixel, so that it is a map of normals like any other: it turns with the camera and flips with the image.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from headfreeze.annotate.labelling import label_images
from headfreeze.annotate.lines import check_fov, line_segments
from headfreeze.annotate.options import FOV_DEG
from headfreeze.annotate.vanishing import Lines, directions
from headfreeze.tasks import make_task

_FEWEST_LINES = 5
"""With fewer, the vertical is a guess."""


def annotate_up(root: Path, *, name: str = "up", fov_deg: float = FOV_DEG, overwrite: bool = False) -> int:
    """Writes ROOT/{split}/NAME/ID.png (as normals are) for every image, and declares the task.

    Args:
        root: a folder that has at least ROOT/{train,val,test}/image of one split.
        name: of the task, and of the folders of its labels.
        fov_deg: see `up_map`.
        overwrite: replace labels that are there.

    Returns:
        How many maps were written.

    Raises:
        InputError: no images, a damaged one, labels that are there already, or a setting out of range.
    """
    check_fov(fov_deg)
    task = make_task(name, {"kind": "normals"})
    return label_images(root, task, lambda: lambda image: up_map(image, fov_deg), overwrite, "finding the vertical")


def up_map(image: UInt8[np.ndarray, "h w 3"], fov_deg: float = FOV_DEG) -> Float[np.ndarray, "h w 3"]:
    """The vertical for each pixel: x right, y up, z toward the viewer; zeros where too few lines tell.

    Args:
        image: RGB, from a pinhole camera whose principal point is the image's middle.
        fov_deg: its angle of view over the longer side, in degrees.
    """
    segments = line_segments(image)
    if len(segments) < _FEWEST_LINES:
        return np.zeros((*image.shape[:2], 3), np.float32)
    vertical = directions(Lines(segments, image.shape[:2], fov_deg)).vertical
    return np.broadcast_to(vertical.astype(np.float32), (*image.shape[:2], 3)).copy()
