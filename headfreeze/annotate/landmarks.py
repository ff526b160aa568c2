"""Facial landmarks as a free anchor: the 68 points of Multi-PIE, by a detector, for the largest face of every image.

A label `0001.npy` is (68, 4) float32: x and y in pixels from the image's upper left corner, z in the same pixels toward
the viewer with mean 0, visibility 1; or (68, 2), x and y, from a detector without depth. An image without a face, or
whose largest is too small, gets no file.
"""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from headfreeze.annotate.declare import declare
from headfreeze.annotate.images import images_of
from headfreeze.annotate.labelling import aside_of, check_writable, publish
from headfreeze.data.folder import SPLITS
from headfreeze.data.images import read_image
from headfreeze.errors import InputError, unknown
from headfreeze.progress import progress
from headfreeze.run import choose_device
from headfreeze.tasks import make_task
from headfreeze.tasks.images import write_npy

SMALLEST_PX = 20
"""Longer side of the box around the points of a face; the mesh's error begins to grow there (docs/landmarks.md)."""

Detector = Callable[[UInt8[np.ndarray, "h w 3"]], list[Float[np.ndarray, "68 columns"]]]
"""Takes an image, gives the points of each face as they are written."""


def _mediapipe(_: str) -> Detector:
    from headfreeze.annotate.face_mesh import FaceMesh
    from headfreeze.annotate.face_models import default_folder, face_models

    return FaceMesh(face_models(default_folder()))


def _fan(dimensions: int) -> Callable[[str], Detector]:
    def make(device: str) -> Detector:
        from headfreeze.annotate.fan import Fan

        return Fan(dimensions, choose_device(device))

    return make


DETECTORS: dict[str, Callable[[str], Detector]] = {
    "mediapipe": _mediapipe,
    "face-alignment": _fan(3),
    "face-alignment-2d": _fan(2),
}
"""Each is made for a device."""


@dataclass
class Tally:
    """What became of the images of a split.

    Attributes:
        split: its name.
        images: how many it has.
        labelled: of these, …
        several: … labelled with the largest of several faces, …
        too_small: … without a label, because the largest face is below SMALLEST_PX, …
        no_face: … or because none was found.
        earlier: labelled by a call that was interrupted; not looked at again.
    """

    split: str
    images: int
    labelled: int = 0
    several: int = 0
    too_small: int = 0
    no_face: int = 0
    earlier: int = 0


def annotate_landmarks(
    root: Path,
    *,
    detector: str = "mediapipe",
    name: str = "keypoints",
    splits: Iterable[str] = SPLITS,
    overwrite: bool = False,
    device: str = "auto",
) -> list[Tally]:
    """Writes ROOT/{split}/NAME/ID.npy for every image with a face, and declares the task.

    Labels wait in a hidden folder until all are there: after an interruption the same call goes on where it stopped.

    Args:
        root: a folder that has at least ROOT/{train,val,test}/image of one split.
        detector: a name in `DETECTORS`.
        name: of the task, and of the folders of its labels.
        splits: of train, val, test; those without images are passed over.
        overwrite: replace the labels of these images; where no face is found, there is none afterwards.
        device: for face-alignment: auto, cpu, cuda, mps or cuda:N.

    Returns:
        What became of the images, split by split.

    Raises:
        InputError: no images, a damaged one, no face in any, labels that are there already, a dataset.yaml that says
            otherwise, an unknown detector, or one that cannot be had.
    """
    task = make_task(name, {"kind": "keypoints", "count": 68, "order": "multi-pie"})
    if detector not in DETECTORS:
        raise InputError(unknown("detector", detector, DETECTORS))
    images = images_of(root, splits)
    check_writable(root, task, images, overwrite)
    detect = DETECTORS[detector](device)
    tallies = [Tally(split, len(files)) for split, files in images.items()]
    folders = {split: root / split / name for split in images}
    waiting = {split: aside_of(folder).parent / f".{name}.{detector}" for split, folder in folders.items()}
    with progress("finding landmarks", sum(map(len, images.values()))) as report:
        done = 0
        for tally, (split, files) in zip(tallies, images.items(), strict=True):
            for key, path in files.items():
                _annotate(path, waiting[split] / f"{key}.npy", detect, tally)
                done += 1
                report(done, "")
    if not any(tally.labelled for tally in tallies):
        raise InputError(f"{root}: {_nothing(tallies)}; nothing was written: other images, or another detector?")
    for split, files in images.items():
        publish(waiting[split], folders[split], files, task.extensions)
        shutil.rmtree(waiting[split], ignore_errors=True)
    declare(root, task)
    return tallies


def table(tallies: list[Tally]) -> str:
    """A line for each split, under a headline."""
    head = ("split", "images", "labelled", "of several faces", "too small", "no face")
    rows = [(t.split, t.images, t.labelled, t.several, t.too_small, t.no_face) for t in tallies]
    lines = [
        "  ".join(str(cell).rjust(len(word)) for cell, word in zip(row, head, strict=True)) for row in (head, *rows)
    ]
    earlier = sum(t.earlier for t in tallies)
    note = f"{earlier} of them labelled by an interrupted call; not looked at again, nor for several faces"
    return "\n".join([*lines, *([note] if earlier else [])])


def _annotate(image: Path, label: Path, detect: Detector, tally: Tally) -> None:
    if label.exists():
        tally.labelled += 1
        tally.earlier += 1
        return
    faces = detect(read_image(image))
    if not faces:
        tally.no_face += 1
        return
    largest = max(faces, key=_size)
    if _size(largest) < SMALLEST_PX:
        tally.too_small += 1
        return
    write_npy(largest.astype(np.float32), label)
    tally.labelled += 1
    tally.several += len(faces) > 1


def _size(face: Float[np.ndarray, "68 columns"]) -> float:
    """Longer side of the box around the points, in pixels."""
    return float(np.ptp(face[:, :2], axis=0).max())


def _nothing(tallies: list[Tally]) -> str:
    images, small = sum(t.images for t in tallies), sum(t.too_small for t in tallies)
    smaller = f" that is larger than {SMALLEST_PX} pixels ({small} have smaller ones)" if small else ""
    return f"no face found in any of {images} images{smaller}"
