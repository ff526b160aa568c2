"""How often methods that are equal are told apart at 5 %, by several tests: simulated, or from a comparison of yours.

    python benchmarks/false_positives.py [--repetitions 1000] [--comparison DIR]

Simulated: 200 images; a method's deviation is a part of each seed (normal), one of each image (skewed) and one of both
(long tails), in units of what each contributes to the pooled score of one seed. Then 160 images in groups, which share
most of what a method does on them. With --comparison: scores of the stored runs, whose labels (which recipe) are
shuffled for each image and seed, or for each image alike under all seeds.
"""

import argparse
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from headfreeze.comparison.card import read_results
from headfreeze.comparison.pooled import image_groups, image_scores
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
IN_GROUPS = 160
SIZES = {"8 of 20": [20] * 8, "20 of 8": [8] * 20, "7 of 12, 76 of 1": [12] * 7 + [1] * 76}
"""Of groups of 160 images."""
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


def told_apart(runs: Runs, weights: np.ndarray, groups: Sequence[str] | None) -> list[bool]:
    """What the plain bootstrap, the rescaled one, Wilcoxon's test and ours say of the first two methods; and of any."""
    names = list(runs)
    both = {name: runs[name] for name in names[:2]}
    pair = pair_tests(Resampling(both, weights, groups=groups, draws=DRAWS))[*names[:2]]
    tests = pair_tests(Resampling(runs, weights, groups=groups, draws=max(DRAWS, 100 * math.comb(len(runs), 2))))
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


def shuffled(
    rng: np.random.Generator, values: np.ndarray, together: bool, groups: Sequence[str] | None = None
) -> np.ndarray:
    """Scores, methods × seeds × images, of which nobody knows any more which method's they are; groups stay whole."""
    methods, seeds, images = values.shape
    of = np.unique(groups, return_inverse=True)[1] if groups else np.arange(images)
    order = rng.random((methods, 1 if together else seeds, of.max() + 1)).argsort(0)[:, :, of]
    return np.take_along_axis(values, np.broadcast_to(order, values.shape), 0)


def row(name: str, repetitions: int, draws: Iterator[tuple[Runs, np.ndarray, Sequence[str] | None]]) -> None:
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
                draws = ((simulated(rng, seeds, parts, factor), np.ones(IMAGES), None) for _ in iter(int, 1))
                row(f"{seeds} | {name}{unequal}", repetitions, draws)


def simulate_groups(repetitions: int) -> None:
    """Groups whose images share most of what a method does on them, and whether that is said."""
    for seeds in (1, 3):
        for name, sizes in SIZES.items():
            for alone in (0.5, 2.0):
                which = np.repeat(np.arange(len(sizes)), sizes)
                rng = np.random.default_rng([seeds, len(sizes)])
                wrong = np.zeros(2)
                for _ in range(repetitions):
                    shared = rng.standard_normal((2, 1, len(sizes)))[:, :, which]
                    own = alone * rng.standard_normal((2, 1, IN_GROUPS))
                    of_seeds = 0.1 * rng.standard_normal((2, seeds, 1)) + 0.1 * rng.standard_t(5, (2, seeds, IN_GROUPS))
                    runs = {str(m): dict(enumerate(values)) for m, values in enumerate(shared + own + of_seeds)}
                    for k, groups in enumerate((None, which.tolist())):
                        drawn = Resampling(runs, np.ones(IN_GROUPS), groups=groups, draws=DRAWS)
                        wrong[k] += pair_tests(drawn)["0", "1"].p < LEVEL
                rates = " | ".join(f"{100 * rate:.1f}" for rate in wrong / repetitions)
                print(f"| {seeds} | {name} | {alone} | {rates} |", flush=True)


def shuffle(folder: Path, repetitions: int) -> None:
    results = read_results(folder)
    scores, weights = image_scores(results.images, results.resampled, results.task.counted)
    groups = image_groups(results.images)
    seeds = sorted(set.intersection(*(set(runs) for runs in scores.values())))
    values = np.array([[runs[s] for s in seeds] for runs in scores.values()])
    for together in (False, True):
        rng = np.random.default_rng(together)
        moved = (shuffled(rng, values, together, groups) for _ in iter(int, 1))
        draws = ({name: dict(enumerate(r)) for name, r in zip(scores, each, strict=True)} for each in moved)
        what = "group of images" if groups else "image"
        name = f"{len(seeds)} | shuffled for each {what}{'' if together else ' and seed'}"
        row(name, repetitions, ((runs, weights, groups) for runs in draws))


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
        print("\n| seeds | groups of images | images' own part | each its own | in groups |")
        print("| ---: | ---: | ---: | ---: | ---: |")
        simulate_groups(arguments.repetitions)


if __name__ == "__main__":
    main()
