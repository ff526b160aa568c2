"""The script that counts false positives runs, and what it counts is what it says."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import false_positives
from tests.comparison.made_up import angles_results


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]


def test_every_number_of_seeds_is_simulated(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["false_positives.py", "--repetitions", "1"])
    monkeypatch.setattr(false_positives, "DRAWS", 50)
    false_positives.main()
    first, then = capsys.readouterr().out.split("\n\n")
    found = rows(first)
    assert {len(row) for row in found} == {2 + len(false_positives.COLUMNS)}
    assert [row[0] for row in found[2:]] == ["1"] * 6 + ["2"] * 7 + ["3"] * 7 + ["5"] * 7
    assert found[7][1:7] == ["seeds alone", *["100.0"] * 5], "one seed, and no image differs"
    sizes = [(seeds, name) for seeds in ("1", "3") for name in false_positives.SIZES for _ in range(2)]
    assert [tuple(row[:2]) for row in rows(then)[2:]] == sizes


def test_labels_of_a_comparison_are_shuffled(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = angles_results({"baseline": 27, "mtl-both": 24}, seeds=(0, 1), images=60)
    assert results.difference("baseline", "mtl-both").p < 0.2
    monkeypatch.setattr(false_positives, "read_results", lambda _: results)
    false_positives.shuffle(Path("out"), 40)
    found = rows(capsys.readouterr().out)
    assert [row[:2] for row in found] == [["2", "shuffled for each image and seed"], ["2", "shuffled for each image"]]
    assert max(float(row[5]) for row in found) <= 15  # of 40: more than 6 would be a wonder


def test_shuffling_keeps_every_images_scores() -> None:
    values = np.random.default_rng(0).random((3, 2, 50))
    for together in (False, True):
        moved = false_positives.shuffled(np.random.default_rng(1), values, together)
        np.testing.assert_array_equal(np.sort(moved, 0), np.sort(values, 0))
        alike = (moved[:, 0] == values[:, 0]) == (moved[:, 1] == values[:, 1])
        assert alike.all() == together
        assert (moved != values).any()


def test_shuffling_keeps_groups_whole() -> None:
    values = np.arange(3)[:, None, None] * np.ones((1, 2, 60))
    moved = false_positives.shuffled(np.random.default_rng(2), values, True, [str(k // 5) for k in range(60)])
    of_groups = moved[:, 0].reshape(3, 12, 5)
    assert (of_groups == of_groups[..., :1]).all()
    assert (of_groups[0, :, 0] != of_groups[0, 0, 0]).any()
