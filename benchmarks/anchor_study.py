"""Which anchor, and how much of it, on rendered rooms: makes nine anchors, then compares them.

    python benchmarks/anchor_study.py
    python benchmarks/anchor_study.py --images 600 --seeds 0 --steps 300 --out runs/small-study

Renders the rooms unless they are there, writes the anchors that they lack, and calls `headfreeze study` with
configs/anchor-study.yaml; flags that are not listed below go to that command. Prints its table. Called again, it goes
on where it stopped.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headfreeze.annotate.derive import derive
from headfreeze.annotate.edges import annotate_edges
from headfreeze.annotate.lines import annotate_lines
from headfreeze.cli import run
from headfreeze.files import write_text
from headfreeze.progress import counting
from headfreeze.synth.rooms import write_rooms

CONFIG = Path(__file__).parents[1] / "configs/anchor-study.yaml"
SHRUNK = 3
"""Rooms are rendered at so many times the training's size: in small images there are no lines to find."""
LEVEL = """task: segmentation
classes: [level, upright]
map: {level: [floor, ceiling, table, seat, bed], upright: "*"}
"""
DERIVED: dict[str, dict[str, Any]] = {
    "six": {"merge": 6},
    "two": {},  # by LEVEL
    "tenth": {"share": 0.1},
    "hundredth": {"share": 0.01},
    "noisy": {"noise": 0.2},
}
"""Of the 13 classes that the rooms are rendered with; shares and noise are of the target's labels alone."""


def make_anchors(rooms: Path, size: int) -> None:
    """Writes what ROOMS/source and ROOMS/target lack; rooms have segmentation and depth already.

    Edges and lines are as wide as a pixel of the images that are trained on, of `size` pixels.
    """
    for root in (rooms / "source", rooms / "target"):
        if not (root / "train/edges").is_dir():
            annotate_edges(root, thickness_px=SHRUNK)
        if not (root / "train/lines").is_dir():
            annotate_lines(root, thickness=1 / size)
    level = rooms / "level.yaml"
    write_text(level, LEVEL)
    for name, how in DERIVED.items():
        if not (rooms / "target/train" / name).is_dir():
            classes = str(level) if name == "two" else ""
            derive(rooms / "target", source=rooms / "source", anchor="segmentation", name=name, classes=classes, **how)


def main(argv: Sequence[str]) -> int:
    """Renders, annotates, compares."""
    about, _, example = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=about, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rooms", type=Path, default=Path("rooms"), help="gets the images, or has them (rooms)")
    parser.add_argument("--images", type=int, default=1500, help="training images of each domain (1500)")
    parser.add_argument("--size", type=int, default=32, help="their side in training, in pixels (32)")
    own, others = parser.parse_known_args(argv)
    if not own.rooms.exists():
        with counting("rendering rooms") as report:
            write_rooms(own.rooms, source=own.images, target=own.images, size=SHRUNK * own.size, progress=report)
    make_anchors(own.rooms, own.size)
    pair = ["--source", f"{own.rooms}/source", "--target", f"{own.rooms}/target", "--size", str(own.size)]
    return run(["study", "--config", str(CONFIG), *pair, *others])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
