"""Rows of texts under heads, for a terminal."""

from collections.abc import Sequence


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
