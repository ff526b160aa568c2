"""Wrong labels on purpose: blobs of a class map that carry another class, an exact share of its pixels."""

import hashlib

import cv2
import numpy as np
from jaxtyping import Integer

_BLOB = 1 / 12
"""Standard deviation of the blur that makes blobs of white noise, as a share of the image's shorter side."""


def with_wrong_blobs(
    label: Integer[np.ndarray, "h w"], classes: int, invalid: int, share: float, seed: int, key: str
) -> Integer[np.ndarray, "h w"]:
    """The label with `share` of its valid pixels, to the nearest pixel, in a class that they are not.

    White noise is blurred, and where it is highest the label is wrong: blobs about a sixth of the image wide. By how
    many classes a pixel is off is drawn for squares of that size, all other classes alike. So more noise adds wrong
    pixels to those of less noise, and what is wrong depends on the seed and the image's name alone.

    Args:
        label: class indices 0 … `classes` − 1, or `invalid`.
        classes: how many there are, two or more.
        invalid: the index that means so; such pixels stay, and count for nothing.
        share: of the valid pixels, 0 … 1.
        seed: of the drawing.
        key: the image's id.
    """
    rng = random_of(seed, key)
    height, width = label.shape
    sigma = max(min(height, width) * _BLOB, 0.5)
    field = cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    side = max(round(2 * sigma), 1)
    squares = rng.integers(1, classes, (-(-height // side), -(-width // side)))
    off = squares.repeat(side, 0).repeat(side, 1)[:height, :width]
    places = np.flatnonzero(label != invalid)
    highest = places[np.argsort(-field.ravel()[places], kind="stable")[: round(share * len(places))]]
    noisy = label.copy()
    noisy.ravel()[highest] = (label.ravel()[highest].astype(np.int64) + off.ravel()[highest]) % classes
    return noisy


def random_of(seed: int, key: str) -> np.random.Generator:
    """A generator that depends on the seed and an image's id alone, on every machine."""
    return np.random.default_rng([seed, *hashlib.blake2b(key.encode(), digest_size=8).digest()])
