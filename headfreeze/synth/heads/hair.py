"""Hair on the head: a thickness of the scalp, in waves. Brows and beard are painted on the skin."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from headfreeze.synth.heads.model import HeadModel
from headfreeze.synth.heads.regions import at, regions
from headfreeze.synth.shapes import f32

Rng = np.random.Generator

SLOPE_M = 0.035
"""Behind its line hair grows to its full thickness over this way."""
CURL_M = (0.015, 0.04)


@dataclass(frozen=True)
class Hair:
    """One person's."""

    line_m: float
    """How far the hairline is behind the common one."""
    density: float
    """0 is bald, 1 hides the skin."""
    thickness_m: float
    curl_m: float
    """Width of its waves."""


def draw_hair(rng: Rng) -> Hair:
    """From shaved to thick, from low to far receded."""
    line, density = rng.normal(0, 0.006), rng.uniform(0.75, 1)
    thickness, curl = rng.uniform(0, 0.028), rng.uniform(*CURL_M)
    receded, shaved = rng.random(2) < (0.2, 0.15)
    if shaved:
        density, thickness = density - 0.7, 0.0
    if receded:
        line, thickness = line + rng.uniform(0, 0.04), 0.3 * thickness
    return Hair(line, density, thickness, curl)


def thickness_m(model: HeadModel, hair: Hair) -> Float32[np.ndarray, " v"]:
    """How far hair stands off at each vertex: in waves, and thin at its line."""
    fields = at(regions(model))
    grown = ((fields.hair - hair.line_m) / SLOPE_M).clip(0, 1)
    turn = 2 * math.pi / hair.curl_m
    waves = 1 + 0.15 * np.sin(turn * fields.around) * np.sin(turn * fields.up)
    return f32(hair.thickness_m * grown * grown * (3 - 2 * grown) * waves)
