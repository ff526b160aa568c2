"""The report of `headfreeze data check`: a table of all datasets and splits, what is wrong, what to look at."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from headfreeze.data.check import table
from headfreeze.data.check.differences import advice
from headfreeze.data.check.files import SplitFindings, check_split
from headfreeze.data.check.page import write_page
from headfreeze.data.check.pair import Checked, pair_differences, pair_faults, pair_lines
from headfreeze.data.check.sheet import write_sheet
from headfreeze.data.folder import CONFIG, Dataset, open_dataset
from headfreeze.errors import InputError


def check_datasets(roots: Sequence[Path], out: Path | None = None, sample: int = 0) -> int:
    """Checks datasets in the folder format and prints what they hold, what is wrong, and what to look at.

    Args:
        roots: the datasets; two are also looked at as source and target.
        out: gets index.html and a contact sheet NAME-SPLIT.png of every split; nothing is written without it.
        sample: open only this many images a split, with their labels, at equal distances; 0 means all.

    Returns:
        How many things are wrong: 0 for data that can be trained on.

    Raises:
        InputError: a negative sample.
    """
    if sample < 0:
        raise InputError(f"sample is {sample}; give the number of images to open in each split, or 0 for all")
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
    as_pair = list(checked.values()) if len(checked) == len(roots) == 2 else []
    if as_pair:
        faults += pair_faults(*as_pair)
    found = pair_differences(*as_pair) if as_pair else []
    doubts += advice(found)
    uses = list(pair_lines(*as_pair)) if as_pair else []
    _print_table(checked)
    _print_list("as source and target:", [*uses, *(each.line for each in found)])
    count = len(faults) + more
    _print_list(f"wrong ({count}):", [*faults, *([f"… and {more} more"] if more else [])])
    _print_list(f"worth a look ({len(doubts)}):", doubts)
    if out:
        sheets = dict(_sheets(checked, out))
        page = write_page(checked, sheets, uses, found, faults, count, doubts, out)
        _print_list("to look at:", [str(page), *(str(out / name) for name in sheets.values())])
    else:
        _print_list("to look at:", ["--out FOLDER writes a page with a contact sheet of every split"])
    if not faults:
        print("\nnothing is wrong")
    return count


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


def _sheets(checked: Mapping[str, Checked], out: Path) -> Iterator[tuple[tuple[str, str], str]]:
    """Writes them; ((dataset, split), file's name) of each."""
    for name, (dataset, splits) in checked.items():
        for split, findings in splits.items():
            file = f"{name}-{split}.png"
            write_sheet(dataset, findings, out / file)
            yield (name, split), file


def _print_table(checked: Mapping[str, Checked]) -> None:
    if not checked:
        return
    for name, (dataset, _) in checked.items():
        print(f"{name} = {dataset.root}")
    print()
    print("\n".join(table.lines(table.columns(checked))))


def _print_list(title: str, items: Iterable[str]) -> None:
    listed = list(items)
    if listed:
        print("\n".join(["", title, *(f"  {item}" for item in listed)]))
