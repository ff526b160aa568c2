"""MediaPipe's face mesh, run by OpenCV: 468 points of a face with relative depth (Kartynnik et al., arXiv 1907.06724).

68 of them are the landmarks that most data sets of faces have. No other program runs: OpenCV reads the two networks.
"""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from headfreeze.annotate.face_detection import FaceDetection
from headfreeze.annotate.squares import Square

MODEL = "face_landmark.tflite"
_SIZE = 192  # pixels that the network sees of a face

# The mesh's vertex at each landmark of Multi-PIE (Gross et al. 2010; the order of iBUG 300-W). Of the vertices that lie
# there by their names, those with the least mean error on labelled photographs and on rendered heads whose landmarks
# are known; a vertex and its mirror image stand for a pair. The jaw runs along the mesh's oval.
VERTICES = (
    *(127, 234, 93, 132, 172, 136, 149, 176, 152, 400, 378, 365, 397, 361, 323, 454, 356),  # jaw, ear to ear
    *(70, 63, 105, 66, 107),  # the person's right brow
    *(336, 296, 334, 293, 300),  # left brow
    *(168, 197, 5, 4),  # bridge of the nose, down
    *(75, 97, 2, 326, 305),  # below the nose
    *(33, 160, 158, 133, 153, 144),  # right eye, from its outer corner over the upper lid
    *(362, 385, 387, 263, 373, 380),  # left eye, from its inner corner
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # outer line of the lips, from the right corner
    *(78, 82, 13, 312, 308, 317, 14, 87),  # inner line of the lips
)


class FaceMesh:
    """A detector of landmarks.

    Args:
        models: the folder that holds the models; see `face_models`.
    """

    def __init__(self, models: Path) -> None:
        self._faces = FaceDetection(models)
        self._net = cv2.dnn.readNetFromTFLite(str(models / MODEL))

    def __call__(self, image: UInt8[np.ndarray, "h w 3"]) -> list[Float[np.ndarray, "68 4"]]:
        """For each face x, y, z in pixels and visibility 1 (the network does not say what is hidden).

        z is toward the viewer, 0 at the mean of the points.
        """
        faces = (self._points(image, square) for square in self._faces(image))
        return [face for face in faces if face is not None]

    def _points(self, image: UInt8[np.ndarray, "h w 3"], square: Square) -> Float[np.ndarray, "68 4"] | None:
        """None where the network, looking closer, sees no face."""
        self._net.setInput(cv2.dnn.blobFromImage(square.cut(image, _SIZE, cv2.BORDER_REPLICATE), 1 / 255))
        # One output at a time: OpenCV 5 cannot give several that end at different layers.
        if float(self._net.forward("conv2d_31").item()) < 0:  # a logit: more likely no face than one
            return None
        mesh = self._net.forward("conv2d_21").reshape(-1, 3)[list(VERTICES)]  # in pixels of the cut-out, z away
        places = np.column_stack([mesh[:, :2], np.ones(len(mesh))]) @ square.to_image(_SIZE).T
        z = (mesh[:, 2].mean() - mesh[:, 2]) * (square.side / _SIZE)
        return np.column_stack([places, z, np.ones(len(mesh))]).astype(np.float32)
