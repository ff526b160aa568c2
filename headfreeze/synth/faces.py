"""A pair of data sets of faces: a clean rendered look for the source, a photographic one for the target."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from headfreeze.errors import raise_all, unknown
from headfreeze.meshes.trace import Mesh, vertex_normals
from headfreeze.recipes import DOMAINS
from headfreeze.synth.heads.hair import draw_hair
from headfreeze.synth.heads.ict_facekit import load_model
from headfreeze.synth.heads.landmarks import keypoints
from headfreeze.synth.heads.looks import LOOKS
from headfreeze.synth.heads.person import EXPRESSIONS, draw_person
from headfreeze.synth.heads.regions import regions
from headfreeze.synth.heads.scene import Scene, pixel_labels
from headfreeze.synth.heads.view import POSES, framed, turned
from headfreeze.synth.writer import SPLITS, Sample, write_pair

CLASSES = ("background", "face")
TASKS: dict[str, dict[str, Any]] = {
    "normals": {},
    "depth": {},
    "mask": {"kind": "segmentation", "classes": list(CLASSES)},
    "keypoints": {"count": 68, "order": "multi-pie"},
}
SMALLEST, LARGEST = 16, 1024


@dataclass(frozen=True)
class Style:
    """What the faces of a domain are like: names in POSES, EXPRESSIONS and LOOKS."""

    poses: str
    expressions: str
    look: str


SOURCE, TARGET = Style("wide", "mild", "clean"), Style("frontal", "strong", "photographic")
STYLES = {"source": SOURCE, "target": TARGET}
"""The paper's pair: rendered heads turned widely, and people who make faces at the camera (SfSyn, FaceWarehouse)."""


def write_faces(
    out: Path,
    *,
    model: Path,
    source: int = 2000,
    target: int = 2000,
    size: int = 112,
    seed: int = 0,
    source_poses: str = SOURCE.poses,
    target_poses: str = TARGET.poses,
    source_expressions: str = SOURCE.expressions,
    target_expressions: str = TARGET.expressions,
    source_look: str = SOURCE.look,
    target_look: str = TARGET.look,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes OUT/source and OUT/target in the folder format: normals, depth, a mask of the face and 68 keypoints.

    Every image shows another person. Labels are those of the pixels' centres: normals in the camera's frame (x right,
    y up, z toward the viewer) and depth along the optical axis in millimetres, neither where there is no head; `mask`
    is 1 in the face (see `Regions.face`: eyes and mouth belong to it, ears, neck and forehead do not); keypoints as in
    `headfreeze.synth.heads.landmarks`. An image depends on the seed, its domain, its split, its number and the style of
    its domain alone: not on how many there are, nor on `workers`. A domain's people stay the same when its poses,
    expressions or look change.

    Args:
        out: a folder that does not exist or is empty. It appears when all is written, or not at all.
        model: ICT-FaceKit, see `headfreeze.synth.heads.ict_facekit`: a clone's folder, or an .npz of it.
        source: training images of the source. A tenth of it more are for validation, a fifth for testing; at least 8.
        target: training images of the target, likewise.
        size: side of the square images in pixels.
        seed: of everything that is drawn.
        source_poses: how the source's heads are turned, a name in `POSES`.
        target_poses: how the target's are.
        source_expressions: what the source's faces do, a name in `EXPRESSIONS`.
        target_expressions: what the target's do.
        source_look: how the source's pictures are made, a name in `LOOKS`.
        target_look: how the target's are.
        workers: processes; 0 means one for each core, 1 that this process does the work itself.
        progress: called with the number of images written and the number to write.

    Raises:
        InputError: `out` is not empty, the model cannot be read, a number is out of its range, or a name is unknown.
    """
    styles = {
        "source": Style(source_poses, source_expressions, source_look),
        "target": Style(target_poses, target_expressions, target_look),
    }
    least = {"source": (source, 1), "target": (target, 1), "seed": (seed, 0), "workers": (workers, 0)}
    problems = [f"{name} is {value}; give {low} or more" for name, (value, low) in least.items() if value < low]
    if not SMALLEST <= size <= LARGEST:
        problems.append(f"size is {size}; give {SMALLEST} to {LARGEST} pixels")
    raise_all(problems + _unknown_names(styles))
    model = Path(model).resolve()
    load_model(model)  # so that what is wrong with it is told before anything is written
    draw = partial(draw_sample, model=model, size=size, seed=seed, styles=styles)
    write_pair(out, draw, TASKS, {"source": source, "target": target}, workers=workers, progress=progress)


def _unknown_names(styles: Mapping[str, Style]) -> list[str]:
    choices: dict[str, Iterable[str]] = {"poses": POSES, "expressions": EXPRESSIONS, "look": LOOKS}
    return [
        unknown(f"{domain}_{field.name}", getattr(style, field.name), choices[field.name])
        for domain, style in styles.items()
        for field in fields(style)
        if getattr(style, field.name) not in choices[field.name]
    ]


def draw_sample(
    domain: str,
    split: str,
    index: int,
    *,
    model: Path,
    size: int,
    seed: int,
    styles: Mapping[str, Style] = STYLES,
) -> Sample:
    """One image and its labels: normals (size, size, 3), depth in metres, mask (size, size), keypoints (68, 4)."""
    rng = np.random.default_rng([seed, DOMAINS.index(domain), SPLITS.index(split), index])
    head, style = load_model(model), styles[domain]
    hair = draw_hair(rng)
    vertices = turned(draw_person(head, EXPRESSIONS[style.expressions], hair, rng), POSES[style.poses], rng)
    view = framed(vertices[head.landmarks], rng)
    mesh = Mesh(vertices, head.triangles)
    scene = Scene(mesh, vertex_normals(vertices, head.triangles), regions(head), head.part, hair, view)
    labels = {**pixel_labels(scene, size), "keypoints": keypoints(mesh, head.landmarks, view, size)}
    return Sample(LOOKS[style.look](scene, size, rng), labels)
