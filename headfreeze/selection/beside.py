"""What a run just trained can say of its anchor: `fit` has one run, but others may lie in the same folder."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import torch.distributed as dist

from headfreeze.errors import InputError
from headfreeze.run import RunCard
from headfreeze.selection.runs import TrainedRun
from headfreeze.selection.values import values_of
from headfreeze.selection.verdict import alike_without_anchor, verdict


def said_beside(run: Path, device: str = "auto") -> str:
    """Whether the anchor helps, by a run without it in the same folder; what to train where there is none.

    Opens no label of the main task on the target. Empty for a run that has no anchor.

    Args:
        run: its folder.
        device: where networks compute.
    """
    if run.name in ("", ".."):  # a path by which nothing beside it can be named
        run = run.resolve()
    own = TrainedRun(run, RunCard.read(run))
    if not own.uses_anchor:
        return ""
    try:
        there = alike_without_anchor(own, _others(run))[:1]
        if there and dist.is_available() and dist.is_initialized():  # judging is for one process, the others are gone
            return f"whether the anchor helps: `headfreeze select {run.parent}` compares it with {there[0].folder}"
        if there:
            runs = [own, *there]
            return verdict(runs, values_of(runs, run.parent / "selection", device))
    except (InputError, OSError):  # the data is gone, or the other run is another user's: this one stays finished
        pass
    free = next(name for name in _names(own.without_anchor) if not (run.parent / name).exists())
    return (
        f"whether the anchor helps cannot be seen in one run: train the recipe {own.without_anchor} at the same"
        f" settings, --out {run.parent / free}, and `headfreeze select {run.parent}` compares them"
    )


def _names(recipe: str) -> Iterator[str]:
    """Of a run of a recipe: there may be one of other settings already."""
    yield recipe
    yield from (f"{recipe}{number}" for number in count(2))


def _others(run: Path) -> list[TrainedRun]:
    """The finished runs in the same folder; those that are damaged are no business of this one's."""
    found = []
    for folder in (path.parent for path in sorted(run.parent.glob("*/run.json"))):
        if folder != run and (folder / "weights.safetensors").is_file():
            with suppress(InputError):
                found.append(TrainedRun(folder, RunCard.read(folder)))
    return found
