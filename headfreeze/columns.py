"""Rows under heads: in columns for a terminal, and as CSV."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def aligned(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 0) -> str:
    """The rows below their heads, in columns; the first `left` begin on the left, the others end on the right.

    A head may have several lines; they end at the rows.
    """
    lines_of = [head.split("\n") for head in heads]
    tall = max(map(len, lines_of))
    table = [*zip(*([""] * (tall - len(lines)) + lines for lines in lines_of), strict=True), *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(heads))]
    lines = (
        [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in table
    )
    return "\n".join("  ".join(cells).rstrip() for cells in lines)


def as_csv(heads: Iterable[str], rows: Iterable[Iterable[Any]], nan: str = "") -> str:
    """The rows below their heads as CSV; NaN, a value that does not exist, is written as `nan`: an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(
        [nan if isinstance(value, float) and math.isnan(value) else value for value in row] for row in rows
    )
    return text.getvalue()


def records_csv(rows: Sequence[Mapping[str, Any]], nan: str = "") -> str:
    """`as_csv` of rows that name their values; the heads are all names in the order in which they appear."""
    heads = list(dict.fromkeys(name for row in rows for name in row))
    return as_csv(heads, ([row.get(name, "") for name in heads] for row in rows), nan)
