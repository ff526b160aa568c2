"""The face's normals as a free anchor: those of a morphable head that is fitted to the landmarks which are there.

Landmarks say where a nose is; this says how every pixel of the face lies, as far as landmarks tell. It wants the same
of both domains: rendered faces get theirs from their landmarks, too, not from what they were rendered from.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from headfreeze.annotate.images import labelled_images
from headfreeze.annotate.labelling import check_writable, write_labels
from headfreeze.data.folder import Sample, open_dataset
from headfreeze.errors import InputError
from headfreeze.synth.heads.fitting import face_normals, fit_head
from headfreeze.synth.heads.ict_facekit import load_model
from headfreeze.tasks import make_task
from headfreeze.tasks.keypoints import KeypointsTask


@dataclass(frozen=True)
class Heads:
    """What became of the landmarks.

    Attributes:
        labelled: images that got a label.
        without: images with landmarks that no head has, and so without a label.
        residual_mm: how far the others' landmarks are from those of their heads, on the head: the median over images.
    """

    labelled: int
    without: int
    residual_mm: float


def annotate_head(
    root: Path, *, model: Path, landmarks: str = "keypoints", name: str = "head", overwrite: bool = False
) -> Heads:
    """Writes ROOT/{split}/NAME/ID.png (as normals are) for every image that has landmarks, and declares the task.

    All labels appear together at the end; an interrupted call leaves everything as it was.

    Args:
        root: a dataset with labels of `landmarks`.
        model: ICT-FaceKit, see `headfreeze.synth.heads.ict_facekit`: a clone's folder, or an .npz of it.
        landmarks: the task that has them: 68 in the order multi-pie.
        name: of the task, and of the folders of its labels.
        overwrite: replace labels that are there.

    Raises:
        InputError: no landmarks, damaged ones or none that a head has, labels that are there already, a dataset.yaml
            that declares another task of that name, or a model that cannot be read.
    """
    dataset, task = open_dataset(root), make_task(name, {"kind": "normals"})
    points = dataset.task(landmarks)
    if not isinstance(points, KeypointsTask) or points.order_name != "multi-pie":
        raise InputError(
            f"{root}: '{landmarks}' is no task of 68 keypoints in the order multi-pie, which say where a face's parts"
            " are; `headfreeze annotate landmarks` makes them"
        )
    if name == landmarks:
        raise InputError(f"name is '{name}', the task that has the landmarks; choose another name")
    labelled = labelled_images(dataset, landmarks)
    images = {split: {sample.id: sample for sample in samples} for split, samples in labelled.items()}
    check_writable(root, task, images, overwrite)
    head_model = load_model(Path(model).resolve())
    residuals: list[float] = []

    def label(sample: Sample) -> Float32[np.ndarray, "h w 3"] | None:
        head = fit_head(head_model, points.read(sample.labels[landmarks])[:, :2].numpy())
        if head is None:
            return None
        residuals.append(head.residual_m)
        return face_normals(head_model, head, sample.height, sample.width)

    written = write_labels(root, task, images, label, "fitting heads")
    return Heads(written, sum(map(len, images.values())) - written, 1000 * float(np.median(residuals)))
