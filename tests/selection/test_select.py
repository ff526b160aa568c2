"""Runs are ranked by what validators say, and nothing that one does not have is opened for it."""

import json
import math
import shutil
from pathlib import Path

import pytest
import torch

from headfreeze.cli import run
from headfreeze.data.images import read_image
from headfreeze.errors import InputError
from headfreeze.run import Run, RunCard
from headfreeze.selection import values
from headfreeze.selection.names import CHOICES, VALIDATORS
from headfreeze.selection.runs import find_runs
from headfreeze.selection.select import Selection, read_selection, select
from headfreeze.selection.values import values_of
from headfreeze.tuning.space import OBJECTIVES
from tests.audit import touched
from tests.runs import fit_tiny
from tests.selection.moved import moved, spoilt, unjudged
from tests.worlds import TinyPair


def test_the_file_holds_the_runs_best_first_without_the_oracle(runs: Path) -> None:
    found = select(runs, "stylised_error", device="cpu", workers=1)
    rows = json.loads((runs / "selection.json").read_text())
    assert sorted((row["recipe"], row["seed"]) for row in rows) == [("baseline", 0), ("mtl-both", 0), ("mtl-both", 1)]
    assert [row["score"] for row in rows] == sorted(row["validators"]["stylised_error"] for row in rows)
    assert runs / rows[0]["run"] == found.best.folder
    for row in rows:
        wanted = set(VALIDATORS) - {"domain_accuracy"} - ({"anchor_error"} if row["recipe"] == "baseline" else set())
        assert set(row["validators"]) == wanted
    again = read_selection(runs)
    assert again is not None
    assert again.rows() == found.rows()
    lines = found.table().splitlines()
    assert [line.split()[1] for line in lines[-3:]] == [row["recipe"] for row in rows]


