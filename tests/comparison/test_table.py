"""Tables of made-up comparisons: their cells, in Markdown, LaTeX and CSV."""

import csv
import math
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from headfreeze.comparison.results import Results
from headfreeze.comparison.table import latex, markdown, own_table, write_tables
from headfreeze.comparison.tables.latex import escape, latex_table
from headfreeze.comparison.tables.layout import Cell, Table
from headfreeze.comparison.tables.numbers import number, p_value, percent, percents, precision, signed
from headfreeze.comparison.tables.tidy import pairs_csv, recipes_csv
from tests.comparison.made_up import NAMES, angles_results, normals_results, segmentation_results

ENDS = {"baseline": [30.0, 28.0], "headfreeze": [26.0, 27.0], "oracle": [20.0, 22.0]}
MEANS = {"baseline": 26.6, "mtl-both": 25.0, "headfreeze": 25.02, "oracle": 22.0}


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]


def tables(text: str) -> list[str]:
    return [part for part in text.split("\n\n") if part.startswith("|")]


def test_the_terminals_table_has_a_row_a_recipe_and_lines_up() -> None:
    lines = own_table(normals_results(ENDS)).splitlines()
    assert len({len(line) for line in lines}) == 1
    found = cells("\n".join(lines))
    assert found[0] == ["recipe", "< 11.25°", "< 22.5°", "< 30°", "rmse", "mean", "median", "± (seeds)", "gap closed"]
    assert found[3][5:8] == ["**26.50**", "0.50", "0.71"]
    assert found[3][8].startswith("31 %")
    assert [row[-1] for row in (found[2], found[4])] == ["–", "–"]


def test_the_whole_table_has_check_marks_spreads_and_bold_numbers() -> None:
    results = angles_results(MEANS, seed_std=0.05, images=150)
    found = cells(tables(markdown(results))[0])
    assert found[0][:5] == ["recipe", "y_Sm", "y_Sa", "y_Tm", "y_Ta"]
    assert [row[1:5] for row in found[2:]] == [
        ["✓", "", "", ""], ["✓", "✓", "", "✓"], ["✓", "✓", "", "✓"], ["✓", "✓", "✓", "✓"],
    ]  # fmt: skip
    for row, recipe in zip(found[2:], MEANS, strict=True):
        assert row[0] == recipe
        for cell, metric in zip(row[5:11], NAMES, strict=True):
            places = 3 if metric.startswith("below") else 2
            mean, std = results.mean(recipe)[metric], results.std(recipe)[metric]
            value = f"**{mean:.{places}f}**" if recipe in results.bold(metric) else f"{mean:.{places}f}"
            assert cell == f"{value} ± {std:.{places}f}"
    low, high = results.gap_interval("mtl-both")
    gap = results.gap_closed("mtl-both")
    assert found[3][-1] == f"{100 * gap:.0f} % ({100 * low:.0f} … {100 * high:.0f} %)"


def test_every_pair_has_its_tests() -> None:
    results = angles_results(MEANS, seed_std=0.05, images=150)
    found = cells(tables(markdown(results))[1])
    assert found[0] == ["pair", "difference", "95 % interval", "p", "p (Holm)", "p (Wilcoxon)"]
    assert [row[0] for row in found[2:]] == [f"{a} − {b}" for a, b in results.tests()]
    test = results.tests()["baseline", "mtl-both"]
    assert found[2] == [
        "baseline − mtl-both",
        f"**+{test.value:.2f}**",
        f"+{test.low:.2f} … +{test.high:.2f}",
        p_value(test.p),
        p_value(test.p_holm),
        p_value(test.p_wilcoxon),
    ]
    assert len(tables(markdown(angles_results({"baseline": 26})))[0].splitlines()) == 3, "no pair, no table of pairs"
    assert "Every pair" not in markdown(angles_results({"baseline": 26}))


def test_the_caption_says_what_the_numbers_are() -> None:
    text = markdown(angles_results(MEANS))
    for part in (
        "same budget of 400 steps",
        "averaged over the seeds 0, 1, 2 ± their standard deviation over seeds (n − 1)",
        "Fixed precision: 0.001 (< 11.25°, < 22.5°, < 30°), 0.01 (rmse, mean, median).",
        "not significantly worse than the best at 5 % after Holm's correction over all pairs of recipes, over images",
        "For the median the images' medians are tested.",
        "negative: the first is better",
    ):
        assert part in text
    one = markdown(angles_results(MEANS, seeds=(3,)))
    assert "are of one seed, 3. Fixed" in one
    assert "over images alone, for there is one seed" in one
    assert " ± " not in tables(one)[0]
    overlap = markdown(segmentation_results({"baseline": (0.4, 0.6), "headfreeze": (0.44, 0.7)}))
    assert "For miou the pixel_accuracy is tested." in overlap
    assert "Differences of pixel_accuracy (positive: the first is better)" in overlap
    assert "paper" not in overlap


