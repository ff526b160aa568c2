"""The few words on top follow from the tests, and promise no more than these."""

from pathlib import Path

import pytest

from headfreeze.comparison.card import ComparisonCard
from headfreeze.comparison.report.contents import Contents
from headfreeze.comparison.report.headline import Headline, headline
from headfreeze.comparison.results import Results
from tests.comparison.made_up import angles_results


def headline_of(results: Results, seeds: int = 3, wanted: tuple[str, ...] = ()) -> Headline:
    """Of a comparison that wanted these recipes and has evaluated those of `results`."""
    recipes = wanted or tuple(results.metrics)
    card = ComparisonCard(recipes, tuple(range(seeds)), {}, {"name": "normals", "options": {}}, "", "", "")
    done = [None] * sum(len(each) for each in results.metrics.values())
    return headline(Contents(Path(), card, results, done))  # type: ignore[arg-type]


CLEAR = {"baseline": 20.0, "mtl-both": 17.0, "headfreeze": 13.0, "oracle": 9.0}


def test_a_clear_winner_is_to_be_used() -> None:
    found = headline_of(angles_results(CLEAR, seed_std=0.05, noise=0.3))
    assert (found.text, found.sureness, found.cautions) == ("Use headfreeze", "sure", [])


def test_one_seed_never_settles_it() -> None:
    assert headline_of(angles_results(CLEAR, seeds=(0,), noise=0.3), seeds=1).sureness == "partly"


def test_recipes_that_cannot_be_told_apart_are_named_together() -> None:
    means = {"baseline": 20.0, "headfreeze": 13.0, "mtl-both": 13.02, "oracle": 9.0}
    found = headline_of(angles_results(means, seed_std=0.5, seed=1))
    assert found.sureness == "partly"
    assert found.text == "Use mtl-both, or headfreeze"


def test_a_gain_that_could_be_chance_is_none() -> None:
    results = angles_results({"baseline": 15.0, "headfreeze": 14.0}, seed_std=1.0, seed=2)
    assert results.best() == "headfreeze"
    found = headline_of(results)
    assert (found.text, found.sureness) == (
        "No recipe is certainly better than the baseline; headfreeze is ahead",
        "open",
    )


def test_where_nothing_beats_the_baseline_one_stays_with_it() -> None:
    means = {"baseline": 10.0, "mtl-both": 14.0, "headfreeze": 15.0}
    assert headline_of(angles_results(means, seed_std=0.05, noise=0.3)) == Headline(
        "Stay with the baseline", "sure", []
    )


@pytest.mark.parametrize(
    ("means", "text"),
    [
        ({}, "Nothing to choose from yet"),
        ({"oracle": 9.0}, "Nothing to choose from yet"),
        ({"baseline": 20.0}, "One recipe alone is no comparison"),
        ({"headfreeze": 13.0, "oracle": 9.0}, "One recipe alone is no comparison"),
    ],
)
def test_what_is_no_choice_is_said_to_be_none(means: dict[str, float], text: str) -> None:
    found = headline_of(angles_results(means))
    assert (found.text, found.sureness) == (text, "open")


def test_one_image_says_nothing_of_others() -> None:
    found = headline_of(angles_results({"baseline": 20.0, "headfreeze": 13.0}, images=1))
    assert (found.text, found.sureness) == ("headfreeze is ahead; how sure that is cannot be said", "open")


def test_without_a_baseline_the_best_is_to_be_used_with_reserve() -> None:
    found = headline_of(angles_results({"mtl-both": 17.0, "headfreeze": 13.0}, seed_std=0.05, noise=0.3))
    assert (found.text, found.sureness) == ("Use headfreeze", "partly")


def test_runs_that_are_missing_and_adversaries_that_failed_are_cautions() -> None:
    results = angles_results({"baseline": 20.0, "baseline-da": 19.0})
    for seed, confused in enumerate((True, None, True)):
        report = {"levels": {"up1": {"confused": confused}}, "verdict": ""}
        results.adversaries.setdefault("baseline-da", {})[seed] = report
    found = headline_of(results, wanted=("baseline", "baseline-da", "oracle"))
    assert found.cautions == [
        "6 of 9 runs are there: this may change.",
        "It was not shown that the adversaries of baseline-da confused their discriminators: what one that works would"
        " bring is not known.",
    ]
