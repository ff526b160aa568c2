"""Command lines that give a comparison, or one of its runs, again."""

import shlex
from pathlib import Path

from headfreeze.comparison.card import ComparisonCard
from headfreeze.recipes import known_recipe
from headfreeze.settings import as_flags


def compare_command(card: ComparisonCard, folder: Path) -> str:
    """`headfreeze compare …` with every setting that is not the default."""
    words = [f"--recipes={','.join(card.recipes)}", f"--seeds={','.join(map(str, card.seeds))}"]
    words += [f"--inside={card.inside}"] if card.inside else []
    return shlex.join(["headfreeze", "compare", *_flags(card), *words, f"--out={folder}"])


def fit_command(card: ComparisonCard, recipe: str, seed: int, run: Path) -> str:
    """`headfreeze fit …` for one run; empty for a recipe that only Python knows."""
    if not known_recipe(recipe):
        return ""
    return shlex.join(["headfreeze", "fit", recipe, *_flags(card), f"--seed={seed}", f"--out={run}"])


def _flags(card: ComparisonCard) -> list[str]:
    """What both have in common; seeds are given apart."""
    return [*as_flags(card.settings, skip=("seed",)), f"--phases={card.phases}"]
