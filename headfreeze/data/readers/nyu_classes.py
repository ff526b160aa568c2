"""The 40 classes of NYUv2 (Gupta, Arbeláez, Malik, CVPR 2013) and the 13 of Couprie et al. (ICLR 2013)."""

import numpy as np
from jaxtyping import Integer, UInt8

NYU40 = (
    "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf",
    "picture", "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror", "floor mat",
    "clothes", "ceiling", "books", "refrigerator", "television", "paper", "towel", "shower curtain", "box",
    "whiteboard", "person", "night stand", "toilet", "sink", "lamp", "bathtub", "bag",
    "otherstructure", "otherfurniture", "otherprop",
)  # fmt: skip
NYU13 = (
    "bed", "books", "ceiling", "chair", "floor", "furniture", "objects", "picture", "sofa", "table", "tv", "wall",
    "window",
)  # fmt: skip
NYU40_TO_13 = (
    12, 5, 6, 1, 4, 9, 10, 12, 13, 6, 8, 6, 13, 10, 6, 13, 6, 7, 7, 5,
    7, 3, 2, 6, 11, 7, 7, 7, 7, 7, 7, 6, 7, 7, 7, 7, 7, 7, 6, 7,
)  # fmt: skip
"""Of each of the 40, counted from 1, the one of the 13, counted from 1."""

INVALID = 255


def from_one(labels: Integer[np.ndarray, "h w"], classes: int) -> UInt8[np.ndarray, "h w"]:
    """Classes counted from 1, 0 = none (and whatever lies outside), as ours: counted from 0, 255 = invalid."""
    inside = (labels >= 1) & (labels <= classes)
    return np.where(inside, labels.astype(np.int64) - 1, INVALID).astype(np.uint8)


def nyu40_to_13(labels: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """The 40 classes, counted from 0, as the 13, counted from 0; 255 stays."""
    table = np.full(256, INVALID, np.uint8)
    table[: len(NYU40)] = np.array(NYU40_TO_13) - 1
    return table[labels]
