"""What is said of the anchor, for made-up runs."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from headfreeze.comparison.report import write_report
from headfreeze.run import RunCard
from headfreeze.selection.runs import TrainedRun
from headfreeze.selection.select import select
from headfreeze.selection.verdict import WITNESSES, evidence, said_without_labels, verdict


def made_up(recipe: str, seed: int, lr: float = 0.0, adversary: bool = False) -> TrainedRun:
    settings = {"pair": {}, "architecture": {}, "training": {"seed": seed, "lr": lr}, "adversarial": {}}
    tasks: dict[str, dict[str, Any]] = {r: {"name": n, "options": {}} for r, n in (("main", "n"), ("anchor", "a"))}
    trained = ["n"] if recipe.startswith("baseline") else ["n", "a"]
    phase: dict[str, Any] = {"key": "", "adversary": {"levels": {}}} if adversary else {"key": ""}
    _, *parts = recipe.split("+")
    return TrainedRun(Path(f"{recipe}-{seed}"), RunCard(recipe, settings, tasks, trained, [phase], parts=parts))


def said(*numbers: float) -> dict[str, float]:
    return dict(zip(WITNESSES, numbers, strict=False))


@pytest.mark.parametrize(
    ("with_anchor", "effect"),
    [
        ([said(1, 1, 1), said(1, 1, 1)], "helps"),
        ([said(3, 3, 3), said(3, 3, 3)], "hurts"),
        ([said(1, 1, 1), said(3, 3, 3)], "unclear"),  # every witness changes its mind with the seed
        ([said(1, 1, 3), said(1, 1, 3)], "unclear"),  # one denies it
        ([said(1, 1, 1), said(1, 1, 3)], "helps"),  # one cannot say
        ([said(1, 2, 2), said(1, 2, 2)], "unclear"),  # one alone
        ([said(3, 2, 3), said(3, 2, 3)], "hurts"),
    ],
)
def test_two_witnesses_must_say_it_with_every_seed_and_none_deny_it(
    with_anchor: list[dict[str, float]], effect: str
) -> None:
    runs = [made_up(recipe, seed) for recipe in ("baseline", "mtl-both") for seed in (0, 1)]
    found = evidence(runs, [said(2, 2, 2), said(2, 2, 2), *with_anchor])
    assert [(each.recipe, each.pairs, each.effect) for each in found] == [("mtl-both", 2, effect)]


def test_only_runs_of_the_same_settings_and_seed_are_compared_and_an_adversary_is_no_baseline() -> None:
    runs = [made_up("baseline", 0), made_up("mtl-both", 1), made_up("mtl-both", 0, lr=1.0)]
    runs += [made_up("baseline-da", 1, adversary=True)]
    assert evidence(runs, [said(2, 2, 2)] * 4) == []
    assert "there is no run that lacks it alone, at the same settings; train baseline beside" in verdict(runs, [{}] * 4)
    assert verdict([made_up("baseline", 0)], [{}]) == ""


def test_a_run_is_compared_with_the_one_that_lacks_the_anchor_and_nothing_else() -> None:
    """A part that the anchor tells something belongs to the anchor, a teacher does not."""
    values = {
        "baseline": said(2, 2, 2),
        "baseline+teacher": said(6, 6, 6),
        "baseline+aligned": said(1, 1, 1),
        "mtl-both": said(3, 3, 3),
        "mtl-both+teacher": said(5, 5, 5),
        "mtl-both+teacher+reading": said(7, 7, 7),
        "mtl-both+fourier": said(0, 0, 0),
    }
    runs = [made_up(recipe, 0) for recipe in values]
    assert {each.recipe: each.effect for each in evidence(runs, [*values.values()])} == {
        "baseline+aligned": "helps",
        "mtl-both": "hurts",
        "mtl-both+teacher": "helps",
        "mtl-both+teacher+reading": "hurts",
    }


def test_it_names_what_to_train_beside() -> None:
    runs = [made_up(recipe, 0) for recipe in ("baseline+teacher", "baseline+aligned", "mtl-both+fourier+aligned")]
    assert verdict(runs, [{}] * 3) == (
        "Whether the anchor helps cannot be told: there is no run that lacks it alone, at the same settings; train"
        " baseline and baseline+fourier beside these."
    )


def test_it_is_said_in_words() -> None:
    runs = [made_up(recipe, 0) for recipe in ("baseline", "mtl-both", "headfreeze", "mtl-target")]
    text = verdict(runs, [said(2, 2, 2), said(1, 1, 1), said(3, 3, 3), said(1, 3, 1)])
    assert text == (
        "Without labels, the evidence against runs that do not use it: the anchor helps in mtl-both; the anchor hurts"
        " in headfreeze; nothing can be told of mtl-target. Where it is one pair of runs, that may be chance."
    )
    assert "chance" not in verdict(runs[::3], [said(2, 2, 2), said(1, 3, 1)])


def test_the_report_of_a_comparison_says_it_too(compared: Path, unrendered: None, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(compared, tmp_path / "moved"))
    assert said_without_labels(folder) == ""
    write_report(folder)
    assert 'id="unlabelled"' not in (folder / "report.html").read_text()
    found = select(folder, "source_loss", device="cpu", workers=1)
    text = said_without_labels(folder)
    assert text.startswith(f"Chosen without labels, by source_loss: {found.best.recipe}, seed {found.best.seed}. ")
    assert text.endswith(verdict(found.runs, found.values))
    write_report(folder)
    assert f'<p id="unlabelled">{text}</p>' in (folder / "report.html").read_text()
    shutil.rmtree(found.best.folder)
    assert said_without_labels(folder) == ""
