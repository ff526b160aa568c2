"""How sure a difference between two methods is: a paired bootstrap over test images and seeds."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_NUMBERS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Difference:
    """A pooled mean of one method minus another's, with a 95 % interval.

    Attributes:
        value: the difference on all images and seeds; NaN, as the interval, where no image has a valid pixel.
        low: 2.5 % quantile of the bootstrap's differences.
        high: 97.5 % quantile.
    """

    value: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def paired_bootstrap(
    method: Float[np.ndarray, "seeds images"],
    other: Float[np.ndarray, "seeds images"],
    pixels: Float[np.ndarray, " images"],
    draws: int = 10_000,
    seed: int = 0,
) -> Difference:
    """The difference of two pooled means when images, and seeds, are drawn again with replacement.

    Args:
        method: mean error of each image under each seed; NaN where an image has no valid pixel.
        other: the same of what it is compared with: same images, same seeds.
        pixels: valid pixels of each image: the weights with which images enter a pooled mean.
        draws: resamples.
        seed: of the resampling.
    """
    counted = pixels > 0  # an image without valid pixels says nothing, and a draw of none but such would be 0 / 0
    pixels = pixels[counted]
    per_image = (method - other)[:, counted] * pixels
    if not len(pixels):
        return Difference(np.nan, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    at_once = max(1, _NUMBERS_AT_ONCE // per_image.size)
    means = [_drawn(per_image, pixels, min(at_once, draws - k), rng) for k in range(0, draws, at_once)]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return Difference(float(per_image.sum(1).mean() / pixels.sum()), float(low), float(high))


def _drawn(
    per_image: Float[np.ndarray, "seeds images"],
    pixels: Float[np.ndarray, " images"],
    draws: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, " draws"]:
    """Pooled means of so many resamples."""
    seeds, images = per_image.shape
    chosen = rng.integers(images, size=(draws, images))
    summed = per_image[:, chosen].sum(-1).T  # seeds × draws × images -> draws × seeds
    means = np.take_along_axis(summed, rng.integers(seeds, size=(draws, seeds)), axis=1).mean(1)
    return means / pixels[chosen].sum(-1)
