"""What a run just trained can say of its anchor: `fit` has one run, but others may lie in the same folder."""

from pathlib import Path

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
    own = TrainedRun(run, RunCard.read(run))
    if not own.uses_anchor:
        return ""
    try:
        there = alike_without_anchor(own, _others(run))[:1]
        if there:
            runs = [own, *there]
            return verdict(runs, values_of(runs, run.parent / "selection", device))
    except InputError:  # another run is damaged, or cannot be judged: this one is finished and stays so
        pass
    return (
        "whether the anchor helps cannot be seen in one run: train the recipe baseline at the same settings,"
        f" --out {run.parent / 'baseline'}, and `headfreeze select {run.parent}` compares them"
    )


def _others(run: Path) -> list[TrainedRun]:
    folders = [path.parent for path in sorted(run.parent.glob("*/run.json")) if path.parent != run]
    return [TrainedRun(each, RunCard.read(each)) for each in folders if (each / "weights.safetensors").is_file()]