def test_the_papers_numbers_stand_beside_ours() -> None:
    found = cells(tables(markdown(angles_results(MEANS | {"mtl-finetune": 25.0})))[2])
    assert [row[3:] for row in found[2:]] == [
        ["14.8", "–", "25.8", "–"],
        ["13.3", "17 %", "25.7", "4 %"],
        ["12.9", "22 %", "24.6", "44 %"],
        ["6.2", "–", "23.1", "–"],
        ["–", "–", "–", "–"],
    ]
    text = markdown(angles_results(MEANS))
    rows = {" ".join(line.replace("|", " ").split()) for line in text.splitlines()}
    assert {
        "headfreeze 0.519 0.954 15.8 12.9 10.9",
        "headfreeze 0.301 0.708 31.8 24.6 18.0",
        "headfreeze-da 0.573 0.963 14.7 11.9 10.0",
        "SfSNet 0.495 0.965 15.2 12.9 11.3",
        "output 0.522 0.951 16.2 13.0 10.9",
    } <= rows


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
@pytest.mark.parametrize("images", [1, 40])
def test_nothing_reads_nan(seeds: tuple[int, ...], images: int) -> None:
    results = angles_results(MEANS, seeds=seeds, images=images)
    results.metrics["mtl-both"][0]["mean"] = math.nan
    for text in (markdown(results), latex(results), own_table(results), recipes_csv(results), pairs_csv(results)):
        assert "nan" not in text.lower()


def test_what_a_recipe_of_ones_own_sees_is_left_open() -> None:
    found = cells(tables(markdown(angles_results({"mine": 26})))[0])
    assert found[2][:5] == ["mine", "", "", "", ""]


def test_labels_that_are_measured_and_not_trained_on_have_a_mark_of_their_own_and_a_sentence() -> None:
    recipes, says = (
        {"baseline": 27.0, "baseline+aligned": 25.0, "mtl-both+aligned": 24.0},
        "(✓): labels that are measured",
    )
    results = angles_results(recipes)
    text = markdown(results)
    assert [row[1:5] for row in cells(tables(text)[0])[3:]] == [["✓", "(✓)", "", "(✓)"], ["✓", "✓", "", "✓"]]
    assert says in text
    assert says not in markdown(angles_results(MEANS))
    rows = list(csv.DictReader(recipes_csv(results).splitlines()))
    assert [[row[name] for name in ("y_Sm", "y_Sa", "y_Tm", "y_Ta")] for row in rows[1:]] == [[*"1000"], [*"1101"]]


def test_csv_has_unrounded_numbers() -> None:
    results = angles_results(MEANS)
    rows = {row["recipe"]: row for row in csv.DictReader(recipes_csv(results).splitlines())}
    assert list(rows) == list(MEANS)
    row = rows["headfreeze"]
    assert [row[name] for name in ("y_Sm", "y_Sa", "y_Tm", "y_Ta", "seeds", "budget")] == [
        "1",
        "1",
        "0",
        "1",
        "3",
        "400",
    ]
    for metric in NAMES:
        assert float(row[metric]) == results.mean("headfreeze")[metric]
        assert float(row[f"{metric}_std"]) == results.std("headfreeze")[metric]
        assert bool(int(row[f"{metric}_bold"])) == ("headfreeze" in results.bold(metric))
    low, high = results.gap_interval("headfreeze")
    assert (float(row["gap_closed_low"]), float(row["gap_closed_high"])) == (low, high)
    assert rows["baseline"]["gap_closed_low"] == ""


