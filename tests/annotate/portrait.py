"""A photograph of a face, which comes with scikit-image."""

import numpy as np
from skimage import data


def portrait() -> np.ndarray:
    """One face, in the upper half: Eileen Collins, by NASA (public domain), 512 × 512."""
    return np.asarray(data.astronaut())
