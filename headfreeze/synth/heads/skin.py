"""What a head is painted with: skin, lips, brows, lashes, beard, scalp, eyes, teeth. Vectors are rows."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

from headfreeze.synth.heads.hair import Hair
from headfreeze.synth.heads.model import PARTS
from headfreeze.synth.heads.regions import Regions
from headfreeze.synth.shapes import f32
from headfreeze.synth.textures import PATTERNS, look_up

Rng = np.random.Generator
Colour = Float32[np.ndarray, "3"]
Colours = Float32[np.ndarray, "r 3"]
Values = Float32[np.ndarray, " r"]

LIGHT, DARK = f32([0.68, 0.43, 0.32]), f32([0.08, 0.035, 0.022])
"""The ends of the range of skin, as linear reflectance."""
HAIR = f32(
    [
        [0.007, 0.005, 0.004],
        [0.02, 0.011, 0.007],
        [0.06, 0.03, 0.015],
        [0.26, 0.16, 0.07],
        [0.11, 0.035, 0.012],
        [0.25, 0.24, 0.23],
    ]
)
"""Black, dark brown, brown, blond, red, grey."""
IRIS = f32([[0.03, 0.013, 0.006], [0.07, 0.035, 0.013], [0.06, 0.055, 0.02], [0.05, 0.09, 0.13], [0.09, 0.11, 0.12]])
"""Dark brown, brown, green, blue, grey."""
WHITE, ENAMEL = f32([0.38, 0.34, 0.31]), f32([0.55, 0.5, 0.4])
GUMS, INSIDE = f32([0.42, 0.14, 0.12]), f32([0.2, 0.06, 0.05])
LASH, PUPIL = f32([0.02, 0.014, 0.012]), f32([0.004, 0.004, 0.004])


@dataclass(frozen=True)
class Complexion:
    """One person's colours; lengths in metres, shares 0 … 1."""

    skin: Colour
    hair: Colour
    lips: Colour
    iris: Colour
    iris_m: float
    blush: float
    """How much redder cheeks and nose are."""
    mottle: float
    """How uneven the skin is."""
    brow_m: float
    """Half of the brows' thickness."""
    brow: float
    """How dense the brows are."""
    clothes: Colour
    collar_m: float
    """How far the collar is below the common one."""
    beard: float
    """How dense the beard is."""
    oil: float
    """How strongly the skin mirrors; 1 is a dry skin's."""
    sharpness: float
    """Exponent of the highlights on skin."""


def draw_complexion(rng: Rng) -> Complexion:
    """A person from anywhere, with or without make-up, a beard, hair."""
    darkness = rng.beta(1.1, 1.6)
    pale = 1 - darkness
    skin = LIGHT ** f32(pale) * DARK ** f32(darkness) * f32(np.exp(rng.normal(0, [0.06, 0.04, 0.06])))
    hair = HAIR[_pick(rng, [0.3, 0.25, 0.2 * pale, 0.12 * pale, 0.05 * pale, 0.12])]
    if rng.random() < 0.25:  # made up
        lips = skin * f32([rng.uniform(0.7, 1.2), rng.uniform(0.15, 0.5), rng.uniform(0.25, 0.6)])
    else:
        lips = skin * f32([rng.uniform(0.75, 0.95), rng.uniform(0.5, 0.8), rng.uniform(0.55, 0.85)])
    eyes = [0.35, 0.25, 0.12 * pale**2, 0.16 * pale**2, 0.12 * pale**2]
    bearded = rng.random()
    return Complexion(
        skin=skin,
        hair=hair * f32(rng.uniform(0.7, 1.4)),
        lips=lips,
        iris=IRIS[_pick(rng, eyes)] * f32(rng.uniform(0.7, 1.4)),
        iris_m=rng.uniform(0.0064, 0.0074),
        blush=rng.uniform(0, 0.5),
        mottle=rng.uniform(0.05, 0.3),
        brow_m=rng.uniform(0.0025, 0.0055),
        brow=rng.uniform(0.5, 1),
        clothes=f32(np.minimum(rng.uniform(0.01, 0.6) * np.exp(rng.normal(0, 0.3, 3)), 0.8)),
        collar_m=rng.uniform(-0.02, 0.04),
        beard=0.0 if bearded < 0.5 else rng.uniform(0.05, 0.35) if bearded < 0.85 else rng.uniform(0.6, 0.95),
        oil=math.exp(rng.normal(-0.25, 0.4)),
        sharpness=rng.uniform(9, 35),
    )


class Surface(NamedTuple):
    """What light meets at r places."""

    albedo: Colours
    mirror: Values
    """How strongly it mirrors, in units of a dry skin."""
    sharpness: Values
    """Exponent of its highlights."""


