"""Edges as a free anchor: Canny's edge map of every image, with thresholds taken from the image itself.

A cheap anchor and a weak one: edges say where something changes, not what. Compare with a recipe that has no anchor
before you rely on them.
"""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from headfreeze.annotate.labelling import label_images
from headfreeze.errors import InputError
from headfreeze.tasks import make_task

CLASSES = ("none", "edge")
_SCALE = 16  # of grey levels before they are rounded to the integers that Canny takes: dark images keep their slopes
_LEAST_STEP = 2.0  # grey levels; weaker steps are noise even where an image has nothing else
_SOBEL_OF_A_STEP = 4.0  # what the 3 × 3 Sobel filter makes of a step of 1


def annotate_edges(
    root: Path,
    *,
    name: str = "edges",
    blur_px: float = 1.0,
    strong: float = 0.9,
    weak: float = 0.4,
    thickness_px: int = 1,
    overwrite: bool = False,
) -> int:
    """Writes ROOT/{split}/NAME/ID.png (0 none, 1 edge) for every image of every split, and declares the task.

    All labels appear together at the end, so an interrupted call leaves nothing behind; with `overwrite` they are
    replaced one by one. ROOT/dataset.yaml is made where it is missing and keeps what it holds otherwise.

    Args:
        root: a folder that has at least ROOT/{train,val,test}/image of one split.
        name: of the task, and of the folders of its labels.
        blur_px: see `edge_map`, as are `strong`, `weak` and `thickness_px`.
        strong: as above.
        weak: as above.
        thickness_px: as above.
        overwrite: replace labels that are there.

    Returns:
        How many edge maps were written.

    Raises:
        InputError: no images, a damaged one, labels that are there already, or a setting out of range.
    """
    task = make_task(name, {"kind": "segmentation", "classes": list(CLASSES)})
    _check(blur_px, strong, weak, thickness_px)
    return label_images(
        root,
        task,
        lambda: lambda image: edge_map(image, blur_px, strong, weak, thickness_px),
        overwrite,
        "annotating edges",
    )


def edge_map(
    image: UInt8[np.ndarray, "h w 3"],
    blur_px: float = 1.0,
    strong: float = 0.9,
    weak: float = 0.4,
    thickness_px: int = 1,
) -> UInt8[np.ndarray, "h w"]:
    """Where a photograph has edges: 1, elsewhere 0 (Canny 1986, by OpenCV).

    The thresholds follow the image's own slopes, so dark and pale photographs have edges as bright ones do.

    Args:
        image: RGB.
        blur_px: standard deviation of the Gaussian that goes before; 0 for none.
        strong: quantile (0 … 1) of the image's slopes from which on an edge may start.
        weak: share (0 … 1) of that slope down to which an edge goes on.
        thickness_px: of the lines; about the factor by which training shrinks the images, for thin lines would vanish.
    """
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32) * _SCALE
    if blur_px > 0:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), blur_px))
    # At most 4 · 255 · 16 = 16320: int16, which Canny takes, holds it.
    dx, dy = (cv2.Sobel(grey, cv2.CV_32F, *order).round().astype(np.int16) for order in ((1, 0), (0, 1)))
    slope = np.hypot(dx, dy, dtype=np.float32)
    high = max(float(np.quantile(slope, strong)), _LEAST_STEP * _SOBEL_OF_A_STEP * _SCALE)
    edges = cv2.Canny(dx, dy, weak * high, high, L2gradient=True)
    if thickness_px > 1:
        edges = cv2.dilate(edges, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thickness_px, thickness_px)))
    return (edges > 0).astype(np.uint8)


def _check(blur_px: float, strong: float, weak: float, thickness_px: int) -> None:
    if not 0 <= blur_px <= 100:
        raise InputError(f"blur_px is {blur_px}; give a standard deviation in pixels, 0 … 100")
    for setting, value in (("strong", strong), ("weak", weak)):
        if not 0 < value <= 1:
            raise InputError(f"{setting} is {value}; give a share above 0 and up to 1")
    if thickness_px < 1:
        raise InputError(f"thickness_px is {thickness_px}; the thinnest line has 1 pixel")
