"""What surfaces are made of: plain colours in the clean look, patterns and gloss in the photographic one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from headfreeze.synth.shapes import f32
from headfreeze.synth.textures import PATTERNS

Rng = np.random.Generator

GAMMA = 2.2
"""Between linear light and the values that pictures store."""


@dataclass(frozen=True)
class Stuff:
    """What one kind of material can look like. The patterns, the likeness and the gloss are the photographic look's."""

    hue: float | None
    """0 red, ⅓ green, ⅔ blue; None stands for any."""
    saturation: float
    value: float
    spread: float
    """How far the value strays."""
    patterns: tuple[tuple[str, float], ...] = (("flat", 1.0),)
    """Patterns, and the length in metres after which each repeats; 0 stretches one over the whole face."""
    likeness: float = 0.8
    """What a pattern's two colours have in common: 1 is one hue in two shades, 0 any two colours."""
    gloss: float = 0.0
    """Mean strength of highlights."""


STUFF = {
    "floor": Stuff(
        0.09, 0.6, 0.45, 0.25,
        (("planks", 1.2), ("tiles", 1.3), ("speckle", 1.0), ("checker", 1.6), ("grain", 1.5), ("weave", 0.5),
         ("marble", 2.0)),
        gloss=0.25,
    ),
    "wall": Stuff(
        0.12, 0.15, 0.75, 0.12,
        (("blotches", 2.5), ("blotches", 1.0), ("flat", 1.0), ("stripes", 1.2), ("speckle", 0.8), ("tiles", 0.8)),
        likeness=0.95,
    ),
    "ceiling": Stuff(0.12, 0.05, 0.88, 0.05, (("blotches", 3.0), ("flat", 1.0), ("planks", 1.6)), likeness=0.95),
    "door": Stuff(0.08, 0.45, 0.55, 0.25, (("panels", 0), ("grain", 0.9), ("flat", 1.0)), gloss=0.15),
    "window": Stuff(0.58, 0.25, 0.9, 0.08, (("panes", 0),)),
    "fronts": Stuff(0.09, 0.4, 0.6, 0.25, (("panels", 0), ("panels", 0), ("grain", 0.9)), gloss=0.2),
    "wood": Stuff(0.08, 0.55, 0.45, 0.2, (("grain", 0.8), ("grain", 0.5), ("planks", 0.9)), gloss=0.2),
    "metal": Stuff(0.6, 0.08, 0.45, 0.2, gloss=0.6),
    "fabric": Stuff(
        None, 0.45, 0.45, 0.3,
        (("weave", 0.4), ("speckle", 0.5), ("stripes", 0.7), ("checker", 0.5), ("blotches", 0.8)),
        likeness=0.6,
    ),
    "cushion": Stuff(
        None, 0.6, 0.55, 0.25, (("weave", 0.3), ("stripes", 0.4), ("checker", 0.4), ("blotches", 0.4)), likeness=0.2
    ),
    "linen": Stuff(0.12, 0.1, 0.82, 0.1, (("blotches", 1.0), ("stripes", 0.8), ("flat", 1.0))),
    "shade": Stuff(0.12, 0.25, 0.9, 0.08),
    "picture": Stuff(None, 0.5, 0.5, 0.3, (("painting", 0),), likeness=0.0),
    "plastic": Stuff(None, 0.6, 0.6, 0.25, gloss=0.35),
    "pottery": Stuff(0.06, 0.5, 0.5, 0.25, (("blotches", 0.3), ("flat", 1.0)), gloss=0.4),
    "leaves": Stuff(0.3, 0.6, 0.35, 0.12, (("speckle", 0.5),)),
    "card": Stuff(0.09, 0.45, 0.55, 0.1, (("flat", 1.0), ("blotches", 0.5))),
    "thing": Stuff(None, 0.55, 0.55, 0.3, (("flat", 1.0), ("stripes", 0.2), ("blotches", 0.2))),
    "books": Stuff(None, 0.5, 0.5, 0.3, (("books", 0), ("books", 0.6)), likeness=0.0),
    "paint": Stuff(0.12, 0.05, 0.88, 0.06),
    "carpet": Stuff(
        None, 0.4, 0.35, 0.25, (("speckle", 0.4), ("weave", 0.5), ("blotches", 0.6), ("stripes", 0.8)), likeness=0.9
    ),
    "leather": Stuff(0.08, 0.35, 0.4, 0.35, (("blotches", 0.5), ("flat", 1.0)), likeness=0.95, gloss=0.3),
    "lacquer": Stuff(None, 0.15, 0.5, 0.42, (("flat", 1.0), ("grain", 0.8)), likeness=0.95, gloss=0.3),
    "backsplash": Stuff(None, 0.6, 0.55, 0.35, (("tiles", 0.5), ("flat", 1.0)), likeness=0.95, gloss=0.5),
    "chrome": Stuff(0.6, 0.04, 0.65, 0.2, gloss=1.2),
    "screen": Stuff(0.6, 0.2, 0.12, 0.08, (("flat", 1.0), ("painting", 0)), gloss=0.4),
}  # fmt: skip
"""Every material that rooms and furniture name."""


