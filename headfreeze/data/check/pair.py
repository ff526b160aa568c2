"""Two datasets as source and target: which tasks they share, what can be main and anchor, how the classes differ."""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import add

from headfreeze.data.check.files import SplitFindings
from headfreeze.data.check.statistics import SegmentationStatistics
from headfreeze.data.folder import CONFIG, Dataset

Checked = tuple[Dataset, Mapping[str, SplitFindings]]
"""A dataset and what was found in its splits."""

_NAMED_CLASSES = 3


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
    if not anchors:
        yield "an anchor is missing; `headfreeze annotate edges ROOT` writes one, on both"
    for name in same:
        yield from _class_lines(name, source, target)


def _labelled(checked: Checked, split: str, name: str) -> bool:
    findings = checked[1].get(split)
    return findings is not None and bool(findings.labels[name])


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _class_lines(name: str, source: Checked, target: Checked) -> Iterator[str]:
    """How much the shares of a segmentation's classes differ, over all splits."""
    pooled = [[f.statistics[name] for f in splits.values() if name in f.statistics] for _, splits in (source, target)]
    if not all(pooled):
        return
    ours, theirs = (reduce(add, statistics) for statistics in pooled)
    if not isinstance(ours, SegmentationStatistics) or not isinstance(theirs, SegmentationStatistics):
        return
    change = {each: theirs.shares[each] - share for each, share in ours.shares.items()}
    largest = sorted(change, key=lambda each: -abs(change[each]))[:_NAMED_CLASSES]
    named = ", ".join(f"{each} {ours.shares[each]:.0%} → {theirs.shares[each]:.0%}" for each in largest)
    moved = sum(map(abs, change.values())) / 2
    yield f"{name}: classes differ in {moved:.0%} of the pixels, most: {named}"
