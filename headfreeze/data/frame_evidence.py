"""Which camera frame are normals in? What the depth says: normals fitted to it, correlated with those that are stored.

All 48 ways to take axes for other axes, with either sign, are scored from one 3 × 3 matrix of sums, so evidence of any
number of images adds up in constant memory.
"""

from dataclasses import dataclass, field
from itertools import permutations, product
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from headfreeze.data.normals_from_depth import normals_from_depth

_FOV_DEG = 60.0
"""Assumed across the longer side where the focal length is not known; the scores forgive 20° more or less."""
_LEAST_SCORE, _LEAST_MARGIN, _LEAST_PIXELS = 0.8, 0.1, 1000


class Verdict(NamedTuple):
    """The axes of ours in terms of the stored ones (`headfreeze.data.readers.frames`), and their mean cosine."""

    axes: str
    score: float
    certain: bool


@dataclass
class FrameEvidence:
    """Sums over pixels of (fitted normal) ⊗ (stored normal)."""

    products: Float[np.ndarray, "3 3"] = field(default_factory=lambda: np.zeros((3, 3)))
    pixels: int = 0

    def add(
        self,
        stored: Float[np.ndarray, "h w 3"],
        depth_m: Float[np.ndarray, "h w"],
        focal_px: tuple[float, float] | None = None,
    ) -> None:
        """Takes an image's normals, in whatever frame, and its depth along the optical axis, in any unit."""
        focal = focal_px or (max(depth_m.shape) / 2 / np.tan(np.radians(_FOV_DEG / 2)),) * 2
        fitted = normals_from_depth(depth_m, focal, radius_px=2).reshape(-1, 3)
        flat = np.nan_to_num(stored.reshape(-1, 3))
        length = np.linalg.norm(flat, axis=1)
        both = fitted.any(1) & (length > 0.5)
        self.products += fitted[both].T.astype(np.float64) @ (flat[both] / length[both, None])
        self.pixels += int(both.sum())

    def __add__(self, other: "FrameEvidence") -> "FrameEvidence":
        return FrameEvidence(self.products + other.products, self.pixels + other.pixels)

    def verdict(self) -> Verdict:
        """The axes that fit best; certain where they fit well, and no others nearly as well."""
        if not self.pixels:
            return Verdict("x y z", float("nan"), False)
        mean = self.products / self.pixels
        scores = {
            " ".join(("-" if sign < 0 else "") + "xyz"[axis] for axis, sign in zip(order, signs, strict=True)): sum(
                sign * mean[own, axis] for own, (axis, sign) in enumerate(zip(order, signs, strict=True))
            )
            for order in permutations(range(3))
            for signs in product((1, -1), repeat=3)
        }
        (axes, best), (_, second) = sorted(scores.items(), key=lambda item: -item[1])[:2]
        certain = best > _LEAST_SCORE and best - second > _LEAST_MARGIN and self.pixels >= _LEAST_PIXELS
        return Verdict(axes, float(best), bool(certain))