def test_csv_of_tests_has_every_metric_and_pair() -> None:
    results = angles_results(MEANS)
    rows = list(csv.DictReader(pairs_csv(results).splitlines()))
    assert [(row["metric"], row["recipe"], row["other"]) for row in rows] == [
        (metric, *pair) for metric in NAMES for pair in results.tests()
    ]
    for row in rows:
        test = results.tests(row["metric"])[row["recipe"], row["other"]]
        for name in ("value", "low", "high", "p", "p_holm", "p_wilcoxon", "bootstrap_low", "bootstrap_high"):
            assert float(row[name]) == getattr(test, name)
        assert (int(row["seeds"]), int(row["images"]), row["significant"]) == (3, 40, str(int(test.certain)))
    overlap = list(csv.DictReader(pairs_csv(segmentation_results({"a": (0.4, 0.6), "b": (0.5, 0.7)})).splitlines()))
    assert [(row["metric"], row["tested"]) for row in overlap] == [
        ("miou", "pixel_accuracy"), ("pixel_accuracy", "pixel_accuracy"),
    ]  # fmt: skip
    assert pairs_csv(angles_results({"baseline": 26})) == "\n"


def test_latex_escapes_names_and_draws_marks() -> None:
    assert escape(r"a_b & 5 % #1 $x {y} ~ ^ \z") == (
        r"a\_b \& 5 \% \#1 \$x \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{}z"
    )
    assert escape("−1.2 … +3° ± < ✓ –") == r"$-$1.2 \ldots{} +3$^\circ$ $\pm$ $<$ $\checkmark$ --"
    table = Table(["recipe", "y_Sm", "mean"], [[Cell("my_recipe"), Cell("✓"), Cell("1.5", "0.1", True)]], "50 %")
    text = latex_table(table, "x")
    assert r"my\_recipe & $\checkmark$ & \textbf{1.5}\,{\scriptsize$\pm$\,0.1} \\" in text
    assert r"recipe & $y_{Sm}$ & mean \\" in text
    assert r"\begin{tabular}{@{}lcr@{}}" in text
    assert r"\caption{50 \%}" in text


def check_structure(text: str) -> None:
    """Braces and environments close, every row has as many cells as columns, nothing but ASCII is left."""
    assert text.isascii()
    depth = np.cumsum([{"{": 1, "}": -1}.get(c, 0) for c in re.sub(r"\\[{}]", "", text)])
    assert depth.min() >= 0
    assert depth[-1] == 0
    assert re.findall(r"\\begin\{(\S+?)\}", text) == ["table*", "tabular"] * text.count(r"\toprule")
    for tabular in re.findall(r"\\begin\{tabular\}(.*?)\\end\{tabular\}", text, flags=re.DOTALL):
        columns = re.match(r"\{@\{\}([lcr]+)@\{\}\}", tabular)
        rows = [line for line in tabular.splitlines() if line.endswith(r"\\")]
        assert columns
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns[1])}
        assert [tabular.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]


@pytest.mark.parametrize(
    "results",
    [
        angles_results(MEANS | {"my_own & {100 %}": 25.5}),
        angles_results({"baseline": 26.0}, seeds=(0,)),
        segmentation_results({"baseline": (0.4, 0.6), "headfreeze": (0.44, 0.7)}),
    ],
    ids=["several", "one", "overlap"],
)
def test_latex_is_well_formed_and_compiles(results: Results, tmp_path: Path) -> None:
    text = latex(results)
    check_structure(text)
    if not shutil.which("pdflatex"):
        return
    (tmp_path / "table.tex").write_text(text)
    (tmp_path / "paper.tex").write_text(
        "\\documentclass[twocolumn]{article}\\usepackage{booktabs,amssymb,graphicx}\\begin{document}\\input{table}\\end{document}"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "Overfull" not in done.stdout


def test_everything_is_written(tmp_path: Path) -> None:
    results = angles_results(MEANS)
    write_tables(tmp_path, results)
    assert {path.name for path in tmp_path.iterdir()} == {"table.md", "table.tex", "table.csv", "tests.csv"}
    assert (tmp_path / "table.md").read_text() == markdown(results)
    assert (tmp_path / "tests.csv").read_text() == pairs_csv(results)


def test_numbers_have_a_fixed_precision() -> None:
    assert [number(m, -0.12345) for m in ("mean", "below_30", "nme", "rmse", "rmse_median_scaled")] == [
        "−0.12", "−0.123", "−0.1235", "−0.12", "−0.123",
    ]  # fmt: skip
    assert signed("mean", 0.5) == "+0.50"
    assert (number("mean", math.nan), signed("mean", math.inf), p_value(math.nan), percent(math.nan)) == ("–",) * 4
    assert (p_value(0.0004), p_value(0.0123), p_value(1.0)) == ("< 0.001", "0.012", "1.000")
    assert percents(-0.061, 0.5) == "−6 … 50 %"
    assert percent(-0.002) == "0 %"
    assert precision(["mean", "nme", "below_30"]) == "0.01 (mean), 0.0001 (nme), 0.001 (< 30°)"
