"""Tables in LaTeX, for a paper: `\\usepackage{booktabs,amssymb,graphicx}`, then `\\input{table}`."""

from headfreeze.comparison.tables.layout import Cell, Table

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{c: "\\" + c for c in "&%$#_{}"},
    "<": "$<$",
    ">": "$>$",
    "−": "$-$",
    "→": r"$\to$",
    "±": r"$\pm$",
    "°": r"$^\circ$",
    "…": r"\ldots{}",
    "–": "--",
    "✓": r"$\checkmark$",
    "λ": r"$\lambda$",
}


def escape(text: str) -> str:
    """Plain text as LaTeX that prints it."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def latex_table(table: Table, label: str) -> str:
    """A floating table over both columns of a page."""
    heads = [_mark(head) or escape(head) for head in table.heads]
    rows = [" & ".join([escape(row[0].text), *map(_text, row[1:])]) + r" \\" for row in table.rows]
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering\small\setlength{\tabcolsep}{3.5pt}",
            r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{@{{}}l{'c' * sum(map(bool, map(_mark, table.heads)))}"
            rf"{'r' * sum(not _mark(head) for head in table.heads[1:])}@{{}}}}",
            r"\toprule",
            " & ".join(heads) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}}",
            rf"\caption{{{escape(table.caption)}}}",
            rf"\label{{tab:{label}}}",
            r"\end{table*}",
        ]
    )


def _mark(head: str) -> str:
    """The head of a column of check marks; they come right after the names."""
    return f"$y_{{{head[2:]}}}$" if head.startswith("y_") else ""


def _text(cell: Cell) -> str:
    text = rf"\textbf{{{escape(cell.text)}}}" if cell.bold else escape(cell.text)
    return rf"{text}\,{{\scriptsize$\pm$\,{escape(cell.spread)}}}" if cell.spread else text
