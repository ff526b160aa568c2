"""Normals from other camera frames to ours: x right, y up, z toward the viewer."""

import itertools

import numpy as np
from jaxtyping import Float

from headfreeze.errors import InputError

NAMED = {
    "opengl": "x y z",  # right, up, toward the viewer: ours
    "opencv": "x -y -z",  # right, down, away from the viewer
    "right-down-toward": "x -y z",
    "left-up-toward": "-x y z",
    "left-up-away": "-x y -z",
}
"""What ours are made of, by the frame's name: signed axes of the foreign one."""

_AXES = {"x": 0, "y": 1, "z": 2}


def _all_frames() -> dict[str, Float[np.ndarray, "3 3"]]:
    frames = {}
    for axes in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            text = " ".join(("-" if sign < 0 else "") + "xyz"[axis] for axis, sign in zip(axes, signs, strict=True))
            frames[text] = np.eye(3)[list(axes)] * np.array(signs)[:, None]
    return frames


FRAMES = _all_frames()
"""{signed axes: the matrix that makes our normals of the stored ones}; ours, "x y z", is the first."""


def fits(products: Float[np.ndarray, "f 3 3"], pixels: int) -> Float[np.ndarray, "48"]:
    """Of each of `FRAMES`, the mean cosine between its normals and the depth's, at the focal length that suits it best.

    Args:
        products: what `headfreeze.data.depth_slopes.slope_products` gave, added up over images.
        pixels: over how many pixels.
    """
    scores: np.ndarray = np.einsum("rij,fij->rf", np.stack(list(FRAMES.values())), products).max(1) / pixels
    return scores


def parse_axes(text: str) -> tuple[tuple[int, float], ...]:
    """(axis, sign) of each of our three, from a name in `NAMED` or from signed axes such as "x z -y".

    Raises:
        InputError: it is neither, or no rotation or reflection.
    """
    words = NAMED.get(text, text).replace(",", " ").split()
    parsed = [(_AXES.get(word.lstrip("+-")), -1.0 if word.startswith("-") else 1.0) for word in words]
    if len(parsed) != 3 or {axis for axis, _ in parsed} != {0, 1, 2}:
        raise InputError(
            f"normals frame is '{text}'; name one of {', '.join(NAMED)}, or say what x right, y up and z toward the"
            " viewer are made of, for example 'x z -y'"
        )
    return tuple((int(axis or 0), sign) for axis, sign in parsed)


def to_ours(normals: Float[np.ndarray, "h w 3"], axes: str) -> Float[np.ndarray, "h w 3"]:
    """Normals of another frame in ours, float32, of unit length; zero where they are NaN, infinite or too short."""
    values = np.stack([sign * normals[..., axis] for axis, sign in parse_axes(axes)], axis=-1).astype(np.float32)
    length = np.linalg.norm(values, axis=-1, keepdims=True)
    fine = np.isfinite(length) & (length > 0.5)
    return np.where(fine, values / np.where(fine, length, 1), 0).astype(np.float32)
