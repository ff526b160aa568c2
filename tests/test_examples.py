"""The scripts in examples/ do what they say."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from examples.tune_adversary import Trial, main, roughness
from headfreeze.errors import InputError
from tests.worlds import TinyPair

PLAIN = Trial(0, 0, 0, source_loss=1.0, roughness=1.0)


def test_a_sweep_of_adversaries_looks_at_no_main_label_of_the_target(tiny_pair: TinyPair, tmp_path: Path) -> None:
    copy = tiny_pair.copy(tmp_path)
    for path in copy.target.glob("*/normals/*"):
        path.write_bytes(b"garbage")
    tasks = ["--main", "normals", "--anchor", "segmentation"]
    small = [
        "--size",
        "32",
        "--backbone",
        "tiny",
        "--width",
        "8",
        "--steps",
        "2",
        "--batch_size",
        "2",
        "--workers",
        "0",
    ]
    sweep = ["--adversary", "feature", "--weights", "0.1,1", "--rates", "0.001", "--out", str(tmp_path / "out")]
    main(["mtl-both-da", "--source", f"{copy.source}", "--target", f"{copy.target}", *tasks, *small, *sweep])
    rows = list(csv.DictReader((tmp_path / "out/tuning.csv").read_text().splitlines()))
    assert [row["weight"] for row in rows] == ["0.0", "0.1", "1.0"]
    assert rows[0]["probe"] == "nan"
    assert [row["good"] for row in rows] == ["False"] * 3, "two steps prove nothing"
    assert all(float(row["source_loss"]) > 0 for row in rows)
    with Image.open(tmp_path / "out/pictures.png") as picture:
        assert picture.width > 4 * 128


@pytest.mark.parametrize(
    ("trial", "good"),
    [
        (Trial(1, 0, 0, 1.05, 1.2, confused=True), True),
        (Trial(1, 0, 0, 1.05, 1.2, confused=False), False),
        (Trial(1, 0, 0, 1.3, 1.2, confused=True), False),
        (Trial(1, 0, 0, 1.05, 2.0, confused=True), False),
        (PLAIN, False),
    ],
)
def test_a_combination_is_good_that_confuses_at_no_great_cost(trial: Trial, good: bool) -> None:
    assert trial.good(PLAIN) == good


def test_roughness_is_that_of_second_differences() -> None:
    ramp = torch.arange(8.0).repeat(1, 8, 1)
    assert roughness(ramp) == 0
    assert roughness(ramp % 2) == pytest.approx(1.0)  # 2 across, 0 down


def test_its_errors_are_one_line(tmp_path: Path) -> None:
    script = Path(__file__).parent.parent / "examples/tune_adversary.py"
    done = subprocess.run([sys.executable, script, "mtl-both-da"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("tune_adversary: error: missing: --out, --source, --target, --main, --anchor")
    pair = ["--source", "a", "--target", "b", "--main", "m", "--anchor", "n", "--out", str(tmp_path / "out")]
    with pytest.raises(InputError, match=r"weights is '0\.1,abc'; give numbers separated by commas"):
        main(["mtl-both-da", *pair, "--weights", "0.1,abc"])
    with pytest.raises(InputError, match=r"2 problems.*adversary_weight is -1\.0.*discriminator_lr is nan"):
        main(["mtl-both-da", *pair, "--weights=-1", "--rates", "nan"])
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="unknown recipe 'nothing-da'"):
        main(["nothing-da", "--source", "a", "--target", "b", "--main", "m", "--anchor", "n", "--out", str(tmp_path)])
