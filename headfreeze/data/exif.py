"""What a photograph's EXIF says of its camera, and how a copy in another format keeps it."""

import math
import struct
import zlib

from PIL import Image

from headfreeze.stored import File

_CAMERA = 0x8769  # the part of EXIF that holds the tags below
_FOCAL_LENGTH, _FOCAL_LENGTH_35MM = 0x920A, 0xA405
_RESOLUTION_X, _RESOLUTION_UNIT, _PIXELS_X, _PIXELS_Y = 0xA20E, 0xA210, 0xA002, 0xA003
_MM = {2: 25.4, 3: 10.0, 4: 1.0}
"""Length of a unit of resolution: inch, centimetre, millimetre."""
_DIAGONAL_35MM = math.hypot(36, 24)
_LARGEST_DEG = 179.0
_ORIENTATION = 0x0112
_PNG_HEADER_END = 33
_PIXELS_PER_MM = 100
_START = b"Exif\0\0"


def fov_deg(path: File) -> float | None:
    """The angle of view across the longer side of a photograph; None where its EXIF does not tell.

    From the focal length in 35 mm equivalents, which CIPA DC-008 and camera makers refer to the diagonal, else from the
    focal length and the resolution of the sensor. A picture that was cropped after it was taken may still carry the
    whole one's EXIF.
    """
    try:
        with path.open("rb") as file, Image.open(file) as image:
            sides, tags = image.size, image.getexif().get_ifd(_CAMERA)
            longer, shorter = max(sides), min(sides)
            focal_mm = float(tags.get(_FOCAL_LENGTH_35MM) or 0)
            longer_mm = _DIAGONAL_35MM * longer / math.hypot(longer, shorter)
            if not focal_mm:
                focal_mm = float(tags[_FOCAL_LENGTH])
                taken = max(tags.get(_PIXELS_X, longer), tags.get(_PIXELS_Y, shorter))
                longer_mm = taken / float(tags[_RESOLUTION_X]) * _MM[tags.get(_RESOLUTION_UNIT, 2)]
            found = math.degrees(2 * math.atan(longer_mm / 2 / focal_mm))
    except Exception:  # no EXIF, or a damaged one, of which Pillow raises nearly every kind
        return None
    return found if 0 < found < _LARGEST_DEG else None


def exif_of(focal_px: tuple[float, float], height: int, width: int) -> bytes:
    """The EXIF that tells a camera's angle of view, for images of data sets that say what their focal length is.

    A sensor of 100 pixels a millimetre stands for the one that nobody knows: `fov_deg` needs the ratio alone.

    Args:
        focal_px: horizontal and vertical focal length.
        height: of the image.
        width: of the image.
    """
    found = Image.Exif()
    found.get_ifd(_CAMERA).update(
        {
            _FOCAL_LENGTH: focal_px[0 if width >= height else 1] / _PIXELS_PER_MM,
            _RESOLUTION_X: float(_PIXELS_PER_MM),
            _RESOLUTION_UNIT: 4,
            _PIXELS_X: width,
            _PIXELS_Y: height,
        }
    )
    return found.tobytes().removeprefix(_START)


def camera_exif(path: File) -> bytes:
    """A photograph's EXIF without its orientation, for a copy that is upright; empty where there is none to be read."""
    try:
        with path.open("rb") as file, Image.open(file) as image:
            found = image.getexif()
            found.pop(_ORIENTATION, None)
            return found.tobytes().removeprefix(_START) if found else b""
    except Exception:  # damaged: of which Pillow raises nearly every kind
        return b""


def with_exif(png: bytes, exif: bytes) -> bytes:
    """A PNG's bytes with an EXIF in a chunk after its header (PNG specification, third edition, 11.3.4.4)."""
    if not exif:
        return png
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif
    return png[:_PNG_HEADER_END] + chunk + struct.pack(">I", zlib.crc32(chunk[4:])) + png[_PNG_HEADER_END:]
