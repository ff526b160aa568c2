"""The scripts in examples/ do what they say."""

import ast
import csv
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

import headfreeze
import headfreeze.tasks
from examples.tune_adversary import Trial, main, roughness
from headfreeze.data.check import check_datasets
from headfreeze.errors import InputError
from headfreeze.tasks import TASKS
from tests.worlds import TinyPair

FOLDER = Path(__file__).resolve().parents[1] / "examples"
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
    script = FOLDER / "tune_adversary.py"
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


OWN = sorted(FOLDER.glob("own_*.py"))


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_an_example_runs_as_it_says(
    path: Path, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder with the rooms that it asks for, for a few steps of a few images."""
    tiny_pair.copy(tmp_path / "rooms")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(FOLDER))  # as Python does for a script
    before = dict(TASKS)
    source = path.read_text().replace("steps=400", "steps=3, batch_size=2, workers=0")
    try:
        exec(compile(source.replace("batch_size=24", ""), str(path), "exec"), {"__name__": "__main__"})
    finally:
        TASKS.clear()
        TASKS.update(before)
    made = {
        "own_network": "predictions/own-network/normals/0000.png",
        "own_reader": "scenes-converted/test/depth/scene9/0002.png",
        "own_recipe": "runs/own-recipe/evaluation/target-test/metrics.json",
        "own_task": "runs/own-task/run.json",
    }
    assert Path(made[path.stem]).is_file()


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_an_example_is_short_and_opens_with_what_it_shows_and_how_to_run_it(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 50
    assert lines[0].startswith('"""A ')
    assert lines[0].endswith(f"`python examples/{path.name}`.")


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_an_example_uses_what_the_documentation_calls_public(path: Path) -> None:
    """Of the package's top and of `headfreeze.tasks`, without an underscore."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("headfreeze"):
            public = {"headfreeze": headfreeze.__all__, "headfreeze.tasks": headfreeze.tasks.__all__}
            assert node.module in public
            assert {name.name for name in node.names} <= set(public[node.module])
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_") or node.attr.endswith("__"), node.attr


def test_what_the_example_of_a_reader_writes_is_free_of_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec((FOLDER / "own_reader.py").read_text(), {"__name__": "__main__"})
    assert check_datasets([Path("scenes-converted")]) == 0
