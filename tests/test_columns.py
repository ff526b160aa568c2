"""Rows under heads, on a terminal and in files."""

import csv
import io
import math

from headfreeze.columns import aligned, as_csv, records_csv


def test_columns_end_on_the_right_but_for_the_first_ones() -> None:
    assert aligned(["name", "a\nvalue"], [["x", "1.5"], ["longer", "12.25"]], left=1).split("\n") == [
        "            a",
        "name    value",
        "x         1.5",
        "longer  12.25",
    ]


def test_what_does_not_exist_is_an_empty_cell_and_infinity_is_not_that() -> None:
    assert as_csv(["a", "b", "c"], [[1, math.nan, "nan"], [-math.inf, None, ""]]) == "a,b,c\n1,,nan\n-inf,,\n"
    assert as_csv(["a"], [[math.nan]], nan="nan") == "a\nnan\n"


def test_any_text_comes_back() -> None:
    rows = [["a,b", 'he said "so"'], ["two\nlines", "ü"]]
    assert list(csv.reader(io.StringIO(as_csv(["x", "y"], rows)))) == [["x", "y"], *rows]


def test_records_may_lack_names_and_heads_come_in_the_order_of_appearance() -> None:
    assert records_csv([{"step": 1, "loss": 0.5}, {"step": 2, "error": 3.0}]) == "step,loss,error\n1,0.5,\n2,,3.0\n"