@dataclass(frozen=True)
class Materials:
    """The m materials of one room."""

    colours: Float32[np.ndarray, "3 2 m"]
    """Two colours each, linear, 0 … 1, which the pattern mixes."""
    pattern: Int64[np.ndarray, " m"]
    """Index in `PATTERNS`."""
    period_m: Float32[np.ndarray, " m"]
    shine: Float32[np.ndarray, " m"]
    """Strength of highlights, …"""
    sharpness: Float32[np.ndarray, " m"]
    """… and the exponent that makes them small."""
    glow: Float32[np.ndarray, " m"]
    """Light that comes from the surface itself."""


def clean_materials(names: Sequence[str], rng: Rng) -> Materials:
    """One colour each; windows and lampshades are a little brighter."""
    colour = _colours(names, rng)
    glow = f32([0.5 if name in ("window", "shade") else 0 for name in names])
    none = np.zeros_like(glow)
    return Materials(np.stack([colour, colour], axis=1), none.astype(np.int64), none + 1, none, none + 1, glow)


def photographic_materials(names: Sequence[str], rng: Rng) -> Materials:
    """Patterns of two colours, highlights, and windows and lamps that may be far brighter than the room."""
    n = len(names)
    stuff = [STUFF[name] for name in names]
    first, other = _colours(names, rng), _colours(names, rng)
    second = other + f32([s.likeness for s in stuff]) * (first * f32(rng.uniform(0.4, 1, n)) - other)
    chosen = [s.patterns[int(pick * len(s.patterns))] for s, pick in zip(stuff, rng.random(n), strict=True)]
    glow = {"window": rng.uniform(0.6, 4), "shade": rng.uniform(0, 2)}
    return Materials(
        colours=np.stack([first, second], axis=1),
        pattern=np.array([PATTERNS.index(pattern) for pattern, _ in chosen]),
        period_m=f32([period for _, period in chosen] * rng.uniform(0.7, 1.4, n)),
        shine=f32([s.gloss for s in stuff] * rng.uniform(0, 1.6, n)),
        sharpness=f32(rng.uniform(8, 80, n)),
        glow=f32([glow.get(name, 0) for name in names]),
    )


def _colours(names: Sequence[str], rng: Rng) -> Float32[np.ndarray, "3 m"]:
    """A linear colour for each material."""
    n = len(names)
    stuff = [STUFF[name] for name in names]
    any_hue, stray = rng.random(n), rng.normal(0, 0.03, n)
    hue = np.array([any_hue[i] if s.hue is None else s.hue + stray[i] for i, s in enumerate(stuff)])
    saturation = np.minimum([s.saturation for s in stuff] * rng.uniform(0.3, 1.3, n), 1)
    value = np.clip([s.value for s in stuff] + [s.spread for s in stuff] * rng.uniform(-1, 1, n), 0.06, 0.95)
    wheel = np.clip(np.abs((hue * 6 + np.array([[0], [4], [2]])) % 6 - 3) - 1, 0, 1)  # red, green, blue of each hue
    return f32((value * (1 - saturation * (1 - wheel))) ** GAMMA)
