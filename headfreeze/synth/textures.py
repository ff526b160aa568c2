"""A bank of small tileable patterns with their reduced versions, so that a pixel's colour costs one look-up."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, Int64

from headfreeze.synth.shapes import f32

FACE_U, FACE_V = np.array([1, 0, 0]), np.array([2, 2, 1])
"""Axes across and up a face whose normal is nearest to x, y, z."""
SIDE = 128
LEVELS = 6
PATTERNS = (
    "flat", "blotches", "weave", "speckle", "planks", "grain", "tiles", "checker", "stripes", "panels", "panes",
    "books", "painting", "marble",
)  # fmt: skip
"""A pattern's place in this tuple is its number; each mixes two colours, 0 … 1."""


def look_up(
    pattern: Int64[np.ndarray, " r"], uv: Float32[np.ndarray, "2 r"], blur: Float32[np.ndarray, " r"]
) -> Float32[np.ndarray, " r"]:
    """Mix of a pattern's two colours at places in units of its period; `blur` is a pixel's width in those units."""
    level = np.log2(np.maximum(blur * SIDE, 1)).astype(np.int64)
    np.minimum(level, LEVELS - 1, out=level)
    side = SIDE >> level
    x, y = ((uv - np.floor(uv)) * side).astype(np.int64)
    np.minimum(x, side - 1, out=x)  # 1 - tiny rounds to 1
    np.minimum(y, side - 1, out=y)
    atlas, starts = _atlas()
    return atlas[starts[level] + (pattern * side + y) * side + x]


@lru_cache(maxsize=1)
def _atlas() -> tuple[Float32[np.ndarray, " texels"], Int64[np.ndarray, " levels"]]:
    """All patterns at all levels in one row, and where each level starts."""
    rng = np.random.default_rng(7)  # the bank is the same in every data set: what varies is how it is used
    level = f32([_draw(name, rng) for name in PATTERNS])
    rows, starts, start = [], [], 0
    for _ in range(LEVELS):
        rows.append(level.ravel())
        starts.append(start)
        start += level.size
        level = (level[:, ::2, ::2] + level[:, 1::2, ::2] + level[:, ::2, 1::2] + level[:, 1::2, 1::2]) / 4
    return np.concatenate(rows), np.array(starts)


def _noise(rng: np.random.Generator, across: float, down: float) -> Float[np.ndarray, "128 128"]:
    """Periodic smooth noise, 0 … 1, with features of about SIDE/across × SIDE/down texels."""
    fx, fy = np.fft.fftfreq(SIDE) * SIDE / across, np.fft.fftfreq(SIDE) * SIDE / down
    spectrum = np.fft.fft2(rng.normal(size=(SIDE, SIDE))) * np.exp(-(fx[None] ** 2 + fy[:, None] ** 2))
    field = np.fft.ifft2(spectrum).real
    return np.clip(0.5 + 0.22 * field / field.std(), 0, 1)


def _draw(name: str, rng: np.random.Generator) -> Float[np.ndarray, "128 128"]:
    """One pattern at full size: rows are v, columns u."""
    u, v = np.meshgrid((np.arange(SIDE) + 0.5) / SIDE, (np.arange(SIDE) + 0.5) / SIDE)
    if name == "flat":
        return np.zeros((SIDE, SIDE))
    if name == "blotches":
        return 0.6 * _noise(rng, 3, 3) + 0.4 * _noise(rng, 12, 12)
    if name == "weave":
        return 0.4 * _noise(rng, 5, 5) + 0.6 * (np.sin(2 * np.pi * 16 * u) * np.sin(2 * np.pi * 16 * v) > 0)
    if name == "speckle":
        return 0.3 * _noise(rng, 4, 4) + 0.7 * _noise(rng, 40, 40)
    if name == "planks":
        tone = rng.uniform(0, 0.7, 8)[(v * 8).astype(int)]
        shifted = (u + rng.uniform(0, 1, 8)[(v * 8).astype(int)]) % 1
        seam = (v * 8 % 1 < 0.07) | (shifted < 0.012)
        return np.where(seam, 1, tone * 0.7 + 0.3 * _noise(rng, 3, 40))
    if name == "grain":
        rings = np.sin(2 * np.pi * (6 * v + 1.2 * _noise(rng, 2, 3)))
        return 0.35 + 0.25 * rings + 0.4 * _noise(rng, 3, 40)
    if name == "tiles":
        tone = rng.uniform(0, 0.25, (4, 4))[(v * 4).astype(int), (u * 4).astype(int)]
        grout = (u * 4 % 1 < 0.06) | (v * 4 % 1 < 0.06)
        return np.where(grout, 1, tone + 0.15 * _noise(rng, 10, 10))
    if name == "checker":
        return (((u * 4).astype(int) + (v * 4).astype(int)) % 2) * 0.9 + 0.1 * _noise(rng, 10, 10)
    if name == "stripes":
        return (u * 6 % 1 < 0.4) * 0.8 + 0.2 * (u * 6 % 1 < 0.15)
    if name == "panels":  # a pair of doors with a frame and knobs
        edge = np.minimum(np.minimum(u * 2 % 1, 1 - u * 2 % 1), np.minimum(v, 1 - v) * 1.5)
        knob = (np.abs(np.abs(u - 0.5) - 0.06) < 0.02) & (np.abs(v - 0.55) < 0.05)
        return np.where(
            (edge < 0.025) | knob, 1, np.where((edge > 0.14) & (edge < 0.17), 0.6, 0.1 * _noise(rng, 4, 20))
        )
    if name == "panes":  # a window's bars over something outside
        bar = (
            (np.abs(u - 0.5) < 0.03)
            | (np.abs(v - 0.62) < 0.025)
            | (np.minimum(u, 1 - u) < 0.04)
            | (np.minimum(v, 1 - v) < 0.03)
        )
        return np.where(bar, 1, np.where(v < 0.35, 0.25 + 0.3 * _noise(rng, 6, 6), 0.05))
    if name == "books":
        spines = np.sort(rng.uniform(0, 1, 24))
        return rng.uniform(0, 1, 25)[np.searchsorted(spines, u)] * np.where(np.abs(v - 0.7) < 0.06, 0.4, 1)
    if name == "painting":
        blobs = np.floor(_noise(rng, 3, 3) * 5) / 5 + 0.2 * _noise(rng, 14, 14)
        frame = np.minimum(np.minimum(u, 1 - u), np.minimum(v, 1 - v)) < 0.07
        return np.where(frame, 1, np.clip(blobs, 0, 0.9))
    return np.abs(np.sin(2 * np.pi * (u + v + 1.5 * _noise(rng, 3, 3)))) ** 0.4  # marble
