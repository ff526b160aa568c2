"""What `headfreeze data check` finds out about datasets, before any of it is shown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from headfreeze.data.check.differences import Difference, advice
from headfreeze.data.check.files import SplitFindings, check_split
from headfreeze.data.check.pair import Checked, pair_differences, pair_faults, pair_lines
from headfreeze.data.folder import CONFIG, Dataset, open_dataset
from headfreeze.errors import InputError


@dataclass(frozen=True)
class Gathered:
    """What was found.

    Attributes:
        checked: the datasets that could be opened, by name.
        faults: what is wrong, a line each; of each split the first of it.
        fault_count: how much is wrong.
        doubts: what to look at, a line each.
        uses: what two datasets can be used for as source and target.
        differences: of the labels of these two.
    """

    checked: Mapping[str, Checked]
    faults: Sequence[str]
    fault_count: int
    doubts: Sequence[str]
    uses: Sequence[str]
    differences: Sequence[Difference]


def gather(roots: Sequence[Path], sample: int) -> Gathered:
    """Checks datasets in the folder format; two are also looked at as source and target.

    Args:
        roots: the datasets.
        sample: how many images to open in each split; 0: all.
    """
    checked: dict[str, Checked] = {}
    faults: list[str] = []
    doubts: list[str] = []
    more = 0
    for name, root in _named(roots).items():
        try:
            checked[name] = _checked(open_dataset(root), sample)
        except InputError as error:
            faults.append(str(error))
    for dataset, splits in checked.values():
        for findings in splits.values():
            faults += findings.faults
            more += findings.more_faults
            doubts += findings.doubts
        doubts += [*_repeated(dataset, splits), *_unlabelled(dataset, splits), *_grouped(dataset, splits)]
    uses: list[str] = []
    different: list[Difference] = []
    if len(checked) == len(roots) == 2:
        source, target = checked.values()
        faults += pair_faults(source, target)
        uses += pair_lines(source, target)
        different += pair_differences(source, target)
        doubts += advice(different)
    return Gathered(checked, faults, len(faults) + more, doubts, uses, different)


def _named(roots: Sequence[Path]) -> dict[str, Path]:
    """The roots under short names, each its own."""
    named: dict[str, Path] = {}
    for root in roots:
        name = base = root.resolve().name
        number = 2
        while name in named:
            name, number = f"{base}-{number}", number + 1
        named[name] = root
    return named


def _checked(dataset: Dataset, sample: int) -> Checked:
    splits = {split: check_split(dataset, split, sample) for split in dataset.splits()}
    if not splits:
        raise InputError(f"{dataset.root}: no folder train, val or test in it; images lie in ROOT/train/image/ID.jpg")
    return dataset, splits


def _repeated(dataset: Dataset, splits: Mapping[str, SplitFindings]) -> Iterator[str]:
    """Images that are in two splits: what is measured on one has been seen in the other."""
    for (first, a), (second, b) in combinations(splits.items(), 2):
        if twice := sorted(b.digests[digest] for digest in a.digests.keys() & b.digests.keys()):
            yield f"{dataset.root / second}: {len(twice)} images are, byte for byte, in {first} too ({twice[0]}, …)"


def _unlabelled(dataset: Dataset, splits: Mapping[str, SplitFindings]) -> Iterator[str]:
    for name in dataset.tasks:
        if not any(findings.labels[name] for findings in splits.values()):
            yield f"{dataset.root / CONFIG}: declares '{name}', but no split has a label of it"


def _grouped(dataset: Dataset, splits: Mapping[str, SplitFindings]) -> Iterator[str]:
    """Groups that are in two splits, images that nothing is said of, and groups that no two images share."""
    if not dataset.groups:
        return
    for (first, a), (second, b) in combinations(splits.items(), 2):
        if both := sorted(a.groups & b.groups):
            yield (
                f"{dataset.root / second}: {len(both)} of its {len(b.groups)} groups are in {first} too ({both[0]}, …);"
                " what is measured on them has been seen there"
            )
    for split, findings in splits.items():
        alone = [key for key in findings.images if not dataset.groups.named(split, key)]
        if 0 < len(alone) < len(findings.images):
            yield (
                f"{dataset.root / split}: groups is '{dataset.groups.said}', which says nothing of {len(alone)} of"
                f" {len(findings.images)} images ({alone[0]}, …); each is its own group"
            )
    judged = splits.get("test") or next(iter(splits.values()))
    if len(judged.groups) == len(judged.images):
        yield (
            f"{dataset.root / judged.split}: groups is '{dataset.groups.said}', by which no two images belong together"
        )
