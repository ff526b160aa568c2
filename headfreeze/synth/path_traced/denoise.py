"""Takes the grain out of a path-traced picture: what lies on one surface, near by and equally lit, is averaged.

The edge-avoiding à-trous transform of Dammertz et al. (HPG 2010), with the variance-guided weights of Schied et al.
(Spatiotemporal Variance-Guided Filtering, HPG 2017), on light divided by albedo: textures stay as sharp as they are.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Float32, Shaped

Picture = Float32[np.ndarray, "h w 3"]
Values = Shaped[np.ndarray, "h w *c"]

STRIDES = (1, 2, 4)
"""Pixels between the taps of each pass."""
TAPS = (1 / 16, 1 / 4, 3 / 8, 1 / 4, 1 / 16)
SAME_DIRECTION = 64
"""Exponent on the cosine between two normals."""
SAME_PLANE = 0.01
"""Distance from a pixel's plane, relative to its own from the camera, at which another pixel hardly counts."""
SAME_LIGHT = 3.0
"""Difference in brightness, in standard deviations of its noise, at which another pixel hardly counts."""
DARKEST = 0.05
"""Light is not divided by a smaller albedo than this."""
TINY = 1e-6
OUTLIER = 4.0
"""A pixel's light is at most this many times the median of those around it: paths that met a lamp by chance."""


def denoise(
    passes: Float32[np.ndarray, "n h w 3"],
    albedo: Picture,
    normal: Picture,
    position: Picture,
    lamp: Bool[np.ndarray, "h w"],
) -> Picture:
    """The mean of n ≥ 2 independent pictures of one view, with less of their noise.

    Args:
        passes: light.
        albedo: the share of light that surfaces scatter.
        normal: of the surfaces, any length but 0.
        position: of what is seen, in metres, the camera at the origin.
        lamp: pixels that see a lamp or a window: they are not noisy, and are left as they are.
    """
    shade = np.maximum(albedo, DARKEST)
    light = passes / shade
    light = np.minimum(light, OUTLIER * _median(np.median(light, axis=0)) + TINY)
    mean = light.mean(0)
    variance = _around(_brightness(light).var(0, ddof=1) / len(passes)).mean(0)
    normal = normal / (np.linalg.norm(normal, axis=-1, keepdims=True) + TINY)
    tolerance_m = SAME_PLANE * np.linalg.norm(position, axis=-1) + TINY
    for stride in STRIDES:
        total, weights, spread = np.zeros_like(mean), np.zeros_like(variance), np.zeros_like(variance)
        bright, noise = _brightness(mean), SAME_LIGHT * np.sqrt(variance) + TINY
        for tap, shifted in _taps(stride):
            aligned = np.maximum((normal * shifted(normal)).sum(-1), 0) ** SAME_DIRECTION
            off_plane = np.abs(((shifted(position) - position) * normal).sum(-1)) / tolerance_m
            unlike = np.abs(shifted(bright) - bright) / noise
            weight = tap * ~shifted(lamp) * aligned * np.exp(-off_plane - unlike)
            total += weight[..., None] * shifted(mean)
            weights += weight
            spread += weight**2 * shifted(variance)
        weights += TINY
        mean, variance = total / weights[..., None], spread / weights**2
    return np.where(lamp[..., None], passes.mean(0), mean * shade).astype(np.float32)


def _taps(stride: int) -> Iterator[tuple[float, Callable[[Values], Values]]]:
    """Weights, and what takes to each pixel the value of the neighbour they are for; the border repeats outwards."""
    for down, weight_down in zip(range(-2, 3), TAPS, strict=True):
        for across, weight_across in zip(range(-2, 3), TAPS, strict=True):
            yield weight_down * weight_across, partial(_shifted, down=down * stride, across=across * stride)


def _shifted(values: Values, down: int, across: int) -> Values:
    rows = np.clip(np.arange(values.shape[0]) + down, 0, values.shape[0] - 1)
    columns = np.clip(np.arange(values.shape[1]) + across, 0, values.shape[1] - 1)
    return values[rows][:, columns]


def _around(values: Values) -> Shaped[np.ndarray, "9 h w *c"]:
    """The values of each pixel and its eight neighbours, along a new first axis."""
    places = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    return np.stack([_shifted(values, *place) for place in places])


def _median(light: Picture) -> Picture:
    return np.median(_around(light), axis=0)


def _brightness(light: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n"]:
    return light.mean(-1)
