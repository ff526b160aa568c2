"""Within a run: states of the last phase are ranked as runs are, and set beside the last one and the best one."""

import json
import shutil
from pathlib import Path

import pytest

from headfreeze.cli import run
from headfreeze.comparison.report import write_report
from headfreeze.errors import InputError
from headfreeze.evaluation.evaluate import evaluate
from headfreeze.run import RunCard
from headfreeze.selection import cross_task
from headfreeze.selection.runs import find_runs
from headfreeze.selection.select import Selection, select
from headfreeze.selection.snapshots import LastPhase, last_phases, read_last_phase, table
from tests.audit import touched
from tests.runs import TINY, pair_of, training_of
from tests.selection.moved import moved, spoilt, unjudged
from tests.unrendered import unrendered_figures
from tests.worlds import TinyPair

STEPS = [2, 4, 6]


@pytest.fixture(scope="session")
def kept(tiny_pair: TinyPair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison whose runs keep three states each; those of mtl-both are judged, none is chosen yet. Read only."""
    from headfreeze.comparison.compare import compare  # here, so that the type checker is around it

    folder, training = tmp_path_factory.mktemp("kept") / "out", training_of(steps=6, batch_size=2, snapshots=3)
    recipes = ("baseline", "mtl-both", "oracle")
    with unrendered_figures():
        compare(pair_of(tiny_pair), folder, recipes=recipes, seeds=(0,), architecture=TINY, training=training)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cross_task, "_STEPS", 4)
        select(folder, device="cpu", workers=1)
        select(folder / "runs/mtl-both-seed0", device="cpu", workers=1, maps=folder / "selection")
    for path in folder.rglob("selection.json"):
        path.unlink()
    return folder


@pytest.fixture
def comparison(kept: Path, tmp_path: Path) -> Path:
    """A copy to write into."""
    return Path(shutil.copytree(kept, tmp_path / "comparison"))


@pytest.fixture
def one(comparison: Path) -> Path:
    """A run with snapshots, to write into."""
    return comparison / "runs/mtl-both-seed0"


def phase_with(folder: Path, errors: list[float], values: list[float]) -> LastPhase:
    """The run's snapshots with made-up errors and values of a validator."""
    said = [{"source_loss": value} for value in values]
    return LastPhase(folder, Selection(folder, "source_loss", find_runs(folder), said), errors)


def test_the_snapshots_of_a_run_are_ranked_by_what_was_found_after_their_steps(one: Path) -> None:
    found = select(one, "source_loss", device="cpu", workers=1)
    losses = {
        f"snapshots/step-{step:06d}": RunCard.read(one / f"snapshots/step-{step:06d}").phases[-1]["validation"]
        for step in STEPS
    }
    rows = json.loads((one / "selection.json").read_text())
    assert [row["run"] for row in rows] == sorted(losses, key=lambda name: losses[name]["val_source_normals"])
    for row in rows:
        assert row["score"] == losses[row["run"]]["val_source_normals"]
    assert found.best.folder == one / rows[0]["run"]
    for name in ("stylised_error", "flip_consistency", "photometric_consistency"):
        assert len({row["validators"][name] for row in rows}) == 3, "every state was judged itself"


def test_garbage_in_the_targets_main_labels_and_test_split_does_not_change_the_choice(
    one: Path, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    clean = select(one, device="cpu", workers=1)
    copy, other = spoilt(tiny_pair, tmp_path / "copy"), unjudged(one, tmp_path / "other")
    moved(other / "snapshots", copy)
    with touched() as paths:
        dirty = select(other, device="cpu", workers=1)
    assert dirty.rows() == clean.rows()
    seen = {p.relative_to(copy.target).as_posix() for p in paths if p.is_relative_to(copy.target)}
    assert "val/segmentation/0000.png" in seen
    assert not {name for name in seen if "normals" in name or name.startswith("test")}


def test_within_a_comparison_every_run_but_the_oracle_has_its_choice_and_one_map_serves_all(comparison: Path) -> None:
    shutil.rmtree(comparison / "runs/baseline-seed0/snapshots")
    (alone,) = last_phases(select(comparison, device="cpu", workers=1), "cpu", 1)
    assert alone.run.name == "mtl-both-seed0"
    assert alone.steps == STEPS
    assert alone.steps[alone.last] == 6
    maps = [path.parent for path in comparison.rglob("run.json") if path.parent.parent.name == "selection"]
    assert [path.parent for path in maps] == [comparison / "selection"]
    again = read_last_phase(alone.run)
    assert again is not None
    assert again.steps[again.selected] == alone.steps[alone.selected]
    assert read_last_phase(comparison / "runs/oracle-seed0") is None


def test_a_validator_that_says_nothing_of_some_runs_chooses_within_the_others(comparison: Path) -> None:
    found = last_phases(select(comparison, "anchor_error", device="cpu", workers=1), "cpu", 1)
    assert [each.run.name for each in found] == ["mtl-both-seed0"], "the baseline has no anchor"


def test_last_selected_and_best_state_and_how_far_off_they_are(one: Path) -> None:
    phase = phase_with(one, errors=[20.0, 25.0, 30.0], values=[3.0, 1.0, 2.0])
    assert [phase.steps[place] for place in (phase.last, phase.selected, phase.best)] == [6, 4, 2]
    assert (phase.regret(phase.last), phase.regret(phase.selected), phase.regret(phase.best)) == (0.5, 0.25, 0)
    lines = [line.split() for line in table([phase]).splitlines()]
    assert lines == [
        ["last", "selected", "oracle's"],
        ["run", "step", "mean", "off", "by", "step", "mean", "off", "by", "step", "mean"],
        ["mtl-both-seed0", "6", "30", "50.0%", "4", "25", "25.0%", "2", "20"],
    ]
    without = [line.split() for line in table([phase_with(one, [], [3.0, 1.0, 2.0])]).splitlines()]
    assert without == [["last", "selected"], ["run", "step", "step"], ["mtl-both-seed0", "6", "4"]]


def test_where_more_is_better_errors_are_negative_and_the_best_is_the_highest(one: Path) -> None:
    phase = phase_with(one, errors=[-0.8, -0.4, -0.6], values=[3.0, 1.0, 2.0])
    assert (phase.steps[phase.best], phase.regret(phase.last)) == (2, pytest.approx(0.25))
    assert table([phase]).splitlines()[-1].split() == [
        "mtl-both-seed0",
        "6",
        "0.6",
        "25.0%",
        "4",
        "0.4",
        "50.0%",
        "2",
        "0.8",
    ]


def test_of_equal_states_the_last_one_is_taken(one: Path) -> None:
    phase = phase_with(one, errors=[20.0, 20.0, 20.0], values=[1.0, 1.0, 1.0])
    assert phase.steps[phase.selected] == phase.steps[phase.best] == 6


def test_errors_are_what_evaluate_finds(one: Path, tiny_pair: TinyPair) -> None:
    (phase,) = last_phases(select(one, "source_loss", device="cpu", workers=1))
    found = phase.judged("cpu")
    wanted = [
        evaluate(each.folder, tiny_pair.target, device="cpu").metrics["normals"]["mean"]
        for each in phase.selection.runs
    ]
    assert found.errors == pytest.approx(wanted)
    assert len(set(wanted)) == 3


def test_a_run_without_snapshots_has_nothing_to_choose_among(comparison: Path, one: Path) -> None:
    shutil.rmtree(one / "snapshots")
    with pytest.raises(InputError, match=r"mtl-both-seed0: one run, of which no snapshots were kept to choose among"):
        select(one)
    with pytest.raises(InputError, match="only oracles in it"):
        select(comparison / "runs/oracle-seed0")


def test_the_command_names_the_state_to_use(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["select", str(one), "--device", "cpu", "--workers", "1", "--validator", "source_loss"]) == 0
    out = capsys.readouterr().out
    chosen = select(one, "source_loss", device="cpu").best.folder
    assert out.splitlines()[-1].startswith(f"by source_loss: {chosen}   next: headfreeze predict {chosen} ")
    assert out.splitlines()[-3].split() == [one.name, "6", str(int(chosen.name.removeprefix("step-")))]
    assert "anchor helps" not in out
    assert run(["select", str(one), "--device", "cpu", "--workers", "1", "--judge"]) == 0
    assert "oracle's" in capsys.readouterr().out


@pytest.mark.usefixtures("unrendered")
def test_the_report_shows_last_selected_and_the_oracles_choice_once_select_has_chosen(comparison: Path) -> None:
    write_report(comparison)
    assert 'id="snapshots"' not in (comparison / "report.html").read_text()
    (phase,) = last_phases(select(comparison / "runs/mtl-both-seed0", device="cpu", workers=1))
    write_report(comparison)
    page = (comparison / "report.html").read_text()
    section = page[page.index('<section id="snapshots">') :].partition("</section>")[0]
    found = phase.judged("cpu")
    cells = [cell.partition("</td>")[0] for cell in section.split("<td>")[1:]]
    states = [
        (str(found.steps[place]), f"{found.errors[place]:.2f}") for place in (found.last, found.selected, found.best)
    ]
    assert cells[0] == "3"
    assert [tuple(cells[i : i + 2]) for i in (1, 4, 7)] == states
    assert cells[3] == f"{100 * found.regret(found.last):.1f} %"


@pytest.mark.usefixtures("unrendered")
def test_where_the_data_is_gone_the_report_says_why_no_scores_are_there(comparison: Path, tmp_path: Path) -> None:
    select(comparison / "runs/mtl-both-seed0", device="cpu", workers=1)
    for path in (comparison / "runs/mtl-both-seed0/snapshots").iterdir():
        card = RunCard.read(path)
        card.settings["pair"] |= {"target": str(tmp_path / "gone")}
        card.write(path)
    write_report(comparison)
    page = (comparison / "report.html").read_text()
    assert "No scores of snapshots: " in page
    assert "gone" in page[page.index("No scores of snapshots: ") :].partition("</p>")[0]
    assert 'id="snapshots"' in page