def test_no_main_label_of_the_target_and_no_test_image_is_opened_and_garbage_there_changes_nothing(
    runs: Path, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    clean = select(runs, device="cpu", workers=1)
    copy = spoilt(tiny_pair, tmp_path / "copy")
    shutil.rmtree(copy.target / "train/normals")
    others = unjudged(runs, tmp_path / "others")
    moved(others, copy)
    with touched() as paths:
        dirty = select(others, device="cpu", workers=1)
    assert dirty.rows() == clean.rows()
    seen = {p.relative_to(copy.target).as_posix() for p in paths if p.is_relative_to(copy.target)}
    assert "val/segmentation/0000.png" in seen
    assert not {name for name in seen if "normals" in name or name.startswith("test")}
    assert not {p for p in paths if p.is_relative_to(copy.source / "test")}


def test_what_is_known_is_kept_until_the_data_changes(
    runs: Path, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tiny_pair.copy(tmp_path / "copy")
    moved(runs, copy)
    judge, judged = values._judge, []
    monkeypatch.setattr(values, "_judge", lambda job: judged.append(job.folder.name) or judge(job))
    first = select(runs, device="cpu", workers=1)
    assert sorted(judged) == ["baseline-seed0", "mtl-both-seed0", "mtl-both-seed1"]
    judged.clear()
    assert select(runs, device="cpu", workers=1).rows() == first.rows()
    assert judged == []
    (runs / "mtl-both-seed1/selection/predictions.npz").write_bytes(b"cut")
    (runs / "baseline-seed0/selection/values.json").write_text('{"of": 1')
    assert select(runs, device="cpu", workers=1).rows() == first.rows()
    assert sorted(judged) == ["baseline-seed0", "mtl-both-seed1"]
    judged.clear()
    shutil.copyfile(copy.target / "val/image/0001.png", copy.target / "val/image/0000.png")
    assert select(runs, device="cpu", workers=1).rows() != first.rows()
    assert len(judged) == 3


@pytest.mark.slow
def test_processes_find_the_same_as_one(runs: Path, tmp_path: Path) -> None:
    one = values_of(find_runs(runs), tmp_path / "maps", "cpu", workers=1)
    for path in runs.glob("*/selection"):
        shutil.rmtree(path)
    assert values_of(find_runs(runs), tmp_path / "maps", "cpu", workers=2) == one


def test_disagreement_is_the_mean_angle_to_the_other_runs(runs: Path, tiny_pair: TinyPair) -> None:
    found = select(runs, "disagreement", device="cpu", workers=1)
    predictions = []
    for each in found.runs:
        network = Run(each.folder, "cpu")
        images = [read_image(path) for path in sorted((tiny_pair.target / "val/image").iterdir())]
        predictions.append(torch.stack([network.predict(image)["normals"] for image in images]).double())
    for i, value in enumerate(found.scores):
        angles = [
            torch.rad2deg(torch.acos((predictions[i] * other).sum(1).clamp(-1, 1))).mean()
            for k, other in enumerate(predictions)
            if k != i
        ]
        assert value == pytest.approx(float(sum(angles)) / 2, rel=0.05), "at 256 of the 2304 pixels of an image"


def test_one_run_alone_has_none_to_disagree_with(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "mtl-both-seed0", tmp_path / "only/mtl-both-seed0")
    with pytest.raises(
        InputError, match=r"validator is disagreement, which says nothing of the runs in .*only; choose"
    ):
        select(tmp_path / "only", "disagreement", device="cpu", workers=1)
    assert not (tmp_path / "only/selection.json").exists()
    with pytest.raises(InputError, match="validator is combined, which says nothing"):
        select(tmp_path / "only", "combined", device="cpu", workers=1)
    assert select(tmp_path / "only", "anchor_error", device="cpu", workers=1).best.recipe == "mtl-both"


def test_combined_is_the_mean_of_the_ranks_that_all_runs_have(trained: Path) -> None:
    three = find_runs(trained)
    said = [{"source_loss": 1.0, "stylised_error": 5.0}, {"source_loss": 2.0, "stylised_error": 4.0}]
    said.append({"source_loss": 9.0, "stylised_error": 4.0, "cross_task_energy": -99.0, "flip_consistency": 0.0})
    found = Selection(trained, "combined", three, said)
    assert found.scores == [(0 + 1) / 2, (0.5 + 0.25) / 2, (1 + 0.25) / 2]
    assert found.best is three[1]


def test_runs_without_a_score_come_last(trained: Path) -> None:
    three = find_runs(trained)
    found = Selection(trained, "anchor_error", three, [{}, {"anchor_error": 3.0}, {"anchor_error": 1.0}])
    assert found.order == [2, 1, 0]
    assert math.isnan(found.rows()[-1]["score"])


def test_the_names_are_those_of_the_validators() -> None:
    from headfreeze.evaluation import validators

    assert tuple(validators.VALIDATORS) == OBJECTIVES == VALIDATORS[:-2]
    assert CHOICES[:-1] == VALIDATORS


def test_folders_without_runs_or_with_runs_of_two_pairs_are_refused(
    trained: Path, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"nowhere: no such folder; give one that `compare`"):
        select(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no finished run in it; give the folder that"):
        select(tmp_path)
    shutil.copytree(trained / "oracle-seed0", tmp_path / "oracles/oracle")
    with pytest.raises(InputError, match="only oracles in it, which used labels that one does not have"):
        select(tmp_path / "oracles")
    mixed = tmp_path / "mixed"
    shutil.copytree(trained / "baseline-seed0", mixed / "runs/a")
    shutil.copytree(trained / "baseline-seed0", mixed / "trials/b")
    card = RunCard.read(mixed / "trials/b")
    card.settings["pair"]["target"] = "/elsewhere"
    card.write(mixed / "trials/b")
    with pytest.raises(InputError, match=r"runs of several pairs, a has target .* and b /elsewhere; give a"):
        select(mixed)
    with pytest.raises(InputError, match="unknown validator 'cross_task': did you mean 'cross_task_energy'"):
        select(trained, "cross_task")
    with pytest.raises(InputError, match="workers is -1; the least is 0"):
        select(trained, workers=-1)


def test_a_pair_without_val_and_without_anchors_on_the_target_is_judged_by_what_there_is(
    tiny_pair: TinyPair, tmp_path: Path
) -> None:
    copy = tiny_pair.copy(tmp_path / "copy")
    for domain in (copy.source, copy.target):
        shutil.rmtree(domain / "val")
    shutil.rmtree(copy.target / "train/segmentation")
    for seed in (0, 1):
        fit_tiny("baseline", copy, tmp_path / f"runs/{seed}", seed=seed)
    found = select(tmp_path / "runs", device="cpu", workers=1)
    said = {name for each in found.values for name in each}
    assert said == set(VALIDATORS) - {"source_loss", "anchor_error", "domain_accuracy", "cross_task_energy"}


def test_the_command_prints_table_verdict_and_what_to_use(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["select", str(runs), "--device", "cpu", "--workers", "1"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1].startswith(f"by {select(runs, device='cpu').validator}: {runs}/")
    assert "headfreeze predict" in out.splitlines()[-1]
    assert "Without labels, the evidence against runs that do not use it: " in out
    assert "Spearman" not in out
    assert run(["select", str(runs), "--device", "cpu", "--workers", "1", "--judge"]) == 0
    assert "Spearman" in capsys.readouterr().out
    assert run(["select", str(runs), "--inside", "segmentation"]) == 2
    assert "inside is 'segmentation', which says where to judge; give --judge true" in capsys.readouterr().err
    assert run(["select", str(runs), "--validator", "x"]) == 2
