"""Two datasets as source and target: which tasks they share, what can be main and anchor, how their labels differ."""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import add

from headfreeze.data.check.differences import Difference, differences
from headfreeze.data.check.files import SplitFindings
from headfreeze.data.check.pitch import pitch_lines
from headfreeze.data.check.statistics import Statistics
from headfreeze.data.folder import CONFIG, Dataset

Checked = tuple[Dataset, Mapping[str, SplitFindings]]
"""A dataset and what was found in its splits."""


def pair_faults(source: Checked, target: Checked) -> Iterator[str]:
    """Tasks of one name that are not the same."""
    for name, task in source[0].tasks.items():
        other = target[0].tasks.get(name)
        if other is not None and other != task:
            yield (
                f"{target[0].root / CONFIG}: '{name}' is {other.options()} here and {task.options()} in the source"
                f" ({source[0].root}); make both agree"
            )


def pair_lines(source: Checked, target: Checked) -> Iterator[str]:
    """What the two can be used for together."""
    mains = [name for name in source[0].tasks if _labelled(source, "train", name)]
    same = [name for name in mains if target[0].tasks.get(name) == source[0].tasks[name]]
    anchors = [name for name in same if _labelled(target, "train", name)]
    measured = [name for name in same if _labelled(target, "test", name)]
    yield f"main task:   {_listed(mains)} (labelled in the source's train split)"
    yield f"anchor task: {_listed(anchors)} (labelled in train of both)"
    yield f"evaluation:  {_listed(measured)} (labelled in the target's test split)"
    yield from pitch_lines(source[0], target[0], anchors)
    if not anchors:
        yield "an anchor is missing; `headfreeze annotate edges ROOT` writes one, on both"


def _labelled(checked: Checked, split: str, name: str) -> bool:
    findings = checked[1].get(split)
    return findings is not None and bool(findings.labels[name])


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"


def pair_differences(source: Checked, target: Checked) -> list[Difference]:
    """How the labels of the tasks that both have are distributed in all of their splits."""
    found: list[Difference] = []
    for name, task in source[0].tasks.items():
        if target[0].tasks.get(name) == task:
            ours, theirs = pooled(source, name), pooled(target, name)
            if ours is not None and theirs is not None:
                found += differences(name, ours, theirs)
    return found


def pooled(checked: Checked, name: str) -> Statistics | None:
    """The statistics of a task over all splits; None without any."""
    statistics = [findings.statistics[name] for findings in checked[1].values() if name in findings.statistics]
    return reduce(add, statistics) if statistics else None
