"""From light to a photograph: lens, exposure, white balance, sensor noise, tone curve."""

import io
import math

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from PIL import Image

from headfreeze.synth.shapes import f32

Rng = np.random.Generator
Light = Float32[np.ndarray, "h w 3"]


def develop(
    light: Light, rng: Rng, metered: Bool[np.ndarray, "h w"] | None = None, by_phone: bool = False
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture that a small camera takes of linear light of any scale.

    Args:
        light: what falls on the sensor.
        rng: draws the lens, the exposure, the noise.
        metered: what it exposes for; None: all.
        by_phone: it may have moved meanwhile, and its makers like colours.
    """
    if by_phone:
        light = _shaken(light, rng)
    image = _blurred(light, sigma=rng.uniform(0.25, 0.8)) * _vignette(
        light.shape[0], light.shape[1], rng.uniform(0.02, 0.3)
    )
    bright = float(np.quantile(image[slice(None) if metered is None else metered].mean(-1), 0.75))
    exposure = rng.uniform(0.35, 0.6) / (bright + 1e-6)
    balance = f32(np.exp(rng.normal(0, [0.1, 0.03, 0.12])))  # never quite right
    image = image * balance * exposure
    shot, read = rng.uniform(0.0003, 0.0025), rng.uniform(0.001, 0.008)  # variance per light; standard deviation
    image = image + f32(rng.normal(0, 1, image.shape)) * np.sqrt(shot * image + read**2)
    image = np.clip(image, 0, 1) ** (1 / rng.uniform(1.9, 2.5))
    contrast = rng.uniform(0, 0.6)
    image = image + contrast * (image * image * (3 - 2 * image) - image)
    if by_phone:
        grey = image.mean(-1, keepdims=True)
        image = np.clip(grey + (image - grey) * f32(rng.uniform(0.7, 1.5)), 0, 1)
    return np.round(255 * image).astype(np.uint8)


def compress(image: UInt8[np.ndarray, "h w 3"], rng: Rng) -> UInt8[np.ndarray, "h w 3"]:
    """What is left of a picture that was perhaps made smaller, or stored as JPEG, on its way here."""
    picture, size = Image.fromarray(image), (image.shape[1], image.shape[0])
    if rng.random() < 0.3:
        share = rng.uniform(0.4, 0.8)
        smaller = picture.resize([max(8, round(share * side)) for side in size], Image.Resampling.BOX)
        picture = smaller.resize(size, Image.Resampling.BICUBIC)
    if rng.random() < 0.5:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=int(rng.integers(40, 95)))
        picture = Image.open(file)
    return np.asarray(picture)


def _shaken(light: Light, rng: Rng) -> Light:
    """Blurred along a line, every other time, by up to a thirtieth of the picture."""
    if rng.random() < 0.5:
        return light
    turn, reach = rng.uniform(0, math.pi), rng.uniform(0, light.shape[1] / 30)
    steps = [(round(s * reach * math.cos(turn)), round(s * reach * math.sin(turn))) for s in np.linspace(-0.5, 0.5, 7)]
    pad = light.shape[1] // 30 + 1
    padded = np.pad(light, [(pad, pad), (pad, pad), (0, 0)], mode="edge")
    height, width = light.shape[:2]
    parts = [padded[pad + y : pad + y + height, pad + x : pad + x + width] for x, y in steps]
    return np.mean(parts, axis=0)


def _blurred(image: Light, sigma: float) -> Light:
    """Gaussian blur by `sigma` < 1 pixels."""
    taps = f32(np.exp(-0.5 * (np.arange(-2, 3) / sigma) ** 2))
    taps /= taps.sum()
    for axis in (0, 1):
        size = image.shape[axis]
        padded = np.pad(image, [(2, 2) if a == axis else (0, 0) for a in range(3)], mode="edge")
        parts = [tap * padded.take(range(i, i + size), axis) for i, tap in enumerate(taps)]
        image = np.sum(parts, axis=0)
    return image


def _vignette(height: int, width: int, strength: float) -> Float32[np.ndarray, "h w 1"]:
    """What the lens lets through, less and less towards the corners."""
    y, x = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
    return (1 + strength * (y[:, None] ** 2 + x[None] ** 2))[:, :, None] ** -2
