"""What is behind a head: a plain wall, or the blurred shapes of a place."""

import math

import numpy as np
from jaxtyping import Float32

from headfreeze.synth.shapes import f32
from headfreeze.synth.textures import PATTERNS, look_up

Rng = np.random.Generator
Light = Float32[np.ndarray, "size size 3"]


def plain(size: int, rng: Rng) -> Light:
    """One colour that grows lighter to one side."""
    x, y = _grid(size)
    turn = rng.uniform(0, 2 * math.pi)
    slope = 1 + rng.uniform(0, 0.5) * (x * math.cos(turn) + y * math.sin(turn))
    return slope[:, :, None] * _colour(rng)


def cluttered(size: int, rng: Rng) -> Light:
    """A plain wall, sometimes with a pattern, and before it up to eight shapes, sharp or blurred."""
    image = plain(size, rng)
    x, y = _grid(size)
    if rng.random() < 0.4:
        image += _pattern(x, y, rng)[:, :, None] * (_colour(rng) - image)
    for _ in range(int(rng.integers(0, 9))):
        turn, blur = rng.uniform(0, math.pi), rng.uniform(0.02, 0.4)
        left, up = x - rng.uniform(-1, 1), y - rng.uniform(-1, 1)
        across = np.abs(left * math.cos(turn) + up * math.sin(turn)) / rng.uniform(0.1, 0.8)
        along = np.abs(up * math.cos(turn) - left * math.sin(turn)) / rng.uniform(0.1, 0.8)
        reach = np.maximum(across, along) if rng.random() < 0.5 else np.hypot(across, along)
        share = ((1 - reach) / blur + 0.5).clip(0, 1)
        image += share[:, :, None] * (_colour(rng) - image)
    return image


def dark(size: int, rng: Rng) -> Light:
    """The unlit end of a studio."""
    return f32(rng.uniform(0, 0.05) + np.zeros((size, size, 3)))


def _pattern(x: Float32[np.ndarray, "h w"], y: Float32[np.ndarray, "h w"], rng: Rng) -> Float32[np.ndarray, "h w"]:
    pattern = np.full(x.size, rng.integers(1, len(PATTERNS)))
    uv = f32(np.stack([x.ravel(), -y.ravel()]) * rng.uniform(1, 3) + rng.uniform(0, 1, (2, 1)))
    return look_up(pattern, uv, np.full(x.size, rng.uniform(0.02, 0.12), np.float32)).reshape(x.shape)


def _grid(size: int) -> tuple[Float32[np.ndarray, "size size"], Float32[np.ndarray, "size size"]]:
    """x and y of pixels, -1 … 1, to the right and up."""
    at = f32((2 * np.arange(size) + 1) / size - 1)
    x, y = np.meshgrid(at, -at)
    return x, y


def _colour(rng: Rng) -> Float32[np.ndarray, "3"]:
    """Linear; greyish more often than not."""
    brightness = math.exp(rng.uniform(math.log(0.01), math.log(0.8)))
    return f32(brightness * np.exp(rng.normal(0, 0.35, 3) * rng.random()))
