"""What a study of anchors has found: by anchor and recipe, how much better than the baseline, and what tells it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import spearmanr

from headfreeze.columns import aligned, as_csv
from headfreeze.comparison.results import BASELINE, ORACLE, Results
from headfreeze.comparison.tables.numbers import number, percent, percents, signed, title

_FEWEST = 4
"""Anchors below which a rank correlation says nothing."""


@dataclass(frozen=True)
class Outcome:
    """A recipe with an anchor against the baseline, which has none.

    Attributes:
        anchor: its name.
        recipe: its name.
        labels: training images of the target that have the anchor's label.
        affinity: of the anchor to the main task on the source.
        score: the main task's score on the target's test images, averaged over seeds.
        difference: the recipe's pooled metric minus the baseline's.
        low: lower end of its 95 % interval over images and seeds; with one seed, over images alone.
        high: its upper end.
        gap_closed: (baseline − recipe) / (baseline − oracle); NaN without an oracle.
        gap_low: lower end of its 95 % interval; NaN where there is none.
        gap_high: its upper end.
        seeds: the difference of each seed.
    """

    anchor: str
    recipe: str
    labels: int
    affinity: float
    score: float
    difference: float
    low: float
    high: float
    gap_closed: float
    gap_low: float
    gap_high: float
    seeds: Sequence[float]


def outcomes(anchor: str, labels: int, affinity: float, results: Results) -> list[Outcome]:
    """Of every recipe in `results`, which hold the baseline, too; the ends themselves are left out."""
    found = []
    for recipe in results.metrics:
        if recipe in (BASELINE, ORACLE):
            continue
        test, name = results.difference(recipe, BASELINE), results.resampled
        ours, base = results.metrics[recipe], results.metrics[BASELINE]
        each = [ours[seed][name] - base[seed][name] for seed in sorted(ours.keys() & base.keys())]
        score = results.mean(recipe)[results.task.score]
        gap = results.gap_closed(recipe), *results.gap_interval(recipe)
        found.append(Outcome(anchor, recipe, labels, affinity, score, test.value, test.low, test.high, *gap, each))
    return found


@dataclass(frozen=True)
class Study:
    """All outcomes, and the ends that they lie between.

    Attributes:
        ends: the baseline and, where there is one, the oracle; trained with the first anchor in the data.
        outcomes: anchor by anchor.
    """

    ends: Results
    outcomes: Sequence[Outcome]

    @property
    def anchors(self) -> list[str]:
        """In the order of the study."""
        return list(dict.fromkeys(each.anchor for each in self.outcomes))

    @property
    def recipes(self) -> list[str]:
        """Those that use the anchor."""
        return list(dict.fromkeys(each.recipe for each in self.outcomes))

    @property
    def metric(self) -> str:
        """What differences are of."""
        return self.ends.resampled

    def of(self, recipe: str) -> list[Outcome]:
        """A recipe with every anchor."""
        return [each for each in self.outcomes if each.recipe == recipe]

    def correlation(self, recipe: str) -> float:
        """Spearman's, over anchors, of the affinity and how much better than the baseline the recipe is.

        1: the anchors' order is that of their affinity. NaN below four anchors, and where either is always the same.
        """
        found, sign = self.of(recipe), self.ends.sign(self.metric)
        pairs = [(each.affinity, -sign * each.difference) for each in found if math.isfinite(each.affinity)]
        if len(pairs) < _FEWEST or any(len(set(values)) < 2 for values in zip(*pairs, strict=True)):
            return math.nan
        return float(spearmanr(*zip(*pairs, strict=True)).statistic)

    def table(self) -> str:
        """For a terminal and Markdown's code blocks."""
        metric = self.ends.task.score
        ends = (f"{name} {number(metric, self.ends.mean(name)[metric])}" for name in self.ends.metrics)
        rows = [
            [
                each.anchor,
                each.recipe,
                str(each.labels),
                number("affinity", each.affinity),
                number(metric, each.score),
                f"{signed(self.metric, each.difference)} ({signed(self.metric, each.low)} …"
                f" {signed(self.metric, each.high)})",
                percent(each.gap_closed),
                percents(each.gap_low, each.gap_high),
            ]
            for each in self.outcomes
        ]
        heads = ["anchor", "recipe", "target\nlabels", "affinity", title(metric), "− baseline", "gap\nclosed", "95 %"]
        correlations = ", ".join(f"{name} {number('rho', self.correlation(name))}" for name in self.recipes)
        seeds = len(next(iter(self.ends.metrics.values())))
        over = f"one seed: intervals are over {self.ends.drawn} alone" if seeds == 1 else f"{seeds} seeds"
        return "\n".join(
            [
                f"{', '.join(ends)}; budget {self.ends.budget} steps; {over}",
                "",
                aligned(heads, rows, 2),
                "",
                f"rank correlation of affinity and gain over {len(self.anchors)} anchors: {correlations}",
            ]
        )

    def csv(self) -> str:
        """A row for each anchor and recipe; a value that does not exist is an empty cell."""
        names = [name for name in Outcome.__dataclass_fields__ if name != "seeds"]
        return as_csv(names, ([getattr(each, name) for name in names] for each in self.outcomes))

    def summary(self) -> Mapping[str, Any]:
        """What study.json holds."""
        ends = {name: self.ends.mean(name) for name in self.ends.metrics}
        correlations = {name: self.correlation(name) for name in self.recipes}
        about = {"budget_steps": self.ends.budget, "task": self.ends.task.name, "metric": self.metric, "ends": ends}
        return about | {"outcomes": [vars(each) for each in self.outcomes], "rank_correlation": correlations}
