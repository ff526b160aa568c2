"""BlazeFace: where an image has faces (Bazarevsky et al., arXiv 1907.05047), MediaPipe's model run by OpenCV."""

import math
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from headfreeze.annotate.squares import Square

MODEL = "face_detection_short_range.tflite"
_SIZE = 128  # pixels that the network sees
_TO_ONE = (1 / 127.5, (_SIZE, _SIZE), (127.5, 127.5, 127.5))  # grey levels to −1 … 1
_VIEWS = (1.0, 1.5)  # sides by the image's longer one: faces that fill an image are found better with a margin
_GRIDS = ((16, 2), (8, 6))  # cells a side, and predictions a cell
_LEAST_SCORE = 0.5
_SAME_FACE = 0.3  # intersection over union from which on two boxes are one face
_MARGIN = 1.5  # the square's side by the box's, as the mesh was trained
_PLACES = (0, 2, 3, 4, 5, 6, 7)  # of the eight pairs of a prediction; the other one, 1, is the box's width and height
_RIGHT_EYE, _LEFT_EYE = 0, 1  # of the six points that come with a box: the person's own right and left


class FaceDetection:
    """Finds faces whose box is about 15 % of the image's longer side or more; smaller ones are not seen.

    Args:
        models: the folder that holds `MODEL`.
    """

    def __init__(self, models: Path) -> None:
        self._net = cv2.dnn.readNetFromTFLite(str(models / MODEL))
        self._anchors = _anchors()

    def __call__(self, image: UInt8[np.ndarray, "h w 3"]) -> list[Square]:
        """A square around each face, turned so that the eyes are level in it; the surest first."""
        scores, pairs = (np.concatenate(parts) for parts in zip(*(self._seen(image, v) for v in _VIEWS), strict=True))
        boxes = np.concatenate([pairs[:, 0] - pairs[:, 1] / 2, pairs[:, 1]], axis=1)
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), _LEAST_SCORE, _SAME_FACE)
        return [_square(*pairs[i]) for i in kept]

    def _seen(
        self, image: UInt8[np.ndarray, "h w 3"], view: float
    ) -> tuple[Float[np.ndarray, " predictions"], Float[np.ndarray, "predictions 8 2"]]:
        """Scores, and x and y in pixels of the image: a box's middle and sides, then six points of the face."""
        height, width = image.shape[:2]
        square = Square(width / 2, height / 2, view * max(height, width))
        self._net.setInput(cv2.dnn.blobFromImage(square.cut(image, _SIZE, cv2.BORDER_CONSTANT), *_TO_ONE))
        # One output at a time: OpenCV 5 cannot give several that end at different layers.
        pairs = self._net.forward("regressors").reshape(-1, 8, 2) / _SIZE
        logits = self._net.forward("classificators").reshape(-1).clip(-80, 80)
        pairs[:, _PLACES] += self._anchors[:, None] - 0.5
        pairs *= square.side
        pairs[:, _PLACES] += [square.x, square.y]
        return 1 / (1 + np.exp(-logits)), pairs


def _anchors() -> Float[np.ndarray, "predictions 2"]:
    """Where the predictions count from, in shares of the network's view: the middles of the cells, row by row."""
    grids = []
    for cells, predictions in _GRIDS:
        middles = (np.arange(cells) + 0.5) / cells
        x, y = np.meshgrid(middles, middles)
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], 1), predictions, axis=0))
    return np.concatenate(grids)


def _square(
    middle: Float[np.ndarray, " 2"], sides: Float[np.ndarray, " 2"], *points: Float[np.ndarray, " 2"]
) -> Square:
    across, down = points[_LEFT_EYE] - points[_RIGHT_EYE]
    return Square(float(middle[0]), float(middle[1]), _MARGIN * float(sides.max()), math.atan2(down, across))
