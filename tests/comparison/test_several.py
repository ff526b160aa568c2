"""Two main tasks and two anchors through everything that follows training."""

import csv
import json
import math
import shutil
from pathlib import Path

import pytest

from headfreeze.cli import run
from headfreeze.comparison.card import read_results
from headfreeze.comparison.compare import compare
from headfreeze.comparison.report import write_report
from headfreeze.data.folder import open_dataset
from headfreeze.data.pair import OpenPair, open_pair
from headfreeze.evaluation.evaluate import evaluate
from headfreeze.evaluation.unlabelled import together
from headfreeze.evaluation.validators import anchor_error
from headfreeze.run import Run
from headfreeze.selection import cross_task
from headfreeze.selection.cross_task import cross_task_energy, learnt_map
from headfreeze.selection.judge import true_errors
from headfreeze.selection.runs import find_runs
from headfreeze.tasks import make_task
from tests.runs import TINY, pair_of, training_of
from tests.worlds import TinyPair

MAINS, ANCHORS = ("normals", "depth"), ("edges", "segmentation")
RECIPES = ("baseline", "mtl-both", "oracle")  # both ends, and one with anchors


def compared_to(out: Path, pair: TinyPair) -> Path:
    roles = {"main": MAINS, "anchor": ANCHORS}
    compare(
        pair_of(pair, **roles),
        out,
        recipes=RECIPES,
        seeds=(0,),
        architecture=TINY,
        training=training_of(steps=4, batch_size=2),
    )
    return out


