"""How often methods that are equal are told apart at 5 %, by several tests: simulated, or from a comparison of yours.

    python benchmarks/false_positives.py [--repetitions 1000] [--comparison DIR]

Simulated: 200 images; a method's deviation is a part of each seed (normal), one of each image (skewed) and one of both
(long tails), in units of what each contributes to the pooled score of one seed. Then 160 images in groups, which share
most of what a method does on them. With --comparison: scores of the stored runs, whose labels (which recipe) are
shuffled for each image and seed, or for each image alike under all seeds.
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from headfreeze.comparison.card import read_results
from headfreeze.comparison.pooled import image_scores
from headfreeze.evaluation.resampling import Resampling
from headfreeze.evaluation.significance import LEVEL, pair_tests

IMAGES, METHODS, DRAWS = 200, 5, 1000
MIXTURES = {
    "images alone": (0.0, 1.0, 0.0),
    "each image and seed by itself": (0.0, 0.0, 1.0),
    "mostly images": (0.3, 1.0, 1.0),
    "all three alike": (1.0, 1.0, 1.0),
    "mostly seeds": (1.0, 0.3, 0.3),
    "seeds alone": (1.0, 0.0, 0.0),
}
Runs = dict[str, dict[int, np.ndarray]]
COLUMNS = ("plain bootstrap", "× √(n/(n−1))", "Wilcoxon", "two", "of five", "any, Holm")


def simulated(rng: np.random.Generator, seeds: int, parts: tuple[float, float, float], factors: np.ndarray) -> Runs:
    """Methods that are equal; `factors` multiply how much the seeds of each vary."""
    of_seeds, of_images, of_both = parts
    shape = (METHODS, seeds, IMAGES)
    values = (
        of_seeds * factors[:, None, None] * rng.standard_normal((METHODS, seeds, 1))
        + of_images * np.sqrt(IMAGES) * (rng.gamma(1, 1, (METHODS, 1, IMAGES)) - 1)
        + of_both * np.sqrt(IMAGES * 3 / 5) * rng.standard_t(5, shape)
    )
    return {str(m): dict(enumerate(runs)) for m, runs in enumerate(values)}


def told_apart(runs: Runs, weights: np.ndarray) -> list[bool]:
    """What the plain bootstrap, the rescaled one, Wilcoxon's test and ours say of the first two methods; and of any."""
    names = list(runs)
    pair = pair_tests(Resampling({name: runs[name] for name in names[:2]}, weights, draws=DRAWS))[*names[:2]]
    tests = pair_tests(Resampling(runs, weights, draws=max(DRAWS, 100 * math.comb(len(runs), 2))))
    factor = np.sqrt(pair.seeds / (pair.seeds - 1)) if pair.seeds > 1 else 1.0
    ends = (pair.bootstrap_low - pair.value, pair.bootstrap_high - pair.value)
    return [
        pair.bootstrap_low > 0 or pair.bootstrap_high < 0,
        pair.value + factor * ends[0] > 0 or pair.value + factor * ends[1] < 0,
        pair.p_wilcoxon < LEVEL,
        pair.p < LEVEL,
        tests[*names[:2]].p < LEVEL,
        any(test.certain for test in tests.values()),
    ]


def shuffled(rng: np.random.Generator, values: np.ndarray, together: bool) -> np.ndarray:
    """Scores, methods × seeds × images, of which nobody knows any more which method's they are."""
    methods, seeds, images = values.shape
    order = rng.random((methods, 1 if together else seeds, images)).argsort(0)
    return np.take_along_axis(values, np.broadcast_to(order, values.shape), 0)


def row(name: str, repetitions: int, draws: Iterator[tuple[Runs, np.ndarray]]) -> None:
    rates = np.mean([told_apart(*next(draws)) for _ in range(repetitions)], 0)
    print(f"| {name} | " + " | ".join(f"{100 * rate:.1f}" for rate in rates) + " |", flush=True)


def simulate(repetitions: int) -> None:
    factors = {"": np.ones(METHODS), ", the first one's vary twice as much": np.array([2.0] + [1.0] * (METHODS - 1))}
    for seeds in (1, 2, 3, 5):
        for name, parts in MIXTURES.items():
            for unequal, factor in factors.items():
                if unequal and (name != "seeds alone" or seeds == 1):
                    continue
                rng = np.random.default_rng([seeds, list(MIXTURES).index(name)])
                draws = ((simulated(rng, seeds, parts, factor), np.ones(IMAGES)) for _ in iter(int, 1))
                row(f"{seeds} | {name}{unequal}", repetitions, draws)


def simulate_groups(repetitions: int) -> None:
    """Groups whose images share most of what a method does on them, and whether that is said."""
    for seeds in (1, 3):
        for groups, alone in ((8, 0.5), (20, 0.5), (20, 2.0)):
            each = 160 // groups
            names = [k // each for k in range(160)]
            rng = np.random.default_rng([seeds, groups])
            wrong = np.zeros(2)
            for _ in range(repetitions):
                shared = np.repeat(rng.standard_normal((2, 1, groups)), each, axis=2)
                own = alone * rng.standard_normal((2, 1, 160))
                values = (
                    shared + own + 0.1 * rng.standard_normal((2, seeds, 1)) + 0.1 * rng.standard_t(5, (2, seeds, 160))
                )
                runs = {str(m): dict(enumerate(each)) for m, each in enumerate(values)}
                for k, said in enumerate((None, names)):
                    wrong[k] += pair_tests(Resampling(runs, np.ones(160), said, draws=DRAWS))["0", "1"].p < LEVEL
            rates = " | ".join(f"{100 * rate:.1f}" for rate in wrong / repetitions)
            print(f"| {seeds} | {groups} | {alone} | {rates} |", flush=True)


def shuffle(folder: Path, repetitions: int) -> None:
    results = read_results(folder)
    scores, weights = image_scores(results.images, results.resampled, results.task.counted)
    seeds = sorted(set.intersection(*(set(runs) for runs in scores.values())))
    values = np.array([[runs[s] for s in seeds] for runs in scores.values()])
    for together in (False, True):
        rng = np.random.default_rng(together)
        draws = (
            (
                {name: dict(enumerate(r)) for name, r in zip(scores, shuffled(rng, values, together), strict=True)},
                weights,
            )
            for _ in iter(int, 1)
        )
        row(f"{len(seeds)} | shuffled for each image{'' if together else ' and seed'}", repetitions, draws)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--comparison", type=Path, help="folder that `headfreeze compare` wrote; default: simulate")
    arguments = parser.parse_args()
    print("| seeds | deviations | " + " | ".join(COLUMNS) + " |")
    print("| ---: | --- |" + " ---: |" * len(COLUMNS), flush=True)
    if arguments.comparison:
        shuffle(arguments.comparison, arguments.repetitions)
    else:
        simulate(arguments.repetitions)
        print("\n| seeds | groups of 160 images | images' own part | each its own | in groups |")
        print("| ---: | ---: | ---: | ---: | ---: |")
        simulate_groups(arguments.repetitions)


if __name__ == "__main__":
    main()
