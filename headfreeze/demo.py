"""The demo: rooms in two looks, the paper's recipes and the best one at one budget, a table, a picture, a sentence."""

from collections.abc import Sequence
from pathlib import Path

from headfreeze.comparison.compare import compare
from headfreeze.comparison.results import Results
from headfreeze.errors import InputError
from headfreeze.progress import counting
from headfreeze.settings import Architecture, Pair, Training
from headfreeze.synth.rooms import write_rooms

STEPS = 400
RECIPES = ("baseline", "mtl-both", "mtl-both+aligned+privileged", "mtl-finetune", "headfreeze", "oracle")
_SIZE = 48
_IMAGES = 1500


def demo(out: Path, steps: int = 0, seeds: Sequence[int] = (0,)) -> Results:
    """Renders rooms into OUT/rooms and compares the recipes on them: minutes on two cores.

    Args:
        out: gets rooms, runs, results.csv, summary.json, table.md and figure.png. A second call trains nothing anew.
        steps: budget of every recipe; 0 means the demo's own.
        seeds: one keeps it short; three or more make the intervals honest about training, too.
    """
    rooms = out / "rooms"
    if steps < 0:
        raise InputError(f"steps is {steps}; give a budget of at least 2, or 0 for the demo's own")
    if not rooms.exists():
        with counting("rendering rooms") as report:
            write_rooms(rooms, source=_IMAGES, target=_IMAGES, size=_SIZE, progress=report)
    # Turned cameras want more steps than a demo has: mtl-both ends at 26.2° with them, at 26.1° without.
    pair = Pair(rooms / "source", rooms / "target", "normals", "segmentation", size=_SIZE, rotate_deg=0)
    return compare(
        pair,
        out,
        recipes=RECIPES,
        seeds=seeds,
        architecture=Architecture(backbone="tiny"),
        training=Training(steps=steps or STEPS, batch_size=24, device="cpu"),
        phases=out / "phases",
    )
