"""Lines as a free anchor: which way each straight line of a photograph runs in space.

Where walls, floors and ceilings meet, and along doors and cupboards, lines run up, along or across, and a surface's
normal is at right angles to the lines in it: unlike edges, these say something about geometry. A label is a map of
classes, like any segmentation.
"""

import math
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Int64, UInt8

from headfreeze.annotate.labelling import label_images
from headfreeze.annotate.options import FOV_DEG, LINE_THICKNESS
from headfreeze.annotate.vanishing import Directions, Lines, directions
from headfreeze.errors import InputError
from headfreeze.tasks import make_task

CLASSES = ("none", "vertical", "horizontal-1", "horizontal-2", "other")
"""horizontal-1 runs along the view, as far as a direction of the room does; horizontal-2 across it."""

UNDECIDED = 255  # "invalid" of a segmentation's labels: neither is asked for
_OTHER = CLASSES.index("other")
_CLEARLY = 0.5  # of the tolerance: a line that misses one direction by so much more than another is the other's
_LEAST_LENGTH = 0.03  # of a line, as a share of the image's diagonal …
_LEAST_LENGTH_PX = 8.0  # … and in pixels: shorter ones have no direction to speak of
_SMALLEST_PX = 16  # images with a shorter side have no lines
_SMALL_PX = 256  # the detector sees images with a smaller longer side at twice their size: it finds more, and better
_SUBPIXEL_BITS = 4


def annotate_lines(
    root: Path,
    *,
    name: str = "lines",
    fov_deg: float = FOV_DEG,
    thickness: float = LINE_THICKNESS,
    overwrite: bool = False,
) -> int:
    """Writes ROOT/{split}/NAME/ID.png (an index into `CLASSES`) for every image, and declares the task.

    Args:
        root: a folder that has at least ROOT/{train,val,test}/image of one split.
        name: of the task, and of the folders of its labels.
        fov_deg: see `line_map`, as is `thickness`.
        thickness: as above.
        overwrite: replace labels that are there.

    Returns:
        How many maps were written.

    Raises:
        InputError: no images, a damaged one, labels that are there already, or a setting out of range.
    """
    task = make_task(name, {"kind": "segmentation", "classes": list(CLASSES)})
    check_fov(fov_deg)
    if not 0 < thickness <= 0.2:
        raise InputError(f"thickness is {thickness}; give a share of the image's longer side, above 0 and up to 0.2")
    return label_images(
        root, task, lambda: lambda image: line_map(image, fov_deg, thickness), overwrite, "annotating lines"
    )


def check_fov(fov_deg: float) -> None:
    """Raises InputError where no camera has this angle of view."""
    if not 1 <= fov_deg <= 170:
        raise InputError(f"fov_deg is {fov_deg}; give the angle of view over the image's longer side, 1 … 170 degrees")


def line_map(
    image: UInt8[np.ndarray, "h w 3"], fov_deg: float = FOV_DEG, thickness: float = LINE_THICKNESS
) -> UInt8[np.ndarray, "h w"]:
    """An index into `CLASSES` for each pixel; `UNDECIDED` on lines that fit two directions alike.

    Args:
        image: RGB, from a pinhole camera whose principal point is the image's middle.
        fov_deg: its angle of view over the longer side, in degrees.
        thickness: of the lines drawn, as a share of the longer side; at least a pixel.
    """
    segments, classes, _ = classified_lines(image, fov_deg)
    width = max(1, round(thickness * max(image.shape[:2])))
    drawn = np.zeros(image.shape[:2], np.uint8)
    length = np.hypot(*(segments[:, 2:] - segments[:, :2]).T)
    for i in np.lexsort((length, classes != _OTHER)):  # the longest last, and those with a direction over the others
        # OpenCV counts from the centre of the first pixel, in sixteenths here.
        ends = np.rint((segments[i] - 0.5) * 2**_SUBPIXEL_BITS).astype(int).reshape(2, 2)
        cv2.line(drawn, ends[0], ends[1], int(classes[i]), width, cv2.LINE_8, _SUBPIXEL_BITS)
    return drawn


def classified_lines(
    image: UInt8[np.ndarray, "h w 3"], fov_deg: float = FOV_DEG
) -> tuple[Float[np.ndarray, "n 4"], Int64[np.ndarray, " n"], Directions]:
    """Segments (x, y of both ends in pixels from the upper left corner), their classes, and the three directions.

    A line that fits two directions alike, as all lines at the height of the horizon do, is `UNDECIDED`.
    """
    segments = line_segments(image)
    lines = Lines(segments, image.shape[:2], fov_deg)
    found = directions(lines)
    misses = lines.misses_deg(found.stacked()) / lines.tolerance_deg
    best, second, _ = np.sort(misses, axis=0)
    classes = np.where(best <= 1, misses.argmin(0) + 1, _OTHER)
    return segments, np.where((second <= 1) & (second - best < _CLEARLY), UNDECIDED, classes), found


def line_segments(image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "n 4"]:
    """Straight segments by the LSD (von Gioi et al., IPOL 2012, by OpenCV): x, y of both ends in pixels."""
    height, width = image.shape[:2]
    if min(height, width) < _SMALLEST_PX:
        return np.zeros((0, 4))
    enlarged = 2 if max(height, width) < _SMALL_PX else 1
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, None, fx=enlarged, fy=enlarged, interpolation=cv2.INTER_CUBIC)
    found = cv2.createLineSegmentDetector().detect(grey)[0]
    if found is None:
        return np.zeros((0, 4))
    # It counts from the centre of the first pixel.
    segments = (np.asarray(found, np.float64).reshape(-1, 4) + 0.5) / enlarged
    length = np.hypot(*(segments[:, 2:] - segments[:, :2]).T)
    return segments[length >= max(_LEAST_LENGTH_PX, _LEAST_LENGTH * math.hypot(height, width))]
