"""The report of `headfreeze data check`: a table of all datasets and splits, what is wrong, what to look at."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from headfreeze.data.check import table
from headfreeze.data.check.gather import Gathered, gather
from headfreeze.data.check.page import write_page
from headfreeze.data.check.pair import Checked
from headfreeze.data.check.sheet import write_sheet
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
    found = gather(roots, sample)
    _print(found)
    looks = ["--out FOLDER writes a page with a contact sheet of every split"]
    if out:
        sheets = dict(_sheets(found.checked, out))
        looks = [str(write_page(found, sheets, out)), *(str(out / name) for name in sheets.values())]
    _print_list("to look at:", looks)
    if not found.faults:
        print("\nnothing is wrong")
    return found.fault_count


def _print(found: Gathered) -> None:
    _print_table(found.checked)
    _print_list("as source and target:", [*found.uses, *(each.line for each in found.differences)])
    more = found.fault_count - len(found.faults)
    _print_list(f"wrong ({found.fault_count}):", [*found.faults, *([f"… and {more} more"] if more else [])])
    _print_list(f"worth a look ({len(found.doubts)}):", found.doubts)


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
