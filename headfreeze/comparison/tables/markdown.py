"""Tables in Markdown that read well on a terminal, too."""

from collections.abc import Callable

from headfreeze.comparison.tables.layout import Cell, Table


def markdown_table(table: Table) -> str:
    """Cells padded to equal widths."""
    rows = [list(table.heads), *([_text(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    pad: list[Callable[[str, int], str]] = [str.ljust, *([str.rjust] * (len(widths) - 1))]
    lines = ["| " + " | ".join(p(c, w) for p, c, w in zip(pad, row, widths, strict=True)) + " |" for row in rows]
    rule = "|" + "|".join("-" * (w + 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _text(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.bold else cell.text
    return f"{text} ± {cell.spread}" if cell.spread else text
