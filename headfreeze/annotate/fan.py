"""FAN, the paper's detector of landmarks (Bulat & Tzimiropoulos, arXiv 1703.07332), from the package face-alignment."""

import inspect
import warnings
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from headfreeze.errors import InputError


class Fan:
    """A detector of landmarks.

    Args:
        dimensions: 3 also predicts depth, and where hidden points of the jaw are; 2 follows the visible outline.
        device: as PyTorch calls it.

    Raises:
        InputError: the package is missing, or its weights are and cannot be downloaded.
    """

    def __init__(self, dimensions: int, device: torch.device) -> None:
        try:
            import face_alignment
        except ImportError as error:
            raise InputError(
                f"detector face-alignment needs its package ({error}): pip install face-alignment, or choose the"
                " detector mediapipe"
            ) from None
        options: dict[str, Any] = {"device": str(device)}
        if "compile" in inspect.signature(face_alignment.FaceAlignment).parameters:
            options["compile"] = False  # from 1.5.0 on; compiling takes minutes
        try:
            self._model = face_alignment.FaceAlignment(_kind(face_alignment, dimensions), **options)
        except (OSError, HTTPException) as error:
            raise InputError(_missing(dimensions, error)) from None

    def __call__(self, image: UInt8[np.ndarray, "h w 3"]) -> list[Float[np.ndarray, "68 columns"]]:
        """For each face x, y in pixels; in three dimensions z toward the viewer, 0 at the mean, and visibility 1 too.

        The package gives whole pixels, 0 for the first: their middle is taken. Its z is in pixels, toward the viewer.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where there is no face
            faces = self._model.get_landmarks_from_image(image)
        return [_converted(np.asarray(face, np.float32)) for face in faces or ()]


def _kind(package: Any, dimensions: int) -> Any:
    """The package's name for it: up to 1.3.4 _2D and _3D, then TWO_D and THREE_D."""
    new, old = ("TWO_D", "_2D") if dimensions == 2 else ("THREE_D", "_3D")
    kinds = package.LandmarksType
    return getattr(kinds, new) if hasattr(kinds, new) else getattr(kinds, old)


def _converted(face: Float[np.ndarray, "68 given"]) -> Float[np.ndarray, "68 columns"]:
    places = face[:, :2] + 0.5
    if face.shape[1] == 2:
        return places
    z = face[:, 2] - face[:, 2].mean()
    return np.column_stack([places, z, np.ones(len(face), np.float32)])


def _missing(dimensions: int, error: Exception) -> str:
    from face_alignment import api
    from face_alignment.detection.sfd import sfd_detector

    networks = getattr(api, "default_model_urls", api.models_urls)  # up to 1.4 models_urls has others, for old PyTorch
    wanted = [networks["2DFAN-4"]] if dimensions == 2 else [networks["3DFAN-4"], networks["depth"]]
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    missing = [url for url in (sfd_detector.models_urls["s3fd"], *wanted) if not (folder / Path(url).name).exists()]
    if not missing:
        return f"face-alignment cannot load its weights from {folder} ({error}): remove them there, and try again"
    return (
        f"face-alignment's weights cannot be downloaded ({error}): fetch {' and '.join(missing)} elsewhere and put"
        f" {'them' if len(missing) > 1 else 'it'} into {folder}, or choose the detector mediapipe"
    )
