"""Which camera frame are normals in? What the depth says: normals made of its slope against those that are stored.

All 48 ways to take axes for other axes, with either sign, are scored from a few 3 × 3 matrices of sums, so evidence
of any number of images adds up in constant memory. `headfreeze.data.check.frames` says how sure that is, and what
tells without depth.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from headfreeze.data.depth_slopes import FOCAL_LENGTHS, slope_products
from headfreeze.data.readers.frames import FRAMES, fits

_LEAST_SCORE, _LEAST_MARGIN, _LEAST_PIXELS = 0.8, 0.1, 1000


class Verdict(NamedTuple):
    """The axes of ours in terms of the stored ones (`headfreeze.data.readers.frames`), and their mean cosine."""

    axes: str
    score: float
    certain: bool


@dataclass
class FrameEvidence:
    """Sums over pixels of (normal of the slope) ⊗ (stored normal), by focal length, and over how many pixels."""

    products: Float[np.ndarray, "f 3 3"] = field(default_factory=lambda: np.zeros((len(FOCAL_LENGTHS), 3, 3)))
    pixels: int = 0

    def add(self, stored: Float[np.ndarray, "h w 3"], depth_m: Float[np.ndarray, "h w"]) -> None:
        """Takes an image's normals, in whatever frame, and its depth along the optical axis, in any unit."""
        flat = np.nan_to_num(np.moveaxis(stored, -1, 0).astype(np.float64))
        length = np.linalg.norm(flat, axis=0)
        unit = np.where(length > 0.5, flat / np.where(length > 0.5, length, 1), 0)
        products, pixels = slope_products(unit, depth_m.astype(np.float64))
        self.products += products
        self.pixels += pixels

    def verdict(self) -> Verdict:
        """The axes that fit best; certain where they fit well, and no others nearly as well."""
        if not self.pixels:
            return Verdict(next(iter(FRAMES)), float("nan"), False)
        scores = fits(self.products, self.pixels)
        second, best = np.sort(scores)[-2:]
        certain = best > _LEAST_SCORE and best - second > _LEAST_MARGIN and self.pixels >= _LEAST_PIXELS
        return Verdict(list(FRAMES)[int(scores.argmax())], float(best), bool(certain))
