"""A bank of small tileable patterns with their reduced versions, so that a pixel's colour costs one look-up."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, Int64

from headfreeze.synth.shapes import f32

FACE_U, FACE_V = np.array([1, 0, 0]), np.array([2, 2, 1])
"""Axes across and up a face whose normal is nearest to x, y, z."""
SIDE = 128
LEVELS = 6

Texels = Float[np.ndarray, "128 128"]
"""Of a pattern at full size: rows are v, columns u."""


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
    u, v = np.meshgrid((np.arange(SIDE) + 0.5) / SIDE, (np.arange(SIDE) + 0.5) / SIDE)
    level = f32([draw(u, v, rng) for draw in _DRAWN.values()])
    rows, starts, start = [], [], 0
    for _ in range(LEVELS):
        rows.append(level.ravel())
        starts.append(start)
        start += level.size
        level = (level[:, ::2, ::2] + level[:, 1::2, ::2] + level[:, ::2, 1::2] + level[:, 1::2, 1::2]) / 4
    return np.concatenate(rows), np.array(starts)


def _noise(rng: np.random.Generator, across: float, down: float) -> Texels:
    """Periodic smooth noise, 0 … 1, with features of about SIDE/across × SIDE/down texels."""
    fx, fy = np.fft.fftfreq(SIDE) * SIDE / across, np.fft.fftfreq(SIDE) * SIDE / down
    spectrum = np.fft.fft2(rng.normal(size=(SIDE, SIDE))) * np.exp(-(fx[None] ** 2 + fy[:, None] ** 2))
    field = np.fft.ifft2(spectrum).real
    return np.clip(0.5 + 0.22 * field / field.std(), 0, 1)


def _weave(u: Texels, v: Texels, rng: np.random.Generator) -> Texels:
    return 0.4 * _noise(rng, 5, 5) + 0.6 * (np.sin(2 * np.pi * 16 * u) * np.sin(2 * np.pi * 16 * v) > 0)


def _planks(u: Texels, v: Texels, rng: np.random.Generator) -> Texels:
    tone = rng.uniform(0, 0.7, 8)[(v * 8).astype(int)]
    shifted = (u + rng.uniform(0, 1, 8)[(v * 8).astype(int)]) % 1
    seam = (v * 8 % 1 < 0.07) | (shifted < 0.012)
    return np.where(seam, 1, tone * 0.7 + 0.3 * _noise(rng, 3, 40))


def _grain(_u: Texels, v: Texels, rng: np.random.Generator) -> Texels:
    rings = np.sin(2 * np.pi * (6 * v + 1.2 * _noise(rng, 2, 3)))
    return 0.35 + 0.25 * rings + 0.4 * _noise(rng, 3, 40)


def _tiles(u: Texels, v: Texels, rng: np.random.Generator) -> Texels:
    tone = rng.uniform(0, 0.25, (4, 4))[(v * 4).astype(int), (u * 4).astype(int)]
    grout = (u * 4 % 1 < 0.06) | (v * 4 % 1 < 0.06)
    return np.where(grout, 1, tone + 0.15 * _noise(rng, 10, 10))


def _checker(u: Texels, v: Texels, rng: np.random.Generator) -> Texels:
    return (((u * 4).astype(int) + (v * 4).astype(int)) % 2) * 0.9 + 0.1 * _noise(rng, 10, 10)


def _panels(u: Texels, v: Texels, rng: np.random.Generator) -> Texels:
    """A pair of doors with a frame and knobs."""
    edge = np.minimum(np.minimum(u * 2 % 1, 1 - u * 2 % 1), np.minimum(v, 1 - v) * 1.5)
    knob = (np.abs(np.abs(u - 0.5) - 0.06) < 0.02) & (np.abs(v - 0.55) < 0.05)
    groove = (edge > 0.14) & (edge < 0.17)
    return np.where((edge < 0.025) | knob, 1, np.where(groove, 0.6, 0.1 * _noise(rng, 4, 20)))


def _panes(u: Texels, v: Texels, rng: np.random.Generator) -> Texels:
    """A window's bars over something outside."""
    inner = (np.abs(u - 0.5) < 0.03) | (np.abs(v - 0.62) < 0.025)
    outer = (np.minimum(u, 1 - u) < 0.04) | (np.minimum(v, 1 - v) < 0.03)
    return np.where(inner | outer, 1, np.where(v < 0.35, 0.25 + 0.3 * _noise(rng, 6, 6), 0.05))


def _books(u: Texels, v: Texels, rng: np.random.Generator) -> Texels:
    spines = np.sort(rng.uniform(0, 1, 24))
    return rng.uniform(0, 1, 25)[np.searchsorted(spines, u)] * np.where(np.abs(v - 0.7) < 0.06, 0.4, 1)


def _painting(u: Texels, v: Texels, rng: np.random.Generator) -> Texels:
    blobs = np.floor(_noise(rng, 3, 3) * 5) / 5 + 0.2 * _noise(rng, 14, 14)
    frame = np.minimum(np.minimum(u, 1 - u), np.minimum(v, 1 - v)) < 0.07
    return np.where(frame, 1, np.clip(blobs, 0, 0.9))


def _marble(u: Texels, v: Texels, rng: np.random.Generator) -> Texels:
    return np.abs(np.sin(2 * np.pi * (u + v + 1.5 * _noise(rng, 3, 3)))) ** 0.4


_DRAWN: dict[str, Callable[[Texels, Texels, np.random.Generator], Texels]] = {
    "flat": lambda u, _v, _rng: np.zeros_like(u),
    "blotches": lambda _u, _v, rng: 0.6 * _noise(rng, 3, 3) + 0.4 * _noise(rng, 12, 12),
    "weave": _weave,
    "speckle": lambda _u, _v, rng: 0.3 * _noise(rng, 4, 4) + 0.7 * _noise(rng, 40, 40),
    "planks": _planks,
    "grain": _grain,
    "tiles": _tiles,
    "checker": _checker,
    "stripes": lambda u, _v, _rng: (u * 6 % 1 < 0.4) * 0.8 + 0.2 * (u * 6 % 1 < 0.15),
    "panels": _panels,
    "panes": _panes,
    "books": _books,
    "painting": _painting,
    "marble": _marble,
}
"""In this order: the patterns share a generator of random numbers. Each mixes two colours, 0 … 1."""
PATTERNS = tuple(_DRAWN)
"""A pattern's place in this tuple is its number."""
