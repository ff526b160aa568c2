"""The paper's numbers are the paper's: sums of its columns, the shares of the gap that its text names, what recurs."""

import math
from itertools import pairwise

import pytest

from headfreeze.comparison import paper
from headfreeze.recipes import RECIPES

ALL = [*paper.TABLES.values()]


def test_the_rows_are_recipes_of_ours() -> None:
    assert paper.FACES.keys() == paper.INDOOR.keys() <= RECIPES.keys()
    assert paper.FACES_FRONTAL.keys() <= RECIPES.keys()


@pytest.mark.parametrize(
    ("table", "recipe", "percent"),
    [
        (paper.FACES, "headfreeze", 22),
        (paper.INDOOR, "headfreeze", 44),
        (paper.INDOOR, "headfreeze-da", 52),
        (paper.FACES, "baseline", 0),
        (paper.FACES, "oracle", 100),
    ],
)
def test_the_gap_closed_is_what_its_text_says(table: paper.Table, recipe: str, percent: int) -> None:
    assert 100 * paper.gap_closed(table, recipe) == pytest.approx(percent, abs=0.6)


@pytest.mark.parametrize(
    ("table", "sums"),
    [
        (paper.FACES, (4.897, 10.161, 190.5, 160.8, 141.5)),
        (paper.INDOOR, (3.327, 7.672, 357.7, 275.9, 201.2)),
        (paper.FACES_FRONTAL, (2.036, 3.778, 65.1, 53.1, 44.7)),
        (paper.ADVERSARIES["faces"], (1.354, 2.830, 50.7, 42.2, 36.6)),
        (paper.ADVERSARIES["faces, frontal source"], (1.622, 2.870, 46.6, 37.6, 31.6)),
        (paper.ADVERSARIES["indoor"], (0.866, 2.065, 97.0, 75.8, 56.8)),
    ],
)
def test_columns_add_up_to_what_they_add_up_to_in_the_paper(table: paper.Table, sums: tuple[float, ...]) -> None:
    assert [sum(column) for column in zip(*table.values(), strict=True)] == pytest.approx(sums, abs=1e-6)


def test_what_two_tables_have_is_the_same_in_both() -> None:
    faces, indoor = paper.ADVERSARIES["faces"], paper.ADVERSARIES["indoor"]
    assert (faces["none"], faces["feature"]) == (paper.FACES["mtl-both"], paper.FACES["mtl-both-da"])
    assert (indoor["none"], indoor["output"]) == (paper.INDOOR["mtl-both"], paper.INDOOR["mtl-both-da"])


@pytest.mark.parametrize("table", ALL)
def test_every_row_is_possible(table: paper.Table) -> None:
    for close, near, rmse, mean, median in table.values():
        assert 0 < close < near < 1
        assert 0 < median < mean < rmse < 90
    means = sorted(row[3] for row in table.values())
    assert all(b >= a for a, b in pairwise(means))


def test_what_the_paper_has_not_is_nan() -> None:
    assert math.isnan(paper.value(paper.FACES, "mtl-finetune", "mean"))
    assert math.isnan(paper.gap_closed(paper.FACES, "mtl-finetune"))
    assert math.isnan(paper.gap_closed(paper.FACES_FRONTAL, "headfreeze"))
    assert paper.value(paper.INDOOR, "oracle", "rmse") == 30.4
