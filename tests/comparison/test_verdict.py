"""What a comparison says in words, in every case that there is."""

import math

from headfreeze.comparison.verdict import verdict
from tests.comparison.made_up import angles_results, normals_results, segmentation_results


def test_a_certain_gain_is_advice_with_its_size_its_interval_and_what_is_as_good() -> None:
    means = {"baseline": 26.6, "mtl-source": 26.5, "mtl-both": 25, "headfreeze": 25.02, "oracle": 22}
    results = angles_results(means, seed_std=0.05, images=150)
    best, second = sorted(("mtl-both", "headfreeze"), key=lambda name: results.mean(name)["mean"])
    test = results.difference(best, "baseline")
    gap, (low, high) = results.gap_closed(best), results.gap_interval(best)
    before, after = (results.mean(name)["mean"] for name in ("baseline", best))
    assert verdict(results) == (
        f"Use {best}: it changed the mean from {before:.2f}° (baseline) to {after:.2f}°, −{-test.value:.2f}° (95 %"
        f" interval −{-test.low:.2f} … −{-test.high:.2f}, p = {test.p_holm:.3f} after Holm's correction over 10 pairs),"
        f" {100 * gap:.0f} % of the gap to the oracle (interval {100 * low:.0f} … {100 * high:.0f} %). Not"
        f" distinguishable from {best}: {second}. Over 150 test images and 3 seeds."
    )


def test_a_recipe_that_all_others_are_worse_than_is_said_to_be_so() -> None:
    text = verdict(angles_results({"baseline": 27, "mtl-both": 24, "headfreeze": 25.5}, seed_std=0.05, images=150))
    assert "Every other recipe is significantly worse." in text


def test_a_gain_that_could_be_chance_is_no_advice() -> None:
    text = verdict(normals_results({"baseline": [25.0], "headfreeze": [24.9]}, noise=10))
    assert text.startswith(
        "No recipe is certainly better than the baseline: the best, headfreeze, changed the mean from 25.00° (baseline)"
        " to 24.90°, −0.10° (95 % interval −"
    )
    assert "), p = " not in text
    assert "; which could be chance. Not distinguishable from headfreeze: baseline. Over 30 test images" in text
    assert "after Holm" not in text, "one pair needs no correction"


def test_a_gain_that_is_certain_alone_but_not_among_all_pairs_is_said_to_be_so() -> None:
    means = {f"r{k}": 26.2 for k in range(5)} | {"baseline": 26.3, "mtl-both": 25.8}
    results = angles_results(means, seed_std=0.1, images=40, seed=4)
    test = results.difference("mtl-both", "baseline")
    assert test.p < 0.05 < test.p_holm
    assert "; which could be chance among so many pairs. " in verdict(results)


def test_one_seed_and_two_are_said_to_say_little_of_others() -> None:
    one = verdict(angles_results({"baseline": 26, "headfreeze": 24}, seeds=(0,)))
    assert one.endswith(
        "Over 40 test images and one seed: how much another seed would change is not covered; train three or more for a"
        " claim (--seeds 0,1,2)."
    )
    two = verdict(angles_results({"baseline": 26, "headfreeze": 24}, seeds=(0, 1)))
    assert two.endswith("2 seeds, of which two say little about others; train three or more for a claim.")


def test_one_image_says_nothing_of_others() -> None:
    text = verdict(angles_results({"baseline": 26, "headfreeze": 20}, images=1))
    assert text.startswith("Perhaps headfreeze: it changed the mean from ")
    assert "; how sure that is cannot be said. Over one test image, which says nothing of others and 3 seeds" in text
    assert "nan" not in text


def test_where_nothing_beat_the_baseline_or_there_is_none() -> None:
    worse = verdict(normals_results({"baseline": [25.0], "mtl-both": [26.0], "oracle": [20.0]}))
    assert worse.startswith("Stay with the baseline (mean 25.00°): no recipe was better. Every other recipe is signif")
    alone = verdict(normals_results({"mtl-both": [26.0], "mtl-source": [27.0], "oracle": [20.0]}))
    assert alone.startswith("Best: mtl-both (mean 26.00°); no baseline to compare with. Every other recipe is signific")
    single = verdict(normals_results({"mtl-both": [26.0]}))
    assert single.startswith("Best: mtl-both (mean 26.00°); no baseline to compare with. Over 30 test images and one")
    assert verdict(normals_results({"oracle": [20.0]})) == (
        "Nothing to choose from: only the oracle was trained, which needs labels that one does not have."
    )
    nothing = verdict(normals_results({"mtl-both": [math.nan]}))
    assert nothing == "Nothing to choose from: no recipe has a mean."


def test_recipes_without_a_common_seed_are_not_compared() -> None:
    results = angles_results({"baseline": 26, "mtl-both": 24}, seeds=(0,))
    results.metrics["mtl-both"] = {1: results.metrics["mtl-both"][0]}
    results.images["mtl-both"] = {1: results.images["mtl-both"][0]}
    text = verdict(results)
    assert text.startswith("Perhaps mtl-both: it changed the mean from")
    assert "°, under different seeds; how sure that is cannot be said." in text


def test_recipes_that_could_not_be_tested_are_named_and_not_called_worse() -> None:
    untested = "Not tested, for want of common seeds or scores: baseline. Over 40 test images"
    for second, found in (
        (27.0, "Every other recipe that could be tested is significantly worse."),
        (24.0, "Not distinguishable from mtl-both: headfreeze."),  # the same runs
    ):
        results = angles_results({"mtl-both": 24, "headfreeze": second, "baseline": 25}, seed_std=0, noise=0)
        results.metrics["baseline"] = {7: results.metrics["baseline"][0]}
        results.images["baseline"] = {7: results.images["baseline"][0]}
        assert f" {found} {untested}" in verdict(results)


def test_a_gap_that_is_not_certain_is_said_to_be_so() -> None:
    text = verdict(angles_results({"baseline": 26, "headfreeze": 24, "oracle": 25.9}))
    assert " % of a gap to the oracle that is not certain itself. " in text


def test_where_more_is_better_and_pixels_are_what_is_tested() -> None:
    text = verdict(segmentation_results({"baseline": (0.40, 0.6), "headfreeze": (0.44, 0.7), "mtl-both": (0.42, 0.9)}))
    assert text.startswith(
        "Use headfreeze: it changed the miou from 0.400 (baseline) to 0.440, pixel_accuracy +0.100 (95 % interval"
    )
    odd = verdict(segmentation_results({"baseline": (0.40, 0.8), "headfreeze": (0.44, 0.7)}))
    assert odd.startswith(
        "No recipe is certainly better than the baseline: the best, headfreeze, changed the miou from"
    )
    assert "; so what was tested got worse." in odd