@pytest.fixture(scope="module")
def compared(edged_pair: TinyPair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compared_to(tmp_path_factory.mktemp("several") / "out", edged_pair)


def opened(tiny: TinyPair, anchors: tuple[str, ...] = ANCHORS) -> OpenPair:
    pair, problems = open_pair(pair_of(tiny, main=MAINS, anchor=anchors))
    assert pair is not None, problems
    return pair


def test_both_main_tasks_are_judged_as_evaluate_judges_them(
    compared: Path, edged_pair: TinyPair, tmp_path: Path
) -> None:
    for task, file in (("normals", "results.csv"), ("depth", "results-depth.csv")):
        rows = list(csv.DictReader((compared / file).read_text().splitlines()))
        assert [row["recipe"] for row in rows] == list(RECIPES)
        for row in rows:
            copy = shutil.copytree(compared / f"runs/{row['recipe']}-seed0", tmp_path / task / row["recipe"])
            scores = evaluate(copy, edged_pair.target, device="cpu")
            wanted = scores.metrics[task]
            assert set(wanted) < set(row)
            assert {name: float(row[name]) for name in wanted} == pytest.approx(wanted, nan_ok=True)


def test_tables_and_report_lead_with_the_first_and_have_the_other(compared: Path) -> None:
    results = read_results(compared)
    assert (results.task.name, list(results.others)) == ("normals", ["depth"])
    assert results.others["depth"].csv() == (compared / "results-depth.csv").read_text()
    assert json.loads((compared / "summary.json").read_text())["task"] == "normals"
    table, page = (compared / "table.md").read_text(), (compared / "report.html").read_text()
    assert table.index("# normals on the target") < table.index("## depth, a further main task")
    assert f"| {RECIPES[-1]} " in table.split("## depth, a further main task")[1].split("##")[0]
    assert "normals on the target, anchor edges, segmentation" in page
    section = page.split('<section id="main-depth">')[1].split("</section>")[0]
    assert all(f">{name}</a>" in section for name in RECIPES)
    assert f"{results.others['depth'].mean('oracle')['abs_rel']:.3f}" in section
    assert 'href="results-depth.csv"' in page
    assert "--main=normals,depth --anchor=edges,segmentation" in page


def test_the_command_prints_and_takes_up_both(
    compared: Path, edged_pair: TinyPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(compared, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/evaluation/*/metrics.json")}
    flags = [f"--source={edged_pair.source}", f"--target={edged_pair.target}", "--backbone=tiny", "--width=8"]
    flags += ["--steps=4", "--batch_size=2", "--size=32", "--workers=1", "--seeds=0", f"--recipes={','.join(RECIPES)}"]
    flags += ["--main=normals,depth", "--anchor=edges,segmentation", "--device=cpu", f"--out={folder}"]
    assert run(["compare", *flags, f"--phases={compared.parent / 'phases'}"]) == 0
    printed = capsys.readouterr().out
    assert printed.index("< 11.25°") < printed.index("depth:") < printed.index("abs_rel")
    assert {path: path.stat().st_mtime_ns for path in before} == before, "kept evaluations are those of both tasks"
    write_report(folder)


def test_a_target_without_test_labels_of_the_other_judges_the_first_alone(edged_pair: TinyPair, tmp_path: Path) -> None:
    copy = edged_pair.copy(tmp_path / "copy")
    for split in ("val", "test"):
        shutil.rmtree(copy.target / split / "depth")
    out = tmp_path / "out"
    compare(
        pair_of(copy, main=MAINS, anchor=ANCHORS),
        out,
        recipes=["baseline"],
        seeds=(0,),
        architecture=TINY,
        training=training_of(steps=2, batch_size=2),
    )
    assert (out / "results.csv").is_file()
    assert not (out / "results-depth.csv").exists()
    assert read_results(out).others == {}


def test_true_errors_are_the_firsts_and_evaluations_of_both_are_kept(compared: Path, tmp_path: Path) -> None:
    runs = find_runs(shutil.copytree(compared, tmp_path / "out"))
    kept = [path.stat().st_mtime_ns for path in sorted((tmp_path / "out").glob("runs/*/evaluation/*/metrics.json"))]
    results = read_results(compared)
    assert true_errors(runs, "cpu") == [results.metrics[run.recipe][0]["mean"] for run in runs]
    assert kept == [
        path.stat().st_mtime_ns for path in sorted((tmp_path / "out").glob("runs/*/evaluation/*/metrics.json"))
    ]


# --- validators


def test_the_anchors_error_is_the_geometric_mean_of_each_ones(compared: Path, edged_pair: TinyPair) -> None:
    run = Run(compared / "runs/mtl-both-seed0", "cpu")
    each = [-anchor_error(run, opened(edged_pair, (name,))) for name in ANCHORS]  # IoU
    assert anchor_error(run, opened(edged_pair)) == pytest.approx(1 / math.sqrt(each[0] * each[1]))
    assert math.isnan(anchor_error(Run(compared / "runs/baseline-seed0", "cpu"), opened(edged_pair)))


def test_no_unit_outweighs_another() -> None:
    depth, edges = make_task("depth"), make_task("edges", {"kind": "segmentation", "classes": ["none", "edge"]})

    def ranked(unit: float) -> list[int]:
        runs = [(0.1, 0.5), (0.2, 0.9), (0.15, 0.8), (0.3, 0.4)]
        values = [together([(depth, {"abs_rel": unit * a}), (edges, {"miou": b})]) for a, b in runs]
        return sorted(range(len(runs)), key=values.__getitem__)

    assert ranked(1) == ranked(1000) == ranked(0.001)
    assert ranked(1)[-1] == 3, "the worst in both"
    assert together([(depth, {"abs_rel": 0.1})]) == 0.1
    assert together([(edges, {"miou": 0.7})]) == -0.7
    assert together([(depth, {"abs_rel": 0.1}), (edges, {"miou": 0.0})]) > 100
    assert math.isnan(together([]))


def test_the_map_gives_all_anchors_and_the_energy_means_both(
    compared: Path, edged_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_task, "_STEPS", 4)
    copy = edged_pair.copy(tmp_path / "copy")
    for path in sorted(copy.source.glob("train/edges/*"))[::2]:
        path.unlink()  # the others teach what edges are
    settings = pair_of(copy, main=MAINS, anchor=ANCHORS)
    map_ = learnt_map(opened(copy), settings, tmp_path / "maps", "cpu")
    assert map_ is not None
    assert map_.trained == list(ANCHORS)
    assert len(open_dataset(copy.source).samples("train")) == 16
    run = Run(compared / "runs/mtl-both-seed0", "cpu")
    each = [-cross_task_energy(run, opened(copy, (name,)), map_) for name in ANCHORS]
    assert cross_task_energy(run, opened(copy), map_) == pytest.approx(1 / math.sqrt(each[0] * each[1]))


def test_select_ranks_them(
    compared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_task, "_STEPS", 4)
    folder = shutil.copytree(compared, tmp_path / "out")
    assert run(["select", str(folder), "--device", "cpu", "--workers", "1"]) == 0
    assert "mtl-both-seed0" in capsys.readouterr().out
