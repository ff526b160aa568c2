"""Reading photographs: grey, RGBA, palette, 16-bit and EXIF-rotated files all become 8-bit RGB, upright."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from headfreeze.errors import InputError
from headfreeze.stored import File

VIDEO_EXTENSIONS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v")
EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm")
_TRANSPOSING = (5, 6, 7, 8)  # values of the EXIF orientation tag that swap width and height
_ORIENTATION = 0x0112
_MOST_PIXELS = 89_478_485  # Pillow's own limit: 256 MiB of RGB
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I")


def read_image(path: File) -> UInt8[np.ndarray, "h w 3"]:
    """Reads one image file as 8-bit RGB with its EXIF rotation applied.

    Transparency is dropped (the colours below it stay), grey is repeated, 16-bit values are scaled to 8 bit.

    Raises:
        InputError: the file is missing, damaged, no image, or of a kind that has no 8-bit meaning (floating point).
    """
    try:
        with _opened(path) as image:
            if image.mode in _SIXTEEN_BIT:
                return _from_16_bit(image)
            if image.mode == "F":
                raise InputError(f"{path}: floating-point image; save it as 8- or 16-bit PNG or as JPEG")
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly every kind on damaged files
        raise InputError(
            f"{path}: cannot be read as an image ({_reason(error)}); replace or remove the file"
        ) from error


def image_size(path: File) -> tuple[int, int]:
    """(height, width) of the upright image, from the file's header alone.

    Raises:
        InputError: the file is missing, empty or no image.
    """
    try:
        with _opened(path) as image:
            width, height = image.size
            turned = image.getexif().get(_ORIENTATION) in _TRANSPOSING
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{path}: cannot be read as an image ({_reason(error)}); replace or remove the file"
        ) from error
    return (width, height) if turned else (height, width)


@contextmanager
def _opened(path: File) -> Iterator[Image.Image]:
    """The image, before a pixel is decoded: a file of a few kB can claim more than fits into memory."""
    with ExitStack() as opened:
        file = opened.enter_context(path.open("rb"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # an error below
            image = opened.enter_context(Image.open(file))
        if image.format == "EPS":  # by its first bytes, whatever its name; Pillow would have Ghostscript run it
            raise InputError(f"{path}: a program in PostScript, which is never run; save it as PNG or JPEG")
        width, height = image.size
        if width * height > _MOST_PIXELS:
            raise InputError(
                f"{path}: the header claims {width} × {height} pixels; at most {_MOST_PIXELS} are read; scale the"
                " image down"
            )
        yield image


def _from_16_bit(image: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    values = np.asarray(ImageOps.exif_transpose(image)).astype(np.int32)
    # Mode "I" also holds 8-bit values that a program widened; only values beyond 255 show that 16 bits are in use.
    grey = (values.clip(0, 65535) + 128) // 257 if values.max(initial=0) > 255 or image.mode != "I" else values
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if "cannot identify" in str(error):
        return "empty or not an image"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
