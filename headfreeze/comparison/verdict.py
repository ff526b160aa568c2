"""A comparison in plain words: which recipe to use, and how sure that is."""

import math

from headfreeze.comparison.pooled import first_rows
from headfreeze.comparison.results import BASELINE, ORACLE, Results
from headfreeze.comparison.tables.numbers import number, p_value, percent, percents, signed
from headfreeze.evaluation.significance import LEVEL, PairTest


def verdict(results: Results) -> str:
    """A few sentences: the recipe to use, what it gains over the baseline, what is as good, what was not covered."""
    if not results.metrics.keys() - {ORACLE}:
        return "Nothing to choose from: only the oracle was trained, which needs labels that one does not have."
    best = results.best()
    if not math.isfinite(results.mean(best)[results.task.score]):
        return f"Nothing to choose from: no recipe has a {results.task.score}."
    if BASELINE not in results.metrics:
        lead = f"Best: {best} ({_score(results, best)}); no baseline to compare with."
    elif best == BASELINE:
        lead = f"Stay with the baseline ({_score(results, best)}): no recipe was better."
    else:
        lead = _against_baseline(results, best)
    return " ".join(filter(None, [lead, _as_good(results, best), _covered(results, best)]))


def _against_baseline(results: Results, best: str) -> str:
    test, score = results.difference(best, BASELINE), results.task.score
    change = (
        f"the {score} from {_value(results, BASELINE)} (baseline) to {_value(results, best)},"
        f" {_difference(results, test)}{_closed(results, best)}"
    )
    if math.isnan(test.p):
        return f"Perhaps {best}: it changed {change}; how sure that is cannot be said."
    if test.certain and results.sign(score) * test.value < 0:
        return f"Use {best}: it changed {change}."
    chance = "which could be chance" + (" among so many pairs" if test.p < LEVEL else "")
    doubt = "so what was tested got worse" if test.certain else chance
    return f"No recipe is certainly better than the baseline: the best, {best}, changed {change}; {doubt}."


def _difference(results: Results, test: PairTest) -> str:
    metric = results.resampled
    if math.isnan(test.value):
        return "under different seeds"
    what = "" if metric == results.task.score else f"{metric} "
    value = f"{what}{signed(metric, test.value)}{_unit(results)}"
    if math.isnan(test.p):
        return value
    pairs = len(results.tests())
    among = f" after Holm's correction over {pairs} pairs" if pairs > 1 else ""
    p = p_value(test.p_holm)
    interval = f"95 % interval {signed(metric, test.low)} … {signed(metric, test.high)}"
    return f"{value} ({interval}, p {p if p.startswith('<') else '= ' + p}{among})"


def _closed(results: Results, best: str) -> str:
    gap = results.gap_closed(best)
    if math.isnan(gap):
        return ""
    low, high = results.gap_interval(best)
    if math.isfinite(low):
        return f", {percent(gap)} of the gap to the oracle (interval {percents(low, high)})"
    unsure = results.resampled == results.task.score
    return f", {percent(gap)} of " + (
        "a gap to the oracle that is not certain itself" if unsure else "the gap to the oracle"
    )


def _as_good(results: Results, best: str) -> str:
    others = [name for name in results.metrics if name not in (best, ORACLE)]
    untested = [name for name in others if math.isnan(results.difference(best, name).p)]
    if len(untested) == len(others):
        return ""
    bold = results.bold()
    if tied := [name for name in others if name in bold]:
        found = f"Not distinguishable from {best}: {', '.join(tied)}."
    else:
        found = f"Every other recipe{' that could be tested' if untested else ''} is significantly worse."
    return found + (f" Not tested, for want of common seeds or scores: {', '.join(untested)}." if untested else "")


def _covered(results: Results, best: str) -> str:
    images = len(first_rows(results.images))
    seeds = len(results.metrics[best])
    over = f"{images} test images" if images != 1 else "one test image, which says nothing of others"
    if results.groups == 1 < images:
        over += " of one group, which says nothing of others,"
    elif 0 < results.groups < images:
        over += f" of {results.groups} groups"
    if seeds == 1:
        return (
            f"Over {over} and one seed: how much another seed would change is not covered; train three or more for a"
            " claim (--seeds 0,1,2)."
        )
    few = ", of which two say little about others; train three or more for a claim" if seeds == 2 else ""
    return f"Over {over} and {seeds} seeds{few}."


def _score(results: Results, recipe: str) -> str:
    return f"{results.task.score} {_value(results, recipe)}"


def _value(results: Results, recipe: str) -> str:
    score = results.task.score
    return number(score, results.mean(recipe)[score]) + _unit(results)


def _unit(results: Results) -> str:
    return "°" if results.task.kind == "normals" else ""
