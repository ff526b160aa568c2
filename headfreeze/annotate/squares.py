"""Square pieces of an image, turned and at any scale, as networks take them; and the way back."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8


@dataclass(frozen=True)
class Square:
    """A square in an image; it may reach beyond the border. Pixel (row i, column j) has its centre at (j + ½, i + ½).

    Attributes:
        x: of the middle, in pixels from the image's left edge.
        y: of the middle, in pixels from the upper edge.
        side: in pixels.
        angle: in radians, by which the square is turned clockwise, as one sees it.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def to_image(self, size: int) -> Float[np.ndarray, "2 3"]:
        """The matrix that takes places (x, y, 1) in the cut-out of `size` pixels to places in the image."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        turn = np.array([[cos, -sin], [sin, cos]]) * (self.side / size)
        return np.column_stack([turn, [self.x, self.y] - turn @ [size / 2, size / 2]])

    def cut(self, image: UInt8[np.ndarray, "h w 3"], size: int, border: int) -> UInt8[np.ndarray, "size size 3"]:
        """The piece of the image as `size` × `size` pixels; shrunk by averaging, so that nothing flickers.

        Args:
            image: any.
            size: side of the cut-out in pixels.
            border: what lies beyond the image: cv2.BORDER_CONSTANT (black) or cv2.BORDER_REPLICATE.
        """
        matrix = self.to_image(size)
        shrink = self.side / size
        if shrink > 1:
            height, width = image.shape[:2]
            smaller = max(1, round(width / shrink)), max(1, round(height / shrink))
            image = np.asarray(cv2.resize(image, smaller, interpolation=cv2.INTER_AREA))
            matrix *= np.array([[smaller[0] / width], [smaller[1] / height]])
        matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5  # OpenCV counts from the centre of the first pixel
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=border))
