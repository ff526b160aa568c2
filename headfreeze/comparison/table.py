"""The tables that a comparison writes: ours, the tests of all pairs, and the paper's numbers beside them."""

from pathlib import Path

from headfreeze.comparison import paper
from headfreeze.comparison.results import Results
from headfreeze.comparison.tables.latex import latex_table
from headfreeze.comparison.tables.layout import beside_paper, compact, full, of_paper, pairs
from headfreeze.comparison.tables.markdown import markdown_table
from headfreeze.comparison.tables.tidy import pairs_csv, recipes_csv
from headfreeze.comparison.verdict import verdict
from headfreeze.files import write_text

__all__ = ["adversaries", "latex", "markdown", "own_table", "verdict", "write_tables"]


def write_rows(out: Path, results: Results) -> None:
    """Writes results.csv, and results-TASK.csv of further main tasks: a row for each recipe and seed."""
    write_text(out / "results.csv", results.csv())
    for name, other in results.others.items():
        write_text(out / f"results-{name}.csv", other.csv())


def write_tables(out: Path, results: Results) -> None:
    """Writes table.md, table.tex, table.csv and tests.csv into the folder `out`."""
    write_text(out / "table.md", markdown(results))
    write_text(out / "table.tex", latex(results))
    write_text(out / "table.csv", recipes_csv(results))
    write_text(out / "tests.csv", pairs_csv(results))


def markdown(results: Results) -> str:
    """Everything in Markdown: what to use, our numbers, the tests, and the paper's numbers for normals."""
    table, tests = full(results), pairs(results)
    parts = [
        f"# {results.task.name} on the target's test images",
        verdict(results),
        markdown_table(table),
        table.caption,
    ]
    if tests.rows:
        parts += ["## Every pair", markdown_table(tests), tests.caption]
    if results.adversaries:
        parts += ["## Did the adversaries do their work?", adversaries(results)]
    for name, other in results.others.items():
        parts += [f"## {name}, a further main task", markdown_table(full(other)), full(other).caption]
    if results.task.kind == "normals":
        beside = beside_paper(results)
        parts += ["## Beside the paper", markdown_table(beside), beside.caption, "## The paper's own numbers"]
        for name, numbers in paper.TABLES.items():
            parts += [f"### {name}", markdown_table(of_paper(numbers, ""))]
    return "\n\n".join(parts) + "\n"


def latex(results: Results) -> str:
    """Our table, the tests of all pairs, and the paper's numbers beside ours, as LaTeX floats."""
    tables = {"recipes": full(results), "pairs": pairs(results)}
    if results.task.kind == "normals":
        tables["paper"] = beside_paper(results)
    floats = [latex_table(table, label) for label, table in tables.items() if table.rows]
    return "\n\n".join([r"% \usepackage{booktabs,amssymb,graphicx}", *floats]) + "\n"


def own_table(results: Results) -> str:
    """Every recipe's metrics, averaged over seeds: for a terminal; of further main tasks below."""
    others = [f"{name}:\n{markdown_table(compact(other))}" for name, other in results.others.items()]
    return "\n\n".join([markdown_table(compact(results)), *others])


def adversaries(results: Results) -> str:
    """A line for every adversary: whether its discriminators were confused."""
    return "\n".join(
        f"- {recipe}, seed {seed}: {report['verdict']}"
        for recipe, seeds in results.adversaries.items()
        for seed, report in seeds.items()
    )
