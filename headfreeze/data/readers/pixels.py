"""Pictures of labels as data sets store them, as numbers: depth, normals, colours that stand for classes."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Integer, UInt8

from headfreeze.data.readers.safely import MOST_BYTES, bounded, reading
from headfreeze.errors import InputError
from headfreeze.tasks.images import read_png

_GAMMA = 2.2
_PERCENTILE, _BRIGHTNESS = 90.0, 0.8
_HDR_SIZE, _HDR_HEADER_BYTES = re.compile(rb"\n[-+][XY] +(\d+) +[-+][XY] +(\d+)\n"), 2**16


def grey(path: Path, *kinds: str) -> Integer[np.ndarray, "h w"]:
    """A PNG of one channel, of one of the named types ("uint8", "uint16").

    Raises:
        InputError: it is damaged, has more channels, or is of another type.
    """
    values = read_png(path)
    if values.shape[2] != 1 or (kinds and values.dtype.name not in kinds):
        raise InputError(
            f"{path}: {values.dtype} of {values.shape[2]} channels; it should be {' or '.join(kinds)} of one channel"
        )
    return values[..., 0]


def coloured(path: Path, *kinds: str) -> Integer[np.ndarray, "h w 3"]:
    """A PNG of three channels; a fourth, its transparency, is dropped.

    Raises:
        InputError: it is damaged, has fewer channels, or is of another type.
    """
    values = read_png(path)
    if values.shape[2] not in (3, 4) or (kinds and values.dtype.name not in kinds):
        raise InputError(
            f"{path}: {values.dtype} of {values.shape[2]} channels; it should be {' or '.join(kinds)} of three channels"
        )
    return values[..., :3]


def metres(
    path: Path, per_metre: float, missing: Sequence[int] = (0,), kinds: Sequence[str] = ("uint16",)
) -> Float[np.ndarray, "h w"]:
    """Depth of a 16-bit PNG in metres; 0 where it is missing."""
    values = grey(path, *kinds)
    return np.where(np.isin(values, missing), 0, values / per_metre).astype(np.float32)


def directions(path: Path, zero: float | None = None, scale: float | None = None) -> Float[np.ndarray, "h w 3"]:
    """Normals of an 8- or 16-bit PNG in the frame they are stored in: (value − zero) / scale, by default −1 … 1."""
    values = coloured(path, "uint8", "uint16")
    half = float(np.iinfo(values.dtype).max) / 2
    return (values.astype(np.float32) - (half if zero is None else zero)) / (half if scale is None else scale)


def classes_of_colours(
    path: Path, palette: Mapping[tuple[int, int, int], int], invalid: int = 255
) -> UInt8[np.ndarray, "h w"]:
    """A picture of colours as class indices; colours that are not in the palette are invalid."""
    values = coloured(path, "uint8").astype(np.int64)
    keys = values[..., 0] << 16 | values[..., 1] << 8 | values[..., 2]
    known = np.array(sorted((r << 16 | g << 8 | b, index) for (r, g, b), index in palette.items()))
    place = np.searchsorted(known[:, 0], keys).clip(max=len(known) - 1)
    return np.where(known[place, 0] == keys, known[place, 1], invalid).astype(np.uint8)


def radiance(path: Path) -> Float[np.ndarray, "h w 3"]:
    """A .hdr picture, linear, RGB.

    Raises:
        InputError: it is missing, damaged, or too large.
    """
    with reading(path):
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: {path.stat().st_size} bytes; at most {MOST_BYTES} are read")
        data = path.read_bytes()
        # OpenCV's own limit is 2^30 pixels, 12 GiB, and can be set only before it is first imported.
        size = _HDR_SIZE.search(data[:_HDR_HEADER_BYTES]) if data.startswith(b"#?") else None
        if size is None:
            raise InputError(f"{path}: no picture in Radiance's format (.hdr); download it again")
        bounded(path, (int(size[1]), int(size[2]), 3), 4)
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is damaged is said in our own line
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 3 or values.shape[2] != 3 or values.dtype.kind != "f":
        raise InputError(f"{path}: damaged, or no picture of three channels of floats; download it again")
    return values[..., ::-1].astype(np.float32)


def tone_mapped(linear: Float[np.ndarray, "h w 3"], valid: np.ndarray | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """Linear radiance as an 8-bit photograph: scaled so that its 90th percentile of brightness becomes 0.8, gamma 2.2.

    The way of Hypersim's toolkit (scene_generate_images_tonemap).
    """
    linear = np.nan_to_num(np.maximum(linear, 0), posinf=0.0)
    brightness = linear @ np.array([0.3, 0.59, 0.11], np.float32)
    counted = brightness[valid] if valid is not None and valid.any() else brightness
    high = float(np.percentile(counted, _PERCENTILE))
    scale = _BRIGHTNESS**_GAMMA / high if high > 1e-4 else 0.0
    return (np.power((linear * scale).clip(0, 1), 1 / _GAMMA) * 255).round().astype(np.uint8)
