"""Label files at the lowest level: PNGs of any bit depth and .npy arrays, read whole or refused in one line."""

import math
import os
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import cv2
import numpy as np
from jaxtyping import Shaped
from PIL import Image

from headfreeze.errors import InputError
from headfreeze.files import write_bytes, write_with
from headfreeze.stored import File

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = 33  # signature, then the IHDR chunk: length, type, 13 bytes, checksum
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_MOST_PIXELS = 2**26  # a header that claims more is damaged, or an attack on the memory
_MEND = "write the file again"


class PngHeader(NamedTuple):
    """What the first chunk of a PNG says. `colour` is the format's own code: 0 grey, 2 RGB, 3 palette, +4 alpha."""

    height: int
    width: int
    bits: int
    colour: int


def read_png(path: File) -> Shaped[np.ndarray, "h w c"]:
    """The values of a PNG as stored: uint8 or uint16, (h, w, channels), palettes as their indices.

    Every checksum is verified first, for neither Pillow nor OpenCV reports each kind of damage. Grey files of 1, 2 or
    4 bits keep their values (decoders would spread them over 0 … 255).

    Raises:
        InputError: the file is missing, not a PNG, cut off or damaged.
    """
    data = _bytes(path)
    header = _png_header(data, path)
    _verify_chunks(data, path)
    try:
        values = _decode(data, header)
    except Exception as error:  # Pillow and OpenCV raise nearly every kind on damaged files
        raise InputError(f"{path}: damaged PNG ({_reason(error)}); {_MEND}") from error
    return values.reshape(header.height, header.width, -1)


def write_png(values: Shaped[np.ndarray, "h w c"], path: Path) -> None:
    """Replaces `path` by a PNG of 1 (grey) or 3 (RGB) channels, uint8 or uint16, atomically."""
    stored = values[..., ::-1] if values.shape[-1] == 3 else values  # OpenCV's order is BGR
    _, encoded = cv2.imencode(".png", stored)
    write_bytes(path, encoded.tobytes())


def read_npy(path: File) -> Shaped[np.ndarray, "..."]:
    """The array of a .npy file; pickled objects are refused.

    Raises:
        InputError: the file is missing, not .npy, cut off, damaged, or holds Python objects.
    """
    try:
        with path.open("rb") as file:
            shape, fortran, dtype = _npy_header(file, path)
            data = bytearray(math.prod(shape) * dtype.itemsize)
            file.readinto(data)  # type: ignore[attr-defined]  # of the length that the header was checked against
            values = np.frombuffer(data, dtype)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)})") from error
    return values.reshape(shape[::-1]).T if fortran else values.reshape(shape)


def write_npy(values: Shaped[np.ndarray, "..."], path: Path) -> None:
    """Replaces `path` by a .npy file, atomically."""
    write_with(path, lambda p: np.save(p, values, allow_pickle=False))


def size_of(path: File) -> tuple[int, int]:
    """(height, width) of a label file, PNG or .npy, from its header alone.

    Raises:
        InputError: the file is missing, neither PNG nor .npy, or its header is damaged.
    """
    if path.suffix.lower() != ".npy":
        header = _png_header(_bytes(path, _HEADER_END), path)
        return header.height, header.width
    try:
        with path.open("rb") as file:
            shape, _, _ = _npy_header(file, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)})") from error
    if len(shape) < 2:
        raise InputError(f"{path}: shape {shape} has no height and width; save an array (h, w) or (h, w, channels)")
    return shape[0], shape[1]


def with_extension(path: Path, extensions: tuple[str, ...]) -> Path:
    """`path` if it ends in one of `extensions`, else `path` with the first of them appended."""
    return path if path.suffix.lower() in extensions else path.with_name(path.name + extensions[0])


def _bytes(path: File, count: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)})") from error


def _png_header(data: bytes, path: File) -> PngHeader:
    if not data:
        raise InputError(f"{path}: empty file; {_MEND}")
    if not data.startswith(_SIGNATURE):
        raise InputError(f"{path}: not a PNG; labels must be saved without loss, as PNG or .npy")
    if len(data) < _HEADER_END:
        raise InputError(f"{path}: PNG cut off after {len(data)} bytes; {_MEND}")
    length, kind, width, height, bits, colour = struct.unpack(">I4sIIBB", data[8:26])
    if (
        kind != b"IHDR"
        or length != 13
        or colour not in (_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA)
        or bits not in (1, 2, 4, 8, 16)
    ):
        raise InputError(f"{path}: damaged PNG header; {_MEND}")
    if not 0 < width * height <= _MOST_PIXELS:
        raise InputError(f"{path}: PNG claims {width} × {height} pixels; at most {_MOST_PIXELS} are read; {_MEND}")
    return PngHeader(height, width, bits, colour)


def _verify_chunks(data: bytes, path: File) -> None:
    """Walks the chunks to the end mark and checks each one's CRC-32 (PNG specification, 5.3)."""
    view, at, kind = memoryview(data), len(_SIGNATURE), b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise InputError(f"{path}: PNG cut off after {len(data)} bytes; {_MEND}")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise InputError(f"{path}: PNG cut off after {len(data)} bytes; {_MEND}")
        if zlib.crc32(view[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise InputError(f"{path}: damaged PNG (checksum of {kind.decode('latin-1')!r} at byte {at}); {_MEND}")
        at = end + 4


def _decode(data: bytes, header: PngHeader) -> Shaped[np.ndarray, "h w *c"]:
    if header.bits == 16 and header.colour != _GREY:  # Pillow cuts these to 8 bits
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if decoded is None:
            raise ValueError("broken data stream")
        colours = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB if decoded.shape[-1] == 3 else cv2.COLOR_BGRA2RGBA)
        return np.asarray(colours[..., [0, 3]] if header.colour == _GREY_ALPHA else colours)
    with Image.open(BytesIO(data), formats=["PNG"]) as image:
        values = np.asarray(image)
    if header.bits == 16:
        return values.astype(np.uint16)  # Pillow ≥ 11 gives uint16, before it int32
    if header.bits < 8 and header.colour == _GREY:  # Pillow spreads 2 and 4 bits over 0 … 255; 1 bit becomes bool
        return values.astype(np.uint8) // (1 if header.bits == 1 else 255 // (2**header.bits - 1))
    return values


def _npy_header(file: BinaryIO, path: File) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type; checked against the length of the file, which is left after it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size == 0:
        raise InputError(f"{path}: empty file; {_MEND}")
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except Exception as error:  # the header is Python source; damaged, it fails in nearly every way
        raise InputError(f"{path}: not a .npy file, or its header is damaged; {_MEND} with numpy.save") from error
    if dtype.hasobject:
        raise InputError(f"{path}: holds pickled Python objects, which are never loaded; save a plain float array")
    if min(shape, default=1) < 1:
        raise InputError(f"{path}: shape {shape} holds no pixels; {_MEND}")
    expected = math.prod(shape) * dtype.itemsize
    if size - file.tell() != expected:
        raise InputError(
            f"{path}: {size - file.tell()} bytes of values where shape {shape} of {dtype} needs {expected}; {_MEND}"
        )
    return shape, fortran, dtype


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).splitlines()[0] if str(error) else type(error).__name__
