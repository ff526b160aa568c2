"""The table of the report: a column for each split of each dataset, a row for each figure, in groups."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from headfreeze.data.check.files import SplitFindings
from headfreeze.data.folder import Dataset

_GAP, _WIDE_GAP = "  ", "     "


@dataclass(frozen=True)
class Column:
    """The figures of one split: {group: {row: cell}}."""

    dataset: str
    split: str
    cells: dict[str, dict[str, str]]


def column(dataset: str, findings: SplitFindings) -> Column:
    """The figures of a split: the images first, then each task."""
    images = {"files": str(len(findings.images))}
    if findings.groups:
        images["groups"] = str(len(findings.groups))
    if findings.opened < len(findings.images):
        images["opened"] = str(findings.opened)
    if findings.sizes:
        by_area = sorted(findings.sizes, key=lambda size: size[0] * size[1])
        images["size"] = _size(findings.sizes.most_common(1)[0][0])
        if len(by_area) > 1:
            images["size"] += f" in {max(findings.sizes.values()) / findings.sizes.total():.0%}"
            images |= {"smallest": _size(by_area[0]), "largest": _size(by_area[-1])}
    if findings.fov_deg:
        low, high = min(findings.fov_deg), max(findings.fov_deg)
        images["angle of view"] = f"{low}°" if low == high else f"{low} … {high}°"
    cells = {"image": images}
    for name, files in findings.labels.items():
        cells[name] = {"files": str(len(files))}
        if name in findings.statistics:
            cells[name] |= findings.statistics[name].rows()
    return Column(dataset, findings.split, cells)


def columns(checked: Mapping[str, tuple[Dataset, Mapping[str, SplitFindings]]]) -> list[Column]:
    """The figures of all splits of datasets by name."""
    return [column(name, findings) for name, (_, splits) in checked.items() for findings in splits.values()]


def groups(columns: Sequence[Column]) -> dict[str, list[str]]:
    """The names of the rows that any column has, by group."""
    found: dict[str, dict[str, str]] = {}
    for each in columns:
        for group, cells in each.cells.items():
            found.setdefault(group, {}).update(cells)
    return {group: list(rows) for group, rows in found.items()}


def lines(columns: Sequence[Column]) -> Iterator[str]:
    """The table, line by line; a figure that a split does not have is a dash."""
    stub = max(len(row) for rows in groups(columns).values() for row in rows) + 2
    datasets = [list(same) for _, same in itertools.groupby(columns, key=lambda each: each.dataset)]
    widths = [width for same in datasets for width in _widths(same)]
    gaps = [gap for same in datasets for gap in (_WIDE_GAP, *[_GAP] * (len(same) - 1))]

    def line(title: str, cells: Sequence[str]) -> str:
        return title.ljust(stub) + "".join(g + c.rjust(w) for g, c, w in zip(gaps, cells, widths, strict=True))

    names = (_WIDE_GAP + same[0].dataset.ljust(_span(_widths(same))) for same in datasets)
    yield (" " * stub + "".join(names)).rstrip()
    yield line("", [each.split for each in columns])
    for group, rows in groups(columns).items():
        yield group
        for row in rows:
            yield line(f"  {row}", [each.cells.get(group, {}).get(row, "-") for each in columns])


def _widths(columns: Sequence[Column]) -> list[int]:
    """Of the columns of one dataset, the first one widened where its name needs the room."""
    cells = [[each.split, *(cell for rows in each.cells.values() for cell in rows.values())] for each in columns]
    widths = [max(map(len, column)) for column in cells]
    widths[0] += max(0, len(columns[0].dataset) - _span(widths))
    return widths


def _span(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _size(size: tuple[int, int]) -> str:
    return "x".join(map(str, size))
