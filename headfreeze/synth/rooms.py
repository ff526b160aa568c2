"""A pair of data sets of furnished rooms: clean, photographic or path-traced looks for source and target."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from headfreeze.errors import raise_all, unknown
from headfreeze.recipes import DOMAINS
from headfreeze.synth.building import RICH, SIMPLE, Interior, draw_room
from headfreeze.synth.camera import ANY, HAND, LEVEL, Carrier, picture
from headfreeze.synth.looks import clean, photographic
from headfreeze.synth.path_traced.engine import require_mitsuba
from headfreeze.synth.path_traced.look import path_traced
from headfreeze.synth.raycast import cast
from headfreeze.synth.scene import CLASSES
from headfreeze.synth.writer import SPLITS, Sample, write_pair

Look = Literal["clean", "photographic", "path-traced"]
Poses = Literal["different", "equal", "any"]
Scenes = Literal["simple", "rich"]
LOOKS = {"clean": clean, "photographic": photographic, "path-traced": path_traced}
CARRIERS: dict[Poses, dict[str, Sequence[Carrier]]] = {
    "different": {"source": (LEVEL,), "target": (HAND,)},
    "equal": {"source": (HAND,), "target": (HAND,)},
    "any": {"source": ANY, "target": ANY},
}
INTERIORS: dict[Scenes, Interior] = {"simple": SIMPLE, "rich": RICH}
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
    scenes: Scenes = "simple",
    source_look: Look = "clean",
    target_look: Look = "photographic",
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes OUT/source and OUT/target in the folder format, with labels for normals, depth and segmentation.

    The rooms of both domains are drawn alike; what differs is the look and how the camera is held. Labels are those
    of the pixels' centres and every pixel has them: normals in the camera's frame (x right, y up, z toward the
    viewer), depth along the optical axis in millimetres, classes as in `headfreeze.synth.scene.CLASSES`. An image
    depends on the seed, its domain, its split and its number alone: not on how many there are, nor on `workers`. A
    domain's rooms and labels stay the same when its look changes.

    Args:
        out: a folder that does not exist or is empty. It appears when all is written, or not at all.
        source: training images of the source. A tenth of it more are for validation, a fifth for testing; at least 8.
        target: training images of the target, likewise.
        size: side of the square images in pixels.
        seed: of the rooms.
        poses: different: the source's cameras are level, the target's look down at hand-held angles; equal: both are
            like the target's, so that the domains differ by their look alone; any: phones, robots and heads carry
            them in both, at every height and pitch and with narrow and wide views.
        scenes: simple: one room with a dozen pieces of furniture; rich: larger ones too, with thin, curved and leafy
            things, chairs around tables, and clutter.
        source_look: of the source's images. clean: flat colours under a lamp; photographic: textures, shadows,
            highlights, a lens and a sensor; path-traced: all light that surfaces give one another, by Mitsuba 3.
        target_look: of the target's.
        workers: processes; 0 means one for each core, 1 that this process does the work itself.
        progress: called with the number of images written and the number to write.

    Raises:
        InputError: `out` is not empty, a number is out of its range, or Mitsuba is needed and not installed.
    """
    least = {"source": (source, 1), "target": (target, 1), "seed": (seed, 0), "workers": (workers, 0)}
    problems = [f"{name} is {value}; give {low} or more" for name, (value, low) in least.items() if value < low]
    if not SMALLEST <= size <= LARGEST:
        problems.append(f"size is {size}; give {SMALLEST} to {LARGEST} pixels")
    raise_all(problems)
    style = Style(poses, scenes, {"source": source_look, "target": target_look})
    if "path-traced" in style.looks.values():
        require_mitsuba()
    draw = partial(draw_sample, size=size, seed=seed, style=style)
    write_pair(out, draw, TASKS, {"source": source, "target": target}, workers=workers, progress=progress)


@dataclass(frozen=True)
class Style:
    """How rooms of both domains are drawn; see `write_rooms`.

    Raises:
        InputError: a name is unknown.
    """

    poses: Poses = "different"
    scenes: Scenes = "simple"
    looks: Mapping[str, Look] = field(default_factory=lambda: {"source": "clean", "target": "photographic"})

    def __post_init__(self) -> None:
        named: list[tuple[str, str, Iterable[str]]] = [
            ("poses", self.poses, CARRIERS),
            ("scenes", self.scenes, INTERIORS),
        ]
        named += [(f"{domain}_look", look, LOOKS) for domain, look in self.looks.items()]
        raise_all([unknown(name, value, known) for name, value, known in named if value not in known])


def draw_sample(domain: str, split: str, index: int, *, size: int, seed: int, style: Style = Style()) -> Sample:
    """One image and its labels: normals (size, size, 3), depth in metres and classes (size, size)."""
    rng = np.random.default_rng([seed, DOMAINS.index(domain), SPLITS.index(split), index])
    room, camera = draw_room(rng, CARRIERS[style.poses][domain], INTERIORS[style.scenes])
    hits = cast(room, camera.position, camera.rays(size))
    labels = {
        "normals": picture(np.einsum("ia,ir->ar", camera.frame, hits.normal), size),  # world → camera
        "depth": picture(hits.distance, size),
        "segmentation": picture(room.surface_label[hits.surface], size),
    }
    return Sample(LOOKS[style.looks[domain]](room, camera, size, rng), labels)
