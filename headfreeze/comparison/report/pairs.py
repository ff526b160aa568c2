"""How sure the differences between recipes are, as the report asks for it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from headfreeze.comparison.results import ORACLE, Results
from headfreeze.evaluation.significance import PairTest


@dataclass(frozen=True)
class Pairs:
    """The tests of all pairs of recipes."""

    results: Results

    @cached_property
    def _tests(self) -> Mapping[tuple[str, str], PairTest]:
        return self.results.tests()

    @cached_property
    def _bold(self) -> set[str]:
        return self.results.bold(self.results.task.score)

    def test(self, recipe: str, other: str) -> PairTest | None:
        """The recipe minus the other; None where nothing can be said, as without a seed that both have."""
        found = self._tests.get((recipe, other))
        if found is None and (turned := self._tests.get((other, recipe))):
            found = turned.swapped()
        return None if found is None or math.isnan(found.low) else found

    def as_good_as(self, best: str) -> list[str]:
        """Recipes that this comparison cannot tell from the best one, the oracle aside."""
        return [name for name in self.results.metrics if name in self._bold and name not in (best, ORACLE)]

    def gap(self, recipe: str) -> tuple[float, float, float]:
        """The gap closed and its interval; NaN where there is none."""
        value = self.results.gap_closed(recipe)
        low, high = (math.nan, math.nan) if math.isnan(value) else self.results.gap_interval(recipe)
        return value, low, high
