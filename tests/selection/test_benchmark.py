"""The script that judges validators trains its runs, prints its table, and goes on where it stopped."""

from pathlib import Path

import pytest

from benchmarks import validators
from tests.runs import watched
from tests.worlds import TinyPair


def test_runs_are_trained_once_and_judged(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = ["--source", str(tiny_pair.source), "--target", str(tiny_pair.target), "--main", "normals"]
    small = ["--anchor", "segmentation", "--backbone", "tiny", "--width", "8", "--size", "32", "--workers", "0"]
    budget = ["--steps", "2", "--batch_size", "2", "--device", "cpu", "--adversary", "feature"]
    monkeypatch.setattr("sys.argv", ["validators.py", *pair, *small, *budget, "--out", str(tmp_path / "out")])
    chosen = (("baseline-da", 0, 1, 10), ("mtl-both", 1, 1 / 8, 1))
    monkeypatch.setattr(validators, "RUNS", chosen)
    validators.main()
    assert "Spearman" in capsys.readouterr().out
    assert (tmp_path / "out/baseline-da-seed0-weight10/run.json").is_file()
    assert (tmp_path / "out/mtl-both-seed1-rate0.125/run.json").is_file()
    with watched(monkeypatch) as watch:
        validators.main()
    assert watch.trained == []


def test_bad_arguments_are_all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["validators.py", "--out", "out", "--stepz", "2"])
    with pytest.raises(SystemExit, match="stepz"):
        validators.main()