def paint(
    look: Complexion, hair: Hair, fields: Regions, part: Int64[np.ndarray, " r"], pixel_m: float, even: bool
) -> Surface:
    """The surface at places with these fields and parts (indices in PARTS).

    Args:
        look: the person's colours.
        hair: the person's.
        fields: at the places.
        part: at the places.
        pixel_m: width of a pixel there, for how fine a pattern can be seen.
        even: plain colours, without spots, stubble and hairs.
    """
    spots, hairs = (np.full_like(fields.up, 0.5),) * 2 if even else _noise(fields, pixel_m)
    albedo = look.skin * (1 + look.mottle * (spots - 0.5))[:, None]
    blood = look.blush * np.exp(-((fields.cheeks / 0.022) ** 2)) * (0.5 + spots)
    albedo *= 1 - blood[:, None] * f32([0, 0.35, 0.3])
    beard = look.beard * _step(fields.beard + 0.01 * (spots - 0.5), 0.02) * (1.6 * hairs).clip(0, 1)
    _mix(albedo, 0.8 * look.hair + 0.1 * look.skin, beard)
    scalp = hair.density * _step(fields.hair - hair.line_m + 0.012 * (hairs - 0.5), 0.01)
    _mix(albedo, look.hair * (0.4 + 1.2 * hairs)[:, None], scalp)
    lips = _step(fields.lips, 0.0025)
    _mix(albedo, look.lips * (0.85 + 0.3 * hairs)[:, None], lips)
    brows = look.brow * _step(look.brow_m + fields.brows, 0.0025) * (0.7 + 0.6 * hairs).clip(0, 1)
    _mix(albedo, 0.6 * look.hair, brows)
    _mix(albedo, LASH, 0.75 * _step(0.0014 + fields.lashes, 0.0014))
    clothed = _step(fields.collar - look.collar_m, 0.004)
    _mix(albedo, look.clothes * (0.8 + 0.4 * spots)[:, None], clothed)
    mirror = look.oil * (1 - 0.85 * np.maximum.reduce([scalp, beard, brows, clothed])) * (1 + 0.8 * lips)
    sharpness = np.full_like(mirror, look.sharpness) * (1 + 1.5 * lips)
    _paint_parts(albedo, mirror, sharpness, look, fields, part)
    return Surface(albedo, mirror, sharpness)


def _paint_parts(
    albedo: Colours, mirror: Values, sharpness: Values, look: Complexion, fields: Regions, part: Int64[np.ndarray, " r"]
) -> None:
    """Eyes, teeth, gums, and the inside of mouth and sockets, over what was painted there."""
    inside = (part == PARTS.index("head")) & (fields.hair < -0.5)
    eyes = part >= PARTS.index("left eye")
    for rows, colour, gloss, sharp in (
        (inside, INSIDE, 0.5, 20),
        (part == PARTS.index("gums"), GUMS, 2, 60),
        (part == PARTS.index("teeth"), ENAMEL, 2, 80),
        (eyes, WHITE, 1.5, 400),
    ):
        albedo[rows], mirror[rows], sharpness[rows] = colour, gloss, sharp
    share = fields.iris[eyes] / look.iris_m
    eye = albedo[eyes]
    _mix(eye, look.iris * (1.3 - 0.9 * share)[:, None].clip(0.3), _step(1 - share, 0.12))
    _mix(eye, PUPIL, _step(0.36 - share, 0.1))
    albedo[eyes] = eye


def _noise(fields: Regions, pixel_m: float) -> tuple[Values, Values]:
    """Spots of skin and upright hairs, both 0 … 1 around ½."""
    place = np.stack([fields.around, fields.up])
    noise = []
    for name, across_m, up_m in (("blotches", 0.06, 0.06), ("speckle", 0.045, 0.12)):
        uv = f32(place / f32([[across_m], [up_m]]))
        pattern = np.full(len(fields.up), PATTERNS.index(name))
        noise.append(look_up(pattern, uv, np.full_like(fields.up, pixel_m / across_m)))
    return noise[0], noise[1]


def _mix(colours: Colours, colour: Float32[np.ndarray, "*r 3"], share: Values) -> None:
    """Moves colours, in place, toward another one."""
    colours += share[:, None] * (colour - colours)


def _step(field: Values, width: float) -> Values:
    """0 outside, 1 inside, even between over a width."""
    return (field / width + 0.5).clip(0, 1)


def _pick(rng: Rng, weights: list[float]) -> int:
    return int(rng.choice(len(weights), p=np.array(weights) / sum(weights)))
