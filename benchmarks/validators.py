"""How well validators choose among runs: trains runs that differ, then asks `headfreeze select --judge` about them.

    python benchmarks/validators.py --source ROOT --target ROOT --main normals --anchor segmentation --out OUT \\
        --backbone tiny --size 32 --steps 300 --batch_size 16

Prints a table of validators: Spearman's correlation with the error on the target's test split, whose labels are opened
in the end, and by how much the run that would be chosen is worse than the best. Thirteen runs: recipes that adapt and
recipes that do not, an adversary of the usual weight and a strong one, two seeds, learning rates that are too low and
too high. Called again, it goes on where it stopped.
"""

import sys
from dataclasses import replace
from pathlib import Path

from headfreeze.arguments import Arguments
from headfreeze.errors import InputError, raise_all
from headfreeze.recipes import find_recipe
from headfreeze.selection.judge import judged, judgements
from headfreeze.selection.select import select
from headfreeze.settings import Settings
from headfreeze.training.commands import settings_of, training_arguments
from headfreeze.training.fit import fit

LOW, HIGH = 1 / 8, 4
"""Factors of the usual learning rate."""
STRONG = 10
"""Factor of the adversary's usual weight."""
RUNS: tuple[tuple[str, int, float, float], ...] = (
    ("baseline", 0, 1, 1), ("mtl-both", 0, 1, 1), ("headfreeze", 0, 1, 1), ("mtl-target", 0, 1, 1),
    ("baseline-da", 0, 1, 1), ("mtl-finetune", 0, 1, 1), ("mtl-both", 0, LOW, 1), ("mtl-both", 0, HIGH, 1),
    ("baseline-da", 0, 1, STRONG), ("baseline", 1, 1, 1), ("headfreeze", 1, 1, 1), ("baseline", 0, LOW, 1),
    ("mtl-both", 1, 1, 1),
)  # fmt: skip
"""Recipe, seed, factor of the learning rate, factor of the adversary's weight."""


def name(recipe: str, seed: int, rate: float, weight: float) -> str:
    """Of the folder that holds the run."""
    return (
        f"{recipe}-seed{seed}" + (f"-rate{rate:g}" if rate != 1 else "") + (f"-weight{weight:g}" if weight != 1 else "")
    )


def train(settings: Settings, out: Path) -> None:
    """Trains what is not there yet."""
    from headfreeze.adversaries.build import default_weight

    usual_rate = settings.training.learning_rate(settings.architecture)
    usual_weight = default_weight(settings.adversarial)
    for recipe, seed, rate, weight in RUNS:
        opposed = any(phase.adversary for phase in find_recipe(recipe).phases)
        try:
            fit(
                recipe,
                settings.pair,
                out / name(recipe, seed, rate, weight),
                architecture=settings.architecture,
                training=replace(settings.training, seed=seed, lr=rate * usual_rate),
                adversarial=replace(settings.adversarial, adversary_weight=weight * usual_weight) if opposed else None,
                phases=out / "phases",
            )
        except FloatingPointError as error:  # a rate that is too high: worse than any
            print(f"{name(recipe, seed, rate, weight)}: {error}")


def main() -> None:
    arguments = Arguments("validators.py", __doc__)
    training_arguments(arguments)
    try:
        values, faults = arguments.parse(sys.argv[1:])
        raise_all(faults)
        if values is None:  # --help has printed
            return
        train(settings_of(values), values.out)
        found = select(values.out)
        print(found.table(), judgements(judged(found.runs, found.values)), sep="\n\n")
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
