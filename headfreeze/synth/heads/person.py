"""Draws a person at random: the shape of the head, what the face is doing, where the eyes look."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from headfreeze.meshes.obj import Vertices
from headfreeze.meshes.trace import vertex_normals
from headfreeze.synth.heads.hair import Hair, thickness_m
from headfreeze.synth.heads.model import HeadModel
from headfreeze.synth.shapes import f32, rotation

Rng = np.random.Generator


@dataclass(frozen=True)
class Expressions:
    """How much faces do: each movement is made with a probability, and then with an even strength up to a largest."""

    chance: float
    strongest: float


EXPRESSIONS = {
    "neutral": Expressions(0.0, 0.0),
    "mild": Expressions(0.15, 0.4),
    "strong": Expressions(0.2, 0.9),
}
"""Strength 1 is all that the model's expression shapes show; neutral faces only look around."""

FREQUENCY = {
    "jawOpen": 2.0, "mouthSmile": 2.0, "browInnerUp": 1.5, "browDown": 1.5, "eyeBlink": 1.5, "mouthFunnel": 0.5,
    "jawLeft": 0.3, "jawRight": 0.3, "mouthLeft": 0.3, "mouthRight": 0.3, "cheekPuff": 0.3,
}  # fmt: skip
"""Factors of the chance of movements of which people make more, or less, than of others."""
NEVER = ("PupilDilate", "mouthClose", "eyeLookDown", "eyeLookUp", "eyeLookIn", "eyeLookOut")
"""Not drawn: mouthClose only undoes jawOpen, and eyelids follow the gaze."""

IDENTITY_SCALE = 0.9
LARGEST_COEFFICIENT = 2.5
GAZE_DEG = (12.0, 6.0)
"""Standard deviations of the eyes' yaw and pitch."""
LID_REACH_DEG = 30.0
"""At this pitch of the eyes the lids have followed in full."""


def draw_person(model: HeadModel, expressions: Expressions, hair: Hair, rng: Rng) -> Vertices:
    """The vertices of a person's head with this hair, in the model's frame."""
    yaw_deg, pitch_deg = rng.normal(size=2) * GAZE_DEG
    identity = np.clip(rng.normal(size=len(model.identity)), -LARGEST_COEFFICIENT, LARGEST_COEFFICIENT)
    expression = _expression(model.expression_names, expressions, rng)
    for i, name in enumerate(model.expression_names):
        if movement(name) in ("eyeLookDown", "eyeLookUp"):
            sign = -1 if "Down" in name else 1
            expression[i] = np.clip(sign * pitch_deg / LID_REACH_DEG, 0, 1)
    vertices = model.shape(f32(IDENTITY_SCALE * identity), expression)
    _turn_eyes(model, vertices, rotation(1, yaw_deg) @ rotation(0, -pitch_deg))
    return vertices + vertex_normals(vertices, model.triangles) * thickness_m(model, hair)[:, None]


def _turn_eyes(model: HeadModel, vertices: Vertices, gaze: Float32[np.ndarray, "3 3"]) -> None:
    """Turns each eyeball about its middle, in place."""
    for eye in ("left eye", "right eye"):
        rows = model.vertices_of(eye)
        if len(rows):
            middle = (vertices[rows].min(0) + vertices[rows].max(0)) / 2
            vertices[rows] = np.einsum("ij,vj->vi", gaze, vertices[rows] - middle) + middle


def _expression(names: tuple[str, ...], expressions: Expressions, rng: Rng) -> Float32[np.ndarray, " e"]:
    """Coefficients: both sides of a face make a movement together, one a little more than the other."""
    strength = {}
    for made in dict.fromkeys(map(movement, names)):
        chance = expressions.chance * FREQUENCY.get(made, 1.0)
        luck, amount = rng.random(2)
        strength[made] = amount * expressions.strongest if luck < chance and made not in NEVER else 0.0
    even = rng.uniform(0.75, 1, len(names))
    return f32([strength[movement(name)] * share for name, share in zip(names, even, strict=True)])


def movement(name: str) -> str:
    """What `mouthSmile_L` and `mouthSmile_R` have in common."""
    return name.removesuffix("_L").removesuffix("_R")
