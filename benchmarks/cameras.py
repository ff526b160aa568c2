"""How well do labels tell by what angle a target's cameras are pitched otherwise than a source's?

    python benchmarks/cameras.py
    python benchmarks/cameras.py --images 16

Draws rooms as `headfreeze synth rooms` does, in pairs whose cameras differ in known ways: pitch, height, angle of view,
roll, spread. Prints by pair the true angle and what `headfreeze.data.pitch` finds in labels of 48 px alone, for three
anchors: the 13 classes, floor and what lies level against the rest, and depth. An asterisk: upright
borders were sure, or the normals of what is seen.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from headfreeze.data.batch import DeviceBatch
from headfreeze.data.pitch import Told, pitch_difference
from headfreeze.synth.building import draw_room
from headfreeze.synth.camera import Carrier, picture
from headfreeze.synth.raycast import cast
from headfreeze.synth.scene import CLASSES
from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task

SIZE, FOV_DEG = 48, 65.0
LEVEL_CLASSES = [CLASSES.index(name) for name in ("floor", "ceiling", "table", "seat", "bed")]
ANCHORS: dict[str, Task] = {
    "13 classes": make_task("classes", {"kind": "segmentation", "classes": list(CLASSES)}),
    "level or not": make_task("level", {"kind": "segmentation", "classes": ["level", "upright"]}),
    "depth": make_task("depth", {}),
}
HELD = Carrier((0, 5))
LOW, HIGH = replace(HELD, height_m=(0.35, 0.8)), replace(HELD, height_m=(1.7, 2.1))
PAIRS: dict[str, tuple[Carrier, Carrier]] = {
    "alike": (HELD, HELD),
    "12° down": (HELD, replace(HELD, pitch_deg=(-12, 5))),
    "25° down": (HELD, replace(HELD, pitch_deg=(-25, 5))),
    "12° up": (HELD, replace(HELD, pitch_deg=(12, 5))),
    "12° down, spread of 15°": (HELD, replace(HELD, pitch_deg=(-12, 15))),
    "12° down, rolled by 10°": (HELD, replace(HELD, pitch_deg=(-12, 5), roll_deg=10)),
    "12° down, 45° wide → 80°": (
        replace(HELD, fov_deg=(45, 45)),
        replace(HELD, pitch_deg=(-12, 5), fov_deg=(80, 80)),
    ),
    "45° wide → 80°": (replace(HELD, fov_deg=(45, 45)), replace(HELD, fov_deg=(80, 80))),
    "low → high": (LOW, HIGH),
    "high → low": (HIGH, LOW),
    "12° down, low → high": (LOW, replace(HIGH, pitch_deg=(-12, 5))),
}


def labels_of(carrier: Carrier, count: int, seed: int) -> dict[str, torch.Tensor]:
    """Labels (count, 1, h, w) by anchor of rooms that a carrier's camera sees."""
    seen: dict[str, list[np.ndarray]] = {name: [] for name in ANCHORS}
    for index in range(count):
        room, camera = draw_room(np.random.default_rng([seed, index]), [carrier])
        hits = cast(room, camera.position, camera.rays(SIZE))
        classes = picture(room.surface_label[hits.surface], SIZE).astype(np.uint8)
        seen["13 classes"].append(classes)
        seen["level or not"].append((~np.isin(classes, LEVEL_CLASSES)).astype(np.uint8))
        seen["depth"].append(picture(hits.distance, SIZE).astype(np.float32))
    return {
        name: ANCHORS[name].wrap(torch.from_numpy(np.stack(maps)[:, None]), (SIZE, SIZE)) for name, maps in seen.items()
    }


def told(source: Carrier, target: Carrier, count: int) -> dict[str, Told]:
    """What each anchor tells of a pair."""
    ours, theirs = labels_of(source, count, 1), labels_of(target, count, 2)
    found = {}
    for name, task in ANCHORS.items():
        labels = {("source", task.name): ours[name], ("target", task.name): theirs[name]}
        batch = DeviceBatch(torch.zeros(2 * count, 3, SIZE, SIZE), labels, count)
        found[name] = pitch_difference([batch], [task], FOV_DEG)
    return found


def main(argv: Sequence[str]) -> int:
    """Prints the table, as Markdown, row by row."""
    about, _, _ = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--images", type=int, default=128, help="labels of each domain (128)")
    own = parser.parse_args(argv)
    print(f"| source → target | true | {' | '.join(ANCHORS)} |\n| --- | ---: |{' ---: |' * len(ANCHORS)}")
    for name, (source, target) in PAIRS.items():
        found = told(source, target, own.images)
        cells = (f"{pitch.deg:+.0f}°{'*' if pitch.sure else ''}" for pitch in found.values())
        print(f"| {name} | {target.pitch_deg[0] - source.pitch_deg[0]:+d}° | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
