"""The numbers of a comparison: a row for each recipe and seed, means over seeds, the gap closed, and how sure it is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headfreeze.columns import records_csv
from headfreeze.comparison.pooled import direction, image_groups, image_scores, is_root, stand_in
from headfreeze.errors import InputError
from headfreeze.evaluation.evaluate import Scores
from headfreeze.evaluation.resampling import Resampling
from headfreeze.evaluation.significance import PairTest, pair_tests, ratio_interval
from headfreeze.tasks.base import Task

BASELINE, ORACLE = "baseline", "oracle"
_DRAWS, _DRAWS_A_PAIR = 10_000, 100
"""Draws of a comparison; of one with very many recipes so many that p can be small after Holm's correction."""
ImageRows = list[dict[str, float | str]]


@dataclass
class Results:
    """Everything that a comparison measured on the target's test split.

    Attributes:
        task: the main task; of several the first.
        budget: steps of every recipe.
        inside: the task inside of whose labels alone pixels were judged; empty: everywhere.
        metrics: {recipe: {seed: {metric: value}}}.
        images: {recipe: {seed: scores of every image}}.
        adversaries: {recipe: {seed: what its last phase's adversary reports}}, for recipes that have one.
        others: {task: the same of another main task}, where there are several.
    """

    task: Task
    budget: int
    inside: str = ""
    metrics: dict[str, dict[int, dict[str, float]]] = field(default_factory=dict)
    images: dict[str, dict[int, ImageRows]] = field(default_factory=dict)
    adversaries: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    others: "dict[str, Results]" = field(default_factory=dict)
    _tests: dict[str, dict[tuple[str, str], PairTest]] = field(default_factory=dict, init=False, repr=False)
    _resampling: dict[str, Resampling] = field(default_factory=dict, init=False, repr=False)

    def add(
        self,
        recipe: str,
        seed: int,
        metrics: dict[str, float],
        images: ImageRows,
        adversary: dict[str, Any] | None = None,
    ) -> None:
        """Books one trained and evaluated recipe.

        Raises:
            InputError: its images are not those of the others.
        """
        self._check_images(recipe, seed, images)
        self._tests.clear()
        self._resampling.clear()
        self.metrics.setdefault(recipe, {})[seed] = metrics
        self.images.setdefault(recipe, {})[seed] = images
        if adversary:
            self.adversaries.setdefault(recipe, {})[seed] = adversary

    def book(self, recipe: str, seed: int, scores: Scores, adversary: dict[str, Any] | None = None) -> None:
        """Books one trained and evaluated recipe with the scores of all main tasks.

        Raises:
            InputError: its images are not those of the others.
        """
        self.add(recipe, seed, scores.metrics[self.task.name], scores.images[self.task.name], adversary)
        for name, results in self.others.items():
            results.add(recipe, seed, scores.metrics[name], scores.images[name])

    def mean(self, recipe: str) -> dict[str, float]:
        """Every metric of a recipe, averaged over its seeds."""
        rows = list(self.metrics[recipe].values())
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def std(self, recipe: str) -> dict[str, float]:
        """Standard deviation of every metric over a recipe's seeds (n − 1); NaN for one seed."""
        rows = list(self.metrics[recipe].values())
        return {k: float(np.std([row[k] for row in rows], ddof=1)) if len(rows) > 1 else math.nan for k in rows[0]}

    def spread(self, recipe: str) -> float:
        """Standard deviation of the score over seeds; NaN for one seed."""
        return self.std(recipe)[self.task.score]

    def gap_closed(self, recipe: str, seed: int | None = None) -> float:
        """(baseline − recipe) / (baseline − oracle) on the task's score; NaN without both ends or without a gap."""
        if BASELINE not in self.metrics or ORACLE not in self.metrics:
            return math.nan
        score = self.task.score
        ends = [
            self.mean(r)[score] if seed is None else self.metrics[r][seed][score] for r in (BASELINE, recipe, ORACLE)
        ]
        gap = ends[0] - ends[2]
        return (ends[0] - ends[1]) / gap if gap else math.nan

    def gap_interval(self, recipe: str) -> tuple[float, float]:
        """The 95 % interval of the gap closed, over images and seeds; NaN where there is none.

        There is none where the gap between baseline and oracle is not certain itself, so that the share of it could be
        anything; nor for the two ends; nor for a score that is no mean over images, such as `miou`.
        """
        ends = self.metrics.keys() & {BASELINE, ORACLE}
        if len(ends) < 2 or recipe in ends or self.resampled != self.task.score:
            return math.nan, math.nan
        draws = self._draws(self.task.score)
        seeds = draws.common(recipe, BASELINE, ORACLE)
        gained, gap = (draws.difference(BASELINE, other, seeds) for other in (recipe, ORACLE))
        if not (gained and gap and draws.units > 1):
            return math.nan, math.nan
        return ratio_interval(gained.draws, gap.draws)

    @property
    def groups(self) -> int:
        """How many groups of images were judged; 0 where the dataset does not say which belong together."""
        return self._draws(self.resampled).units if image_groups(self.images) else 0

    @property
    def drawn(self) -> str:
        """What intervals are over, for a sentence: `images`, or `7 groups of images`."""
        if not self.groups:
            return "images"
        if self.groups == self._draws(self.resampled).images:
            return "images, no two of which are said to belong together,"
        return f"{self.groups} group{'s' if self.groups > 1 else ''} of images"

    @property
    def resampled(self) -> str:
        """The metric that `tests` are about: the score, or a mean over pixels in its place."""
        return stand_in(self.task.score)

    def tests(self, metric: str = "") -> dict[tuple[str, str], PairTest]:
        """The first recipe's pooled metric minus the second's, for every pair, over the same images and seeds.

        Args:
            metric: one of `metrics`; default: the score. What is tested is `stand_in` of it. Holm's correction is over
                the pairs of this metric.
        """
        name = stand_in(metric or self.task.score)
        if name not in self._tests:
            self._tests[name] = pair_tests(self._draws(name))
        return self._tests[name]

    def difference(self, recipe: str, other: str, metric: str = "") -> PairTest:
        """The recipe's pooled metric minus the other's: one of `tests`, in this order."""
        tests = self.tests(metric)
        return tests[recipe, other] if (recipe, other) in tests else tests[other, recipe].swapped()

    def bold(self, metric: str = "") -> set[str]:
        """The recipe with the best mean, and those that a test against it, after Holm, does not call worse.

        Neither the oracle, nor a recipe that was not tested.

        Nothing where it is not known whether a metric is to be high or low, or no mean exists.
        """
        metric = metric or self.task.score
        names = [name for name in self.metrics if name != ORACLE and math.isfinite(self.mean(name)[metric])]
        sign = self.sign(metric)
        if not (names and sign):
            return set()
        best = min(names, key=lambda name: sign * self.mean(name)[metric])
        return {best} | {name for name in names if name != best and self._not_worse(name, best, metric)}

    def sign(self, metric: str) -> int:
        """1 for errors, −1 for metrics of which more is better, 0 where that is not known."""
        return (1 if self.task.lower_is_better else -1) if metric == self.task.score else direction(metric)

    def best(self) -> str:
        """The recipe with the best mean score, the oracle aside; one whose score is not finite comes last."""
        names = [name for name in self.metrics if name != ORACLE] or list(self.metrics)

        def rank(name: str) -> float:
            score = self.mean(name)[self.task.score]
            return self.sign(self.task.score) * score if math.isfinite(score) else math.inf

        return min(names, key=rank)

    def _not_worse(self, recipe: str, best: str, metric: str) -> bool:
        test = self.difference(recipe, best, metric)
        return not math.isnan(test.p) and not (test.certain and self.sign(metric) * test.value > 0)

    def _draws(self, name: str) -> Resampling:
        if name not in self._resampling:
            scores, weights = image_scores(self.images, name, self.task.counted)
            draws = max(_DRAWS, _DRAWS_A_PAIR * math.comb(len(scores), 2))
            self._resampling[name] = Resampling(
                scores, weights, groups=image_groups(self.images), root=is_root(name), draws=draws
            )
        return self._resampling[name]

    def _check_images(self, recipe: str, seed: int, images: ImageRows) -> None:
        first = next(((name, s, rows) for name, seeds in self.images.items() for s, rows in seeds.items()), None)
        if first is None or first[:2] == (recipe, seed):
            return
        other, other_seed, rows = first
        if [row["id"] for row in rows] != [row["id"] for row in images]:
            raise InputError(
                f"{recipe} seed {seed} was judged on {len(images)} images, {other} seed {other_seed} on"
                f" {len(rows)} others; remove the folder `evaluation` of their runs and compare again"
            )
        if [row.get("group") for row in rows] != [row.get("group") for row in images]:
            raise InputError(
                f"{recipe} seed {seed} and {other} seed {other_seed} were judged before and after `groups` of the"
                " target's dataset.yaml changed; call the same `headfreeze compare` again"
            )

    def rows(self) -> list[dict[str, Any]]:
        """One row for each recipe and seed."""
        return [
            {"recipe": recipe, "seed": seed, "budget": self.budget}
            | values
            | {"gap_closed": self.gap_closed(recipe, seed) if self._has_ends(seed) else math.nan}
            for recipe, seeds in self.metrics.items()
            for seed, values in seeds.items()
        ]

    def _has_ends(self, seed: int) -> bool:
        return all(seed in self.metrics.get(end, {}) for end in (BASELINE, ORACLE))

    def csv(self) -> str:
        """`rows` as CSV; a value that does not exist is an empty cell."""
        return records_csv(self.rows())

    def summary(self, seconds: float) -> dict[str, Any]:
        """What summary.json holds."""
        recipes: Mapping[str, Any] = {
            recipe: self.mean(recipe)
            | {"gap_closed": self.gap_closed(recipe), "gap_closed_interval": list(self.gap_interval(recipe))}
            | {"seeds": sorted(seeds), "score_std": self.spread(recipe), "std": self.std(recipe)}
            | ({"against_baseline": self._against_baseline(recipe)} if self._comparable(recipe) else {})
            | ({"adversary": self.adversaries[recipe]} if recipe in self.adversaries else {})
            for recipe, seeds in self.metrics.items()
        }
        tests = {
            "metric": self.resampled,
            "pairs": [{"recipe": a, "other": b} | vars(t) for (a, b), t in self.tests().items()],
        }
        about = {"budget_steps": self.budget, "seconds": round(seconds, 1), "task": self.task.name}
        inside = {"inside": self.inside} if self.inside else {}
        return about | inside | {"recipes": recipes, "bold": sorted(self.bold()), "tests": tests}

    def _against_baseline(self, recipe: str) -> dict[str, Any]:
        return {"metric": self.resampled, **vars(self.difference(recipe, BASELINE))}

    def _comparable(self, recipe: str) -> bool:
        return recipe != BASELINE and bool(self.metrics[recipe].keys() & self.metrics.get(BASELINE, {}).keys())
