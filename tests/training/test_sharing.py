"""One seed, one network; a finished phase is trained once, whatever command, recipe, place or machine asks for it."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from headfreeze.comparison.compare import compare
from headfreeze.errors import InputError
from headfreeze.recipes import RECIPES, Recipe
from headfreeze.run import RunCard
from headfreeze.training.fit import RecipeTraining, fit
from headfreeze.training.store import PhaseFolder
from tests.runs import TINY, fit_tiny, pair_of, same_bits, training_of, watched, weights_of
from tests.worlds import TinyPair

pytestmark = pytest.mark.usefixtures("unrendered")

FIRST, SECOND = "headfreeze seed 0 phase 1/2", "headfreeze seed 0 phase 2/2"


def test_the_same_seed_gives_the_same_bits_in_two_stores_and_another_seed_gives_others(
    tiny_pair: TinyPair, tmp_path: Path
) -> None:
    for name, seed in (("a", 3), ("b", 3), ("other", 4)):
        fit_tiny("mtl-both", tiny_pair, tmp_path / name, seed=seed)
    first, again, other = (weights_of(tmp_path / name) for name in ("a", "b", "other"))
    assert same_bits(first, again)
    assert not any(
        same_bits({name: first[name]}, {name: other[name]}) for name in first if name.endswith("conv.weight")
    )


def test_what_does_not_change_weights_does_not_change_weights(tiny_pair: TinyPair, tmp_path: Path) -> None:
    fit_tiny("headfreeze", tiny_pair, tmp_path / "a")
    others = {"workers": 1, "cache_gb": 0.0, "validate_every": 1, "checkpoint_every": 0.0, "tensorboard": True}
    fit_tiny("headfreeze", tiny_pair, tmp_path / "b", **others)
    assert same_bits(weights_of(tmp_path / "a"), weights_of(tmp_path / "b"))


def test_mtl_finetune_and_headfreeze_share_their_first_phase_and_a_comparison_trains_it_once(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    with watched(monkeypatch) as watch:
        free = fit_tiny("mtl-finetune", tiny_pair, tmp_path / "free", phases=store)
        frozen = fit_tiny("headfreeze", tiny_pair, tmp_path / "frozen", phases=store)
    assert watch.trained == ["mtl-finetune seed 0 phase 1/2", "mtl-finetune seed 0 phase 2/2", SECOND]
    assert free.phases[0] == frozen.phases[0]
    assert free.phases[1]["key"] != frozen.phases[1]["key"]

    with watched(monkeypatch) as watch:
        compare(
            pair_of(tiny_pair),
            tmp_path / "comparison",
            recipes=["headfreeze", "mtl-source", "mtl-finetune"],
            seeds=[0],
            architecture=TINY,
            training=training_of(),
            phases=store,
        )
    assert watch.trained == ["mtl-source seed 0 phase 1/1"], "what `fit` had trained was taken from the store"


def test_a_phase_of_another_budget_is_another_phase(tiny_pair: TinyPair, tmp_path: Path) -> None:
    store = tmp_path / "store"
    alone = fit_tiny("mtl-source", tiny_pair, tmp_path / "alone", phases=store, steps=3)
    whole = fit_tiny("headfreeze", tiny_pair, tmp_path / "whole", phases=store, steps=6)
    longer = fit_tiny("headfreeze", tiny_pair, tmp_path / "longer", phases=store, steps=8)
    assert len({card.phases[0]["key"] for card in (alone, whole, longer)}) == 3, "their schedules end elsewhere"
    again = fit_tiny("mtl-finetune", tiny_pair, tmp_path / "again", phases=store, steps=6)
    assert again.phases[0] == whole.phases[0], "the very same stretch of training, found under the very same key"


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_takes_its_budget_of_steps_to_the_last(
    recipe: str, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched(monkeypatch) as watch:
        card = fit_tiny(recipe, tiny_pair, tmp_path / "run", steps=5, batch_size=2, phase_share=0.3)
    assert sum(phase["steps"] for phase in card.phases) == 5
    assert sum(len(steps) for steps in watch.steps.values()) == 5
    assert len(card.phases) == len(RECIPES[recipe].phases)


def test_a_recipe_of_ones_own_has_as_many_phases_as_it_likes(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, both = RECIPES["mtl-source"].phases[0], RECIPES["mtl-both"].phases[0]
    recipe = Recipe("thaw", (source, replace(both, freeze_head=True), both), "freeze, then thaw")
    with watched(monkeypatch) as watch:
        card = fit(
            recipe, pair_of(tiny_pair), tmp_path / "run", architecture=TINY, training=training_of(steps=7, batch_size=2)
        )
    assert [len(steps) for steps in watch.steps.values()] == [4, 1, 2]
    assert [phase["steps"] for phase in card.phases] == [4, 1, 2]
    assert card.recipe == "thaw"


def test_a_finished_run_is_left_alone_wherever_its_data_went(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tiny_pair.copy(tmp_path / "first")
    card = fit_tiny("headfreeze", first, tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    moved = TinyPair(*(shutil.move(root, tmp_path / f"elsewhere-{root.name}") for root in (first.source, first.target)))
    shutil.rmtree(tmp_path / "run-phases")
    with watched(monkeypatch) as watch:
        again = fit_tiny("headfreeze", moved, tmp_path / "run", workers=1, cache_gb=1.0)
    assert watch.trained == []
    assert again == card
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}


def test_a_run_of_other_settings_or_data_is_not_overwritten(tiny_pair: TinyPair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    fit_tiny("mtl-source", tiny_pair, out)
    for recipe, settings in (("baseline", {}), ("headfreeze", {}), ("mtl-source", {"seed": 1})):
        with pytest.raises(InputError, match=r"run: holds another run \(mtl-source, other settings or data\)"):
            fit_tiny(recipe, tiny_pair, out, **settings)
    changed = tiny_pair.copy(tmp_path)
    shutil.copy(changed.source / "train/image/0001.png", changed.source / "train/image/0000.png")
    with pytest.raises(InputError, match=r"run: holds another run \(mtl-source"):
        fit_tiny("mtl-source", changed, out)
    assert RunCard.read(out).recipe == "mtl-source"


def test_two_processes_may_write_the_same_run_at_once(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RecipeTraining.run

    def run_and_be_overtaken(self: RecipeTraining) -> tuple[RunCard, PhaseFolder]:
        monkeypatch.setattr(RecipeTraining, "run", run)
        found = self.run()
        fit_tiny("baseline", tiny_pair, tmp_path / "run", steps=2)  # the other process
        return found

    monkeypatch.setattr(RecipeTraining, "run", run_and_be_overtaken)
    card = fit_tiny("baseline", tiny_pair, tmp_path / "run", steps=2)
    assert card == RunCard.read(tmp_path / "run")


def test_a_folder_with_other_files_is_no_place_for_a_run(tiny_pair: TinyPair, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="mine: not empty and not a run; choose another --out or empty it"):
        fit_tiny("baseline", tiny_pair, tmp_path / "mine")
    with pytest.raises(InputError, match=r"mine/thesis.tex/run: .*thesis.tex is a file, not a folder"):
        fit_tiny("baseline", tiny_pair, tmp_path / "mine/thesis.tex/run", phases=tmp_path / "phases")
    with pytest.raises(InputError, match=r"thesis.tex: .*thesis.tex is a file, not a folder"):
        fit_tiny("baseline", tiny_pair, tmp_path / "run", phases=tmp_path / "mine/thesis.tex")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["mine", "thesis.tex"], "nothing was made"


@pytest.mark.parametrize("out", [".", ".."])
def test_a_run_is_not_written_over_the_folder_that_one_is_in(
    out: str, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a/b")
    said = rf"{re.escape(out)}: the folder that you are in, or one above it; give --out a name, such as runs/rooms"
    with pytest.raises(InputError, match=said):
        fit_tiny("baseline", tiny_pair, Path(out), phases=tmp_path / "phases", steps=2)
    fit_tiny("baseline", tiny_pair, tmp_path / "a/b", phases=tmp_path / "phases", steps=2)
    monkeypatch.chdir(tmp_path / "a/b")
    card = fit_tiny("baseline", tiny_pair, Path(), phases=tmp_path / "phases", steps=2)
    assert card == RunCard.read(tmp_path / "a/b"), "the one that lies there is read as before"
