"""The script of the anchor study renders rooms, makes its anchors, and compares them."""

from pathlib import Path

import pytest
import yaml

from benchmarks import anchor_study
from headfreeze.data.folder import open_dataset
from tests.runs import watched


@pytest.mark.slow
def test_it_makes_every_anchor_that_the_config_names_and_compares_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("headfreeze.comparison.study._AFFINITY_STEPS", 2)
    words = ["--rooms", str(tmp_path / "rooms"), "--images", "4", "--size", "32", "--out", str(tmp_path / "out")]
    words += ["--anchors", "tenth,noisy", "--recipes", "baseline,mtl-target", "--seeds", "0"]
    words += ["--steps", "2", "--batch_size", "2", "--width", "8", "--device", "cpu"]
    assert anchor_study.main(words) == 0
    assert "mtl-target" in capsys.readouterr().out
    named = yaml.safe_load(anchor_study.CONFIG.read_text())["anchors"]
    for domain in ("source", "target"):
        dataset = open_dataset(tmp_path / "rooms" / domain)
        assert all(dataset.samples("train", [name])[0] for name in named)
    assert len(list((tmp_path / "rooms/target/train/tenth").iterdir())) == 1
    with watched(monkeypatch) as watch:
        assert anchor_study.main(words) == 0
    assert watch.trained == []
