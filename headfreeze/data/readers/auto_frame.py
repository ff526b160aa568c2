"""For data sets whose pages do not say in which camera frame their normals are: found out by their depth."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float

from headfreeze.data.frame_evidence import FrameEvidence
from headfreeze.data.readers.frames import parse_axes
from headfreeze.errors import InputError

AUTO = "auto"
_IMAGES = 16
_T = TypeVar("_T")


class Stored(NamedTuple):
    """An image's normals as they are stored, and its depth."""

    normals: Float[np.ndarray, "h w 3"]
    depth_m: Float[np.ndarray, "h w"]


def frame_of(frame: str, root: Path, stored: Iterable[Callable[[], Stored]]) -> str:
    """`frame` itself, checked; or where it is auto, what the first images that can be read say.

    Args:
        frame: a name or axes, see `headfreeze.data.readers.frames`, or auto.
        root: for the message.
        stored: opens an image each.

    Raises:
        InputError: the frame cannot be, or the images do not tell.
    """
    if frame != AUTO:
        parse_axes(frame)
        return frame
    evidence, seen = FrameEvidence(), 0
    for opened in stored:
        try:
            evidence.add(*opened())
        except InputError:
            continue  # is said where that image is converted
        seen += 1
        if seen == _IMAGES:
            break
    verdict = evidence.verdict()
    if not verdict.certain:
        raise InputError(
            f"{root}: its depth does not tell the camera frame of its normals (best '{verdict.axes}', mean cosine"
            f" {verdict.score:.2f}); say it: --settings frame=opengl, opencv or axes such as 'x -y -z'"
        )
    return verdict.axes


def spread_out(items: Sequence[_T]) -> Sequence[_T]:
    """Some of the items at equal distances: more than are looked at, for some may not be readable."""
    return items[:: max(1, len(items) // (2 * _IMAGES))]
