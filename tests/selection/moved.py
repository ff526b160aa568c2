"""Runs as if they had been trained on a copy of the pair, in which all that must not be looked at is garbage."""

import shutil
from pathlib import Path

from headfreeze.run import RunCard
from tests.worlds import TinyPair


def spoilt(tiny: TinyPair, folder: Path) -> TinyPair:
    """A copy whose target has no main labels that can be read, and neither domain a test split."""
    copy = tiny.copy(folder)
    for path in (*copy.target.glob("*/normals/*"), *copy.target.glob("test/*/*"), *copy.source.glob("test/*/*")):
        path.write_bytes(b"garbage")
    return copy


def unjudged(folder: Path, out: Path) -> Path:
    """A copy of runs, or of one with snapshots, without what `select` has kept of them."""
    return Path(shutil.copytree(folder, out, ignore=lambda _, names: [n for n in names if n.startswith("selection")]))


def moved(folder: Path, tiny: TinyPair) -> None:
    """The runs in `folder` were trained on this pair, so their cards say."""
    for path in folder.glob("*/run.json"):
        card = RunCard.read(path.parent)
        card.settings["pair"] |= {"source": str(tiny.source), "target": str(tiny.target)}
        card.write(path.parent)
