"""The recipes are the paper's: their check marks, one by one, and what follows from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfreeze.errors import InputError
from headfreeze.recipes import COMPARED, DOMAINS, RECIPES, Phase, find_recipe, split_budget, table

SM, SA, TM, TA = ("source", "main"), ("source", "anchor"), ("target", "main"), ("target", "anchor")

FROZEN, ADVERSARY = "frozen", "adversary"

PAPER: dict[str, list[tuple[set[tuple[str, str]], set[str]]]] = {
    "baseline": [({SM}, set())],
    "mtl-source": [({SM, SA}, set())],
    "mtl-target": [({SM, TA}, set())],
    "mtl-both": [({SM, SA, TA}, set())],
    "mtl-finetune": [({SM, SA}, set()), ({SM, SA, TA}, set())],
    "headfreeze": [({SM, SA}, set()), ({SM, SA, TA}, {FROZEN})],
    "baseline-da": [({SM}, {ADVERSARY})],
    "mtl-source-da": [({SM, SA}, {ADVERSARY})],
    "mtl-target-da": [({SM, TA}, {ADVERSARY})],
    "mtl-both-da": [({SM, SA, TA}, {ADVERSARY})],
    "mtl-finetune-da": [({SM, SA}, set()), ({SM, SA, TA}, {ADVERSARY})],
    "headfreeze-da": [({SM, SA}, set()), ({SM, SA, TA}, {FROZEN, ADVERSARY})],
    "oracle": [({SM, SA, TM, TA}, set())],
}
"""Li et al., WACV 2021, §3 and Table 1: the labels of each phase, and what else it is."""

RIVALS: dict[str, list[tuple[set[tuple[str, str]], set[str]]]] = {
    "transfer": [({SA, TA}, {"anchor"}), ({SM}, {"main"}), ({SM}, {"transfer"})],
}
"""Ramirez et al., ICCV 2019."""


def test_every_recipe_is_the_papers_phase_by_phase() -> None:
    found = {
        name: [(set(phase.supervision), _features(phase)) for phase in recipe.phases]
        for name, recipe in RECIPES.items()
    }
    assert found == PAPER | RIVALS
    assert all(recipe.name == name and recipe.about for name, recipe in RECIPES.items())


def _features(phase: Phase) -> set[str]:
    own = {phase.branch} if phase.branch else set()
    return own | ({FROZEN} if phase.freeze_head else set()) | ({ADVERSARY} if phase.adversary else set())


def test_only_the_oracle_sees_main_labels_of_the_target() -> None:
    assert [name for name, recipe in RECIPES.items() if any(TM in p.supervision for p in recipe.phases)] == ["oracle"]


def test_what_a_comparison_trains_are_both_ends_and_headfreeze_with_its_control() -> None:
    assert set(COMPARED) <= RECIPES.keys()
    assert {"baseline", "oracle", "headfreeze", "mtl-finetune"} <= set(COMPARED)
    finetune, frozen = RECIPES["mtl-finetune"].phases, RECIPES["headfreeze"].phases
    assert finetune[0] == frozen[0]
    assert finetune[1] == Phase(frozen[1].supervision, freeze_head=False)


def test_a_phase_uses_the_domains_that_it_has_labels_of_and_an_adversary_both() -> None:
    for recipe in RECIPES.values():
        for phase in recipe.phases:
            labelled = {domain for domain, _ in phase.supervision}
            assert {d for d in DOMAINS if phase.uses(d)} == (set(DOMAINS) if phase.adversary else labelled)


def test_an_unknown_recipe_is_named_with_the_nearest() -> None:
    assert find_recipe("oracle") is RECIPES["oracle"]
    with pytest.raises(InputError, match="unknown recipe 'mtl-boht': did you mean 'mtl-both'"):
        find_recipe("mtl-boht")


def test_the_table_shows_the_check_marks() -> None:
    lines = table().splitlines()
    heads = lines[0].split()
    assert heads == ["recipe", "phase", "y_Sm", "y_Sa", "y_Tm", "y_Ta", "head", "adversary", "trains"]
    at = [lines[0].index(name) for name in ("y_Sm", "y_Sa", "y_Tm", "y_Ta")]
    shown = {name: (PAPER | RIVALS)[name] for name in RECIPES}
    rows = lines[1 : 1 + sum(len(phases) for phases in shown.values())]
    marks = [{pair for pair, k in zip((SM, SA, TM, TA), at, strict=True) if row[k] == "✓"} for row in rows]
    assert marks == [labels for phases in shown.values() for labels, _ in phases]
    assert [row.split()[0] for row in rows if not row.startswith(" ")] == list(shown)
    flat = [features for phases in shown.values() for _, features in phases]
    head, adversary = lines[0].index("head"), lines[0].index("adversary")
    assert [row[head : head + 6] == "frozen" for row in rows] == [FROZEN in features for features in flat]
    assert [row[adversary : adversary + 1] == "✓" for row in rows] == [ADVERSARY in features for features in flat]
    trains = [row[lines[0].index("trains") :].split(" ", 1)[0] for row in rows]
    assert trains == [next(iter(features - {FROZEN, ADVERSARY}), "") for features in flat]
    assert all(line == line.rstrip() for line in lines)


@given(st.integers(2, 5), st.integers(5, 10**6), st.floats(0.001, 0.999))
def test_a_budget_is_split_by_the_share_and_nothing_is_lost(phases: int, steps: int, share: float) -> None:
    first, *others = split_budget(steps, phases, share)
    assert first + sum(others) == steps
    assert min(first, *others) >= 1
    assert first == pytest.approx(steps * share, abs=phases)
    assert len(others) == phases - 1
    assert max(others) - min(others) <= 1


def test_one_phase_gets_everything_and_one_step_is_too_few_for_two() -> None:
    assert split_budget(1, 1, 0.3) == [1]
    assert split_budget(2, 2, 0.999) == [1, 1]
    with pytest.raises(InputError, match="steps is 1; a recipe of 2 phases needs at least 2"):
        split_budget(1, 2, 0.5)
