"""What other test images and other seeds would have shown: the draws that intervals and p-values are read from."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from jaxtyping import Float

_NUMBERS_AT_ONCE = 4_000_000
_MOST_DRAWN = 2000
"""Where there are more images they are drawn in so many bunches, put together by chance: nothing is gained by more."""
_LEAST_FREEDOM = 1.0
"""Where one image or group has nearly all pixels, which is as if there were two."""
_IMAGES, _FEW_IMAGES, _METHODS, _FEW_SEEDS, _CHOSEN_SEEDS, _BUNCHES = range(6)
"""Streams of random numbers."""

Scores = Mapping[str, Mapping[int, Float[np.ndarray, " images"]]]
"""{method: {seed: mean score of each image}}: the same images everywhere, NaN where an image has nothing to score."""


@dataclass(frozen=True)
class Drawn:
    """A difference of two methods, and what it could have been.

    Attributes:
        value: on all images, averaged over the seeds.
        draws: around `value`, with other images and other seeds.
        bootstrap: of the plain hierarchical bootstrap: seeds and images drawn with replacement.
    """

    value: float
    draws: Float[np.ndarray, " draws"]
    bootstrap: Float[np.ndarray, " draws"]


class Resampling:
    """Differences of pooled scores when images and seeds are others than those at hand.

    Image i under seed s has a difference d_si = μ + seed_s + image_i + both_si (a two-way layout with random effects).
    Images are many: they are drawn again with replacement, the same ones for all methods and seeds, and their spread is
    reduced by what `both` adds to it, for the spread over seeds holds that already (the components are those of
    multi-reader studies, where readers stand for seeds: Hillis, Stat. Med. 26, 2007). Seeds are few, and drawing 3 from
    3 understates how much they vary: their part is Student's t instead. Its variance is the pair's own, or the mean of
    all pairs' where that is greater, with the mean's degrees of freedom. docs/statistics.md has what was measured.

    Args:
        scores: of every method.
        weights: of each image in a pooled score: its valid pixels.
        groups: which images belong together, views of one scene or pictures of one person. They are drawn together,
            for another sample would be one of other scenes: all that is said of images here holds for groups then.
        root: scores are root mean squares, and pooled as squares.
        draws: how many.
        seed: of the drawing.

    Attributes:
        images: how many have something to score.
        units: how many are drawn: groups, or those images.
    """

    def __init__(
        self,
        scores: Scores,
        weights: Float[np.ndarray, " images"],
        *,
        groups: Sequence[Hashable] | None = None,
        root: bool = False,
        draws: int = 10_000,
        seed: int = 0,
    ) -> None:
        runs = [(method, s) for method, seeds in scores.items() for s in sorted(seeds)]
        self._row = {run: k for k, run in enumerate(runs)}
        self.seeds = {method: sorted(seeds) for method, seeds in scores.items()}
        values = np.array([scores[m][s] for m, s in runs], float).reshape(len(runs), len(weights))
        # An image without any score says nothing; one that a single run has no score on is that run's fault.
        there = (weights > 0) & ~np.isnan(values).all(0)
        self._scores = np.where(np.isfinite(values), values, np.nan)[:, there]
        self._weights = weights[there] / weights[there].sum() if there.any() else weights[there]
        self.images = int(there.sum())
        self._draws, self._seed, self._root = draws, seed, root
        if groups is not None and self.images:
            self._gather([group for group, counts in zip(groups, there, strict=True) if counts])
        self.units = len(self._weights)
        entries = self._scores**2 if root else self._scores
        means = entries @ self._weights
        self._means = np.sqrt(means) if root else means
        slopes = np.divide(0.5, self._means, out=np.zeros_like(means), where=means > 0) if root else np.ones_like(means)
        # What each image contributes to first order: the plain mean over images is the pooled score.
        offsets = self.units * self._weights * (entries - means[:, None])
        self._parts = self._means[:, None] + slopes[:, None] * offsets
        self._drawn = self._pooled(entries)

    def common(self, method: str, *others: str) -> list[int]:
        """Seeds that all of the methods have."""
        return [s for s in self.seeds[method] if all(s in self.seeds[other] for other in others)]

    def by_image(self, method: str, seeds: Sequence[int]) -> Float[np.ndarray, "seeds images"]:
        """Scores of the images that have some; of the groups, where there are groups."""
        return self._scores[self._rows(method, seeds)]

    def difference(self, method: str, other: str, seeds: Sequence[int]) -> Drawn | None:
        """The method's pooled score minus the other's; None without images, seeds, or scores of all of them."""
        if not self._complete(method, seeds) or not self._complete(other, seeds):
            return None
        a, b = self._rows(method, seeds), self._rows(other, seeds)
        value = float((self._means[a] - self._means[b]).mean())
        drawn = self._drawn[:, a] - self._drawn[:, b]  # draws × seeds
        by_images = (drawn.mean(1) - value) * self._stretch(self._parts[a] - self._parts[b])
        return Drawn(
            value,
            value + by_images + self._by_seeds(method, other, seeds),
            (drawn * self._chosen_seeds(len(seeds))).sum(1),
        )

    def _gather(self, groups: Sequence[Hashable]) -> None:
        """Makes one image of those of a group, with all of their pixels."""
        known: dict[Hashable, int] = {}
        number = np.array([known.setdefault(group, len(known)) for group in groups], int)
        order = number.argsort(kind="stable")
        starts = np.searchsorted(number[order], np.arange(len(known)))
        weights = np.add.reduceat(self._weights[order], starts)
        entries = (self._scores**2 if self._root else self._scores) * self._weights
        means = np.add.reduceat(entries[:, order], starts, axis=1) / weights
        self._scores, self._weights = np.sqrt(means) if self._root else means, weights

    def _rows(self, method: str, seeds: Sequence[int]) -> list[int]:
        return [self._row[method, s] for s in seeds]

    def _complete(self, method: str, seeds: Sequence[int]) -> bool:
        there = all((method, s) in self._row for s in seeds) and bool(seeds) and self.units > 0
        return there and bool(np.isfinite(self.by_image(method, seeds)).all())

    def _pooled(self, entries: Float[np.ndarray, "runs images"]) -> Float[np.ndarray, "draws runs"]:
        """Pooled scores of every run on the same drawn images."""
        if not self.units:
            return np.full((self._draws, len(entries)), np.nan)
        sums, weights = self._bunched(entries * self._weights), self._bunched(self._weights[None])
        bunches = weights.shape[1]
        rng = self._rng(_IMAGES)
        means = []
        at_once = max(1, _NUMBERS_AT_ONCE // bunches)
        for start in range(0, self._draws, at_once):
            draws = min(at_once, self._draws - start)
            chosen = rng.integers(bunches, size=(draws, bunches)) + bunches * np.arange(draws)[:, None]
            times = np.bincount(chosen.ravel(), minlength=chosen.size).reshape(chosen.shape).astype(float)
            means.append(times @ sums.T / (times @ weights.T))  # draws × runs
        pooled = np.concatenate(means)
        return np.sqrt(pooled) if self._root else pooled

    def _bunched(self, values: Float[np.ndarray, "n images"]) -> Float[np.ndarray, "n bunches"]:
        """Sums over bunches of images; each image by itself where there are not too many."""
        if self.units <= _MOST_DRAWN:
            return values
        order = self._rng(_BUNCHES).permutation(self.units)
        return np.add.reduceat(values[:, order], np.arange(_MOST_DRAWN) * self.units // _MOST_DRAWN, axis=1)

    def _stretch(self, parts: Float[np.ndarray, "seeds images"]) -> Float[np.ndarray, "#draws"]:
        """Factors of the drawn images' deviations: less for what seeds hold already, more where images are few."""
        seeds, images = parts.shape
        if images < 2:
            return np.zeros(1)
        by_image = parts.mean(0) - parts.mean()
        both = parts - parts.mean(1, keepdims=True) - by_image
        of_images = seeds * (by_image**2).sum() / (images - 1)
        of_both = (both**2).sum() / ((seeds - 1) * (images - 1)) if seeds > 1 else 0.0
        share = np.sqrt(max(of_images - of_both, 0) / of_images) if of_images else 0.0
        return share * self._few_images

    def _by_seeds(self, method: str, other: str, seeds: Sequence[int]) -> Float[np.ndarray, "#draws"]:
        """Deviations of a mean over seeds; a method's part is the same in all its pairs, so that ratios pair up."""
        n = len(seeds)
        if n < 2:
            return np.zeros(1)
        names = list(self.seeds)
        peers = [name for name in names if self._complete(name, seeds)]
        variance = max(self._variance(method, other, seeds), self._mean_variance(tuple(peers), tuple(seeds)))
        freedom = (len(peers) - 1) * (n - 1)
        normal = self._normal[names.index(method)] - self._normal[names.index(other)]
        difference = normal * np.sqrt(variance / (2 * n))
        return difference * np.sqrt(freedom / self._rng(_FEW_SEEDS).chisquare(freedom, self._draws))

    @cached_property
    def _few_images(self) -> Float[np.ndarray, " draws"]:
        """Makes of what is about normal what is about a t with units − 1 degrees of freedom.

        Units of unequal weights are as good as fewer of equal ones: (Σ w)² / Σ w² (Kish, Survey Sampling, 1965).
        """
        as_good_as = 1 / np.square(self._weights).sum()
        freedom = max(as_good_as - 1, _LEAST_FREEDOM)
        return np.sqrt(as_good_as / self._rng(_FEW_IMAGES).chisquare(freedom, self._draws))

    @cached_property
    def _normal(self) -> Float[np.ndarray, "methods draws"]:
        return self._rng(_METHODS).standard_normal((len(self.seeds), self._draws))

    def _variance(self, method: str, other: str, seeds: Sequence[int]) -> float:
        """How much a difference varies over seeds."""
        by_seed = self._means[self._rows(method, seeds)] - self._means[self._rows(other, seeds)]
        return float(by_seed.var(ddof=1))

    def _mean_variance(self, methods: tuple[str, ...], seeds: tuple[int, ...]) -> float:
        return float(np.mean([self._variance(*pair, seeds) for pair in combinations(methods, 2)]))

    def _chosen_seeds(self, seeds: int) -> Float[np.ndarray, "draws seeds"]:
        return self._rng(_CHOSEN_SEEDS).multinomial(seeds, [1 / seeds] * seeds, self._draws) / seeds

    def _rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, stream])
