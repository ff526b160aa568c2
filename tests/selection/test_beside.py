"""What `fit` says of the anchor at its end."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headfreeze.cli import run as headfreeze
from headfreeze.selection import cross_task
from headfreeze.selection.beside import said_beside
from tests.runs import fit_tiny
from tests.worlds import TinyPair

ALONE = "whether the anchor helps cannot be seen in one run: train the recipe baseline at the same settings, --out "


@pytest.fixture(autouse=True)
def _maps_of_four_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cross-task energy says of such runs means nothing anyway."""
    monkeypatch.setattr(cross_task, "_STEPS", 4)


def test_fit_says_what_a_run_without_the_anchor_in_the_same_folder_tells(tiny_pair: TinyPair, tmp_path: Path) -> None:
    folder, store = tmp_path / "runs", tmp_path / "phases"
    for name, recipe in (("plain", "baseline"), ("both", "mtl-both")):
        fit_tiny(recipe, tiny_pair, folder / name, phases=store, steps=4)
    assert said_beside(folder / "plain", "cpu") == ""
    assert said_beside(folder / "both", "cpu").startswith(
        "Without labels, the evidence against runs that do not use it"
    )
    kept = folder / "both/selection/values.json"
    for change, effect in ((1000, "hurts"), (-2000, "helps")):
        written = json.loads(kept.read_text())
        written["values"] = {name: v if v is None else v + change for name, v in written["values"].items()}
        kept.write_text(json.dumps(written))
        assert f"the anchor {effect} in mtl-both" in said_beside(folder / "both", "cpu")


def test_a_damaged_run_does_not_hide_the_one_without_the_anchor_from_one_that_is_named_by_a_dot(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, store = tmp_path / "runs", tmp_path / "phases"
    fit_tiny("mtl-both", tiny_pair, folder / "both", phases=store, steps=4)
    monkeypatch.chdir(folder / "both")
    assert said_beside(Path(), "cpu").startswith(f"{ALONE}{folder / 'baseline'}, and")
    fit_tiny("baseline", tiny_pair, folder / "plain", phases=store, steps=4, checkpoint_every=5.0)
    shutil.copytree(folder / "plain", folder / "damaged")
    (folder / "damaged/run.json").write_text("{")
    assert said_beside(Path(), "cpu").startswith("Without labels, the evidence")


def test_a_baseline_of_other_settings_keeps_its_name(tiny_pair: TinyPair, tmp_path: Path) -> None:
    folder, store = tmp_path / "runs", tmp_path / "phases"
    for name, recipe, steps in (("baseline", "baseline", 2), ("both", "mtl-both", 4)):
        fit_tiny(recipe, tiny_pair, folder / name, phases=store, steps=steps)
    assert said_beside(folder / "both", "cpu").startswith(f"{ALONE}{folder / 'baseline2'}, and")


@pytest.mark.parametrize("damage", ["no baseline", "another budget", "a damaged card", "no target any more"])
def test_without_one_it_says_what_to_train(damage: str, tiny_pair: TinyPair, tmp_path: Path) -> None:
    folder, store = tmp_path / "runs", tmp_path / "phases"
    fit_tiny("mtl-both", tiny_pair, folder / "both", phases=store, steps=4)
    if damage != "no baseline":
        fit_tiny("baseline", tiny_pair, folder / "plain", phases=store, steps=3 if damage == "another budget" else 4)
    if damage == "a damaged card":
        (folder / "plain/run.json").write_text("{")
    if damage == "no target any more":
        for card in folder.glob("*/run.json"):
            card.write_text(card.read_text().replace(str(tiny_pair.target), str(tmp_path / "gone")))
    said = said_beside(folder / "both", "cpu")
    assert said == f"{ALONE}{folder / 'baseline'}, and `headfreeze select {folder}` compares them"


def test_the_command_ends_with_it(tiny_pair: TinyPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = ["--source", str(tiny_pair.source), "--target", str(tiny_pair.target)]
    words = ["fit", "mtl-both", *pair, "--main", "normals", "--anchor", "segmentation", "--backbone", "tiny"]
    words += ["--size", "32", "--steps", "2", "--batch_size", "2", "--device", "cpu", "--workers", "0"]
    assert headfreeze([*words, "--out", str(tmp_path / "run"), "--phases", str(tmp_path / "phases")]) == 0
    assert ALONE in capsys.readouterr().out


@pytest.mark.slow
def test_two_processes_end_with_the_command_that_compares(tiny_pair: TinyPair, tmp_path: Path) -> None:
    words = [f"--source={tiny_pair.source}", f"--target={tiny_pair.target}", "--main=normals", "--anchor=segmentation"]
    words += ["--backbone=tiny", "--size=32", "--steps=2", "--batch_size=2", "--device=cpu", "--workers=0"]
    words += [f"--phases={tmp_path / 'phases'}"]
    for recipe, devices in (("baseline", 1), ("mtl-both", 2)):
        command = [sys.executable, "-m", "headfreeze", "fit", recipe, *words, f"--devices={devices}"]
        done = subprocess.run([*command, f"--out={tmp_path / 'runs' / recipe}"], capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr.decode()
    runs = tmp_path / "runs"
    said = f"whether the anchor helps: `headfreeze select {runs}` compares it with {runs / 'baseline'}\n"
    assert said in done.stdout.decode()
