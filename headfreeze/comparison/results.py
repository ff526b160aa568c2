"""The numbers of a comparison: a row for each recipe and seed, means over seeds, the gap closed, and how sure it is."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headfreeze.evaluation.significance import Difference, paired_bootstrap
from headfreeze.tasks.base import Task

BASELINE, ORACLE = "baseline", "oracle"
_POOLED_FROM_IMAGES = {"miou": "pixel_accuracy"}
"""Scores that are no mean over pixels, and the metric whose differences stand for theirs where images are resampled."""
ImageRows = list[dict[str, float | str]]


@dataclass
class Results:
    """Everything that a comparison measured on the target's test split.

    Attributes:
        task: the main task.
        budget: steps of every recipe.
        inside: the task inside of whose labels alone pixels were judged; empty: everywhere.
        metrics: {recipe: {seed: {metric: value}}}.
        images: {recipe: {seed: scores of every image}}.
        adversaries: {recipe: {seed: what its last phase's adversary reports}}, for recipes that have one.
    """

    task: Task
    budget: int
    inside: str = ""
    metrics: dict[str, dict[int, dict[str, float]]] = field(default_factory=dict)
    images: dict[str, dict[int, ImageRows]] = field(default_factory=dict)
    adversaries: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)

    def add(
        self,
        recipe: str,
        seed: int,
        metrics: dict[str, float],
        images: ImageRows,
        adversary: dict[str, Any] | None = None,
    ) -> None:
        """Books one trained and evaluated recipe."""
        self.metrics.setdefault(recipe, {})[seed] = metrics
        self.images.setdefault(recipe, {})[seed] = images
        if adversary:
            self.adversaries.setdefault(recipe, {})[seed] = adversary

    def mean(self, recipe: str) -> dict[str, float]:
        """Every metric of a recipe, averaged over its seeds."""
        rows = list(self.metrics[recipe].values())
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def spread(self, recipe: str) -> float:
        """Standard deviation of the score over seeds; NaN for one seed."""
        values = [row[self.task.score] for row in self.metrics[recipe].values()]
        return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan

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

    @property
    def resampled(self) -> str:
        """The metric that `difference` is about: the score, or a mean over pixels in its place."""
        return _POOLED_FROM_IMAGES.get(self.task.score, self.task.score)

    def difference(self, recipe: str, other: str) -> Difference:
        """The recipe's pooled `resampled` metric minus the other's, over the same images and seeds."""
        seeds = sorted(self.metrics[recipe].keys() & self.metrics[other].keys())
        weights = np.array([float(row[self.task.counted]) for row in self.images[recipe][seeds[0]]])

        def scores(name: str) -> np.ndarray:
            return np.array([[float(row[self.resampled]) for row in self.images[name][s]] for s in seeds])

        return paired_bootstrap(scores(recipe), scores(other), weights)

    def best(self) -> str:
        """The recipe with the best mean score, the oracle aside."""
        names = [name for name in self.metrics if name != ORACLE] or list(self.metrics)
        sign = 1 if self.task.lower_is_better else -1
        return min(names, key=lambda name: sign * self.mean(name)[self.task.score])

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
        rows = self.rows()
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: "" if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()})
        return text.getvalue()

    def summary(self, seconds: float) -> dict[str, Any]:
        """What summary.json holds."""
        recipes: Mapping[str, Any] = {
            recipe: self.mean(recipe)
            | {"gap_closed": self.gap_closed(recipe), "seeds": sorted(seeds), "score_std": self.spread(recipe)}
            | ({"against_baseline": self._against_baseline(recipe)} if self._comparable(recipe) else {})
            | ({"adversary": self.adversaries[recipe]} if recipe in self.adversaries else {})
            for recipe, seeds in self.metrics.items()
        }
        about = {"budget_steps": self.budget, "seconds": round(seconds, 1), "task": self.task.name}
        return about | ({"inside": self.inside} if self.inside else {}) | {"recipes": recipes}

    def _against_baseline(self, recipe: str) -> dict[str, Any]:
        return {"metric": self.resampled, **vars(self.difference(recipe, BASELINE))}

    def _comparable(self, recipe: str) -> bool:
        return recipe != BASELINE and bool(self.metrics[recipe].keys() & self.metrics.get(BASELINE, {}).keys())
