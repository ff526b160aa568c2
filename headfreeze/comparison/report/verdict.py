"""Which recipe to use, and how sure that is, in words that take less than a minute to read."""

import math
from dataclasses import dataclass
from typing import Literal

from headfreeze.comparison.report.contents import Contents
from headfreeze.comparison.report.pairs import Pairs
from headfreeze.comparison.report.words import listed, number, percent, probability, title, unit
from headfreeze.comparison.results import BASELINE, ORACLE
from headfreeze.evaluation.significance import LEVEL, PairTest

Sureness = Literal["sure", "partly", "open"]
_FEW_SEEDS = 3


@dataclass(frozen=True)
class Verdict:
    """What to do.

    Attributes:
        headline: in a few words.
        sureness: whether this comparison settles it: wholly, in part, or not.
        because: sentences with the numbers.
        cautions: what a reader should know before relying on it.
    """

    headline: str
    sureness: Sureness
    because: list[str]
    cautions: list[str]


def verdict(contents: Contents, pairs: Pairs) -> Verdict:
    """The verdict on what was found so far."""
    results, recipes = contents.results, [name for name in contents.recipes if name != ORACLE]
    cautions = _cautions(contents)
    if not contents.recipes:
        return Verdict("Nothing is evaluated yet", "open", ["The first numbers come with the first run."], cautions)
    best = results.best()
    score = f"{title(results.task.score)} {_score(contents, best)}"
    if len(recipes) < 2:
        return Verdict("One recipe alone is no comparison", "open", [f"{best}: {score}."], cautions)
    if BASELINE not in recipes:
        return _among(contents, pairs, best, score, [*cautions, "There is no baseline, so what adapting brings is not known."])
    if best == BASELINE:
        return _stay(contents, pairs, cautions)
    test = pairs.test(best, BASELINE)
    if test is None:
        because = [f"{best} leads with {score}, but shares no seed with the baseline yet."]
        return Verdict("Too early to say", "open", because, cautions)
    return _adapted(contents, pairs, best, test, cautions)


def _adapted(contents: Contents, pairs: Pairs, best: str, test: PairTest, cautions: list[str]) -> Verdict:
    alike = [name for name in pairs.as_good_as(best) if name != BASELINE]
    because = [_against(contents, best, test), *_gap(pairs, best)]
    if not test.certain:
        because.append("A difference this small could be chance: do not choose a recipe by it.")
        return Verdict(f"No recipe is surely better than the baseline; {best} is ahead", "open", because, cautions)
    if test.p_wilcoxon >= LEVEL:
        cautions = [*cautions, f"A rank test over the images does not confirm it (p = {probability(test.p_wilcoxon)})."]
    if alike:
        because.append(
            f"{listed(alike)} cannot be told from it here: {'its' if len(alike) == 1 else 'their'} distance to {best}"
            " could be chance, so choose among them by cost or habit."
        )
        return Verdict(f"Use {best}, or {listed(alike, 'or')}", "partly", because, cautions)
    because.append("It is better than every other recipe here, too, by more than chance would explain.")
    return Verdict(f"Use {best}", "sure", because, cautions)


def _stay(contents: Contents, pairs: Pairs, cautions: list[str]) -> Verdict:
    alike = pairs.as_good_as(BASELINE)
    title_ = title(contents.results.task.score)
    because = [f"No recipe has a better {title_} than the baseline's {_score(contents, BASELINE)}."]
    if alike:
        because.append(f"{listed(alike)} cannot be told from it.")
    return Verdict("Stay with the baseline", "open" if alike else "sure", because, cautions)


def _among(contents: Contents, pairs: Pairs, best: str, score: str, cautions: list[str]) -> Verdict:
    alike = pairs.as_good_as(best)
    because = [f"It has the best {score}."]
    if alike:
        because.append(f"{listed(alike)} cannot be told from it.")
        return Verdict(f"{best} is ahead, not surely", "open", because, cautions)
    return Verdict(f"Use {best}", "partly", because, cautions)


def _against(contents: Contents, best: str, test: PairTest) -> str:
    results = contents.results
    metric = results.resampled
    name, sign = unit(results.task, metric), {"signed": True}
    of = "" if metric == results.task.score else f"{title(metric)} "
    return (
        f"Its {title(results.task.score)} is {_score(contents, best)}, the baseline's {_score(contents, BASELINE)}:"
        f" {of}{number(metric, test.value, **sign)}{name}, 95 % interval {number(metric, test.low, **sign)} …"
        f" {number(metric, test.high, **sign)}{name}, p {_equals(test.p_holm)} after correction for all pairs."
    )


def _gap(pairs: Pairs, best: str) -> list[str]:
    value, low, high = pairs.gap(best)
    if math.isnan(value):
        return []
    interval = "" if math.isnan(low) else f" (95 % interval {percent(low)} … {percent(high)})"
    return [f"That closes {percent(value)}{interval} of the gap to the oracle, which sees the target's own labels."]


def _equals(p: float) -> str:
    written = probability(p)
    return written if written.startswith("<") else f"= {written}"


def _score(contents: Contents, recipe: str) -> str:
    task = contents.results.task
    return f"{number(task.score, contents.results.mean(recipe)[task.score])}{unit(task, task.score)}"


def _cautions(contents: Contents) -> list[str]:
    found = []
    if not contents.finished:
        found.append(f"{len(contents.runs)} of {contents.wanted} runs are there: this will change.")
    seeds = len(contents.card.seeds)
    if seeds == 1:
        found.append("One seed: how much training itself varies is not known. Use three or more.")
    elif seeds < _FEW_SEEDS:
        found.append(f"{seeds} seeds say little about how much training varies. Use three or more.")
    beaten = [
        name
        for name, reports in contents.results.adversaries.items()
        if not all(level["confused"] for report in reports.values() for level in report["levels"].values())
    ]
    if beaten:
        found.append(
            f"Adversaries that were not shown to confuse their discriminators: {listed(beaten)}. Their numbers say"
            " little about what an adversary that works would do."
        )
    return found
