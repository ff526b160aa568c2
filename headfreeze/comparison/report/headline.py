"""The verdict in a few words, how far the comparison settles it, and what to know before relying on it."""

import math
from dataclasses import dataclass
from typing import Literal

from headfreeze.comparison.report.contents import Contents
from headfreeze.comparison.report.words import listed
from headfreeze.comparison.results import BASELINE, ORACLE, Results

Sureness = Literal["sure", "partly", "open"]


@dataclass(frozen=True)
class Headline:
    """What to do.

    Attributes:
        text: in a few words.
        sureness: whether this comparison settles it: wholly, in part, or not.
        cautions: what else a reader should know.
    """

    text: str
    sureness: Sureness
    cautions: list[str]


def headline(contents: Contents) -> Headline:
    """The same judgement as `comparison.verdict.verdict`, which gives the numbers."""
    return Headline(*_judged(contents.results), _cautions(contents))


def _judged(results: Results) -> tuple[str, Sureness]:
    names = [name for name in results.metrics if name != ORACLE]
    best = results.best() if names else ""
    if not names or not math.isfinite(results.mean(best)[results.task.score]):
        return "Nothing to choose from yet", "open"
    if len(names) == 1:
        return "One recipe alone is no comparison", "open"
    tied = [name for name in results.bold() if name not in (best, BASELINE)]
    tied.sort(key=list(results.metrics).index)
    one_seed = min(len(results.metrics[name]) for name in names) == 1
    untested = all(math.isnan(results.difference(best, name).p) for name in names if name != best)
    if untested:
        return f"{best} is ahead; how sure that is cannot be said", "open"
    if best == BASELINE:
        if len(tied) == len(names) - 1:
            return "Stay with the baseline: nothing was shown to differ from it", "open"
        return "Stay with the baseline", "partly" if tied or one_seed else "sure"
    if BASELINE in names:
        test = results.difference(best, BASELINE)
        if not (test.certain and results.sign(results.task.score) * test.value < 0):
            return f"No recipe is certainly better than the baseline; {best} is ahead", "open"
    if tied:
        return f"Use {best}, or {listed(tied, 'or')}", "partly"
    return f"Use {best}", "partly" if one_seed or BASELINE not in names else "sure"


def _cautions(contents: Contents) -> list[str]:
    found = []
    if not contents.finished:
        found.append(f"{len(contents.runs)} of {contents.wanted} runs are there: this may change.")
    doubtful = [
        name
        for name, reports in contents.results.adversaries.items()
        if not all(level["confused"] for report in reports.values() for level in report["levels"].values())
    ]
    if doubtful:
        found.append(
            f"It was not shown that the adversaries of {listed(doubtful)} confused their discriminators: what one that"
            " works would bring is not known."
        )
    return found
