"""A pair of data sets of furnished rooms, each in a look of its own: clean, photographic or path-traced."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from headfreeze.errors import InputError, raise_all, unknown
from headfreeze.synth.building import draw_room
from headfreeze.synth.camera import PITCH_DEG, picture
from headfreeze.synth.looks import clean, photographic
from headfreeze.synth.path_traced.engine import require_mitsuba
from headfreeze.synth.path_traced.look import path_traced
from headfreeze.synth.raycast import cast
from headfreeze.synth.scene import CLASSES
from headfreeze.synth.writer import DOMAINS, SPLITS, Sample, write_pair

Poses = Literal["different", "equal"]
LOOKS = {"clean": clean, "photographic": photographic, "path-traced": path_traced}
LOOK = {"source": "clean", "target": "photographic"}
"""Each domain's, where nothing else is asked for."""
TASKS = {"normals": {}, "depth": {}, "segmentation": {"classes": list(CLASSES)}}
SMALLEST, LARGEST = 16, 1024


def write_rooms(
    out: Path,
    *,
    source: int = 2000,
    target: int = 2000,
    size: int = 64,
    seed: int = 0,
    poses: Poses = "different",
    source_look: str = LOOK["source"],
    target_look: str = LOOK["target"],
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes OUT/source and OUT/target in the folder format, with labels for normals, depth and segmentation.

    The rooms of both domains are drawn alike; what differs is the look and how the camera is pitched. Labels are those
    of the pixels' centres and every pixel has them: normals in the camera's frame (x right, y up, z toward the
    viewer), depth along the optical axis in millimetres, classes as in `headfreeze.synth.scene.CLASSES`. An image
    depends on the seed, its domain's look, its domain, its split and its number alone: not on how many there are, nor
    on `workers`. A domain's rooms and labels stay the same when its look changes.

    Args:
        out: a folder that does not exist or is empty. It appears when all is written, or not at all.
        source: training images of the source. A tenth of it more are for validation, a fifth for testing; at least 8.
        target: training images of the target, likewise.
        size: side of the square images in pixels.
        seed: of the rooms.
        poses: different: the source's cameras are level, the target's look down at hand-held angles; equal: both are
            like the target's, so that the domains differ by their look alone.
        source_look: how the source's rooms become pictures, a name in `LOOKS`; path-traced needs Mitsuba 3.
        target_look: the same for the target.
        workers: processes; 0 means one for each core, 1 that this process does the work itself.
        progress: called with the number of images written and the number to write.

    Raises:
        InputError: `out` is not empty, a number is out of its range, or Mitsuba is needed and not installed.
    """
    least = {"source": (source, 1), "target": (target, 1), "seed": (seed, 0), "workers": (workers, 0)}
    problems = [f"{name} is {value}; give {low} or more" for name, (value, low) in least.items() if value < low]
    if not SMALLEST <= size <= LARGEST:
        problems.append(f"size is {size}; give {SMALLEST} to {LARGEST} pixels")
    looks = {"source": source_look, "target": target_look}
    problems += [unknown(f"{domain}_look", look, LOOKS) for domain, look in looks.items() if look not in LOOKS]
    raise_all(problems)
    if poses not in get_args(Poses):
        raise InputError(unknown("poses", poses, get_args(Poses)))
    if "path-traced" in looks.values():
        require_mitsuba()
    draw = partial(draw_sample, size=size, seed=seed, poses=poses, looks=looks)
    write_pair(out, draw, TASKS, {"source": source, "target": target}, workers=workers, progress=progress)


def draw_sample(
    domain: str,
    split: str,
    index: int,
    *,
    size: int,
    seed: int,
    poses: Poses = "different",
    looks: Mapping[str, str] = LOOK,
) -> Sample:
    """One image and its labels: normals (size, size, 3), depth in metres and classes (size, size)."""
    rng = np.random.default_rng([seed, DOMAINS.index(domain), SPLITS.index(split), index])
    room, camera = draw_room(rng, PITCH_DEG["target" if poses == "equal" else domain])
    hits = cast(room, camera.position, camera.rays(size))
    labels = {
        "normals": picture(np.einsum("ia,ir->ar", camera.frame, hits.normal), size),  # world → camera
        "depth": picture(hits.distance, size),
        "segmentation": picture(room.surface_label[hits.surface], size),
    }
    return Sample(LOOKS[looks[domain]](room, camera, size, rng), labels)
