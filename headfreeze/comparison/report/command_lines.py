"""Command lines that give a comparison, or one of its runs, again."""

import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headfreeze.comparison.card import ComparisonCard
from headfreeze.recipes import known_recipe
from headfreeze.settings import Adversarial, Architecture, Pair, Training, as_flag

_PARTS = {"pair": Pair, "architecture": Architecture, "training": Training, "adversarial": Adversarial}
_ELSEWHERE = ("seed",)


def compare_command(card: ComparisonCard, folder: Path) -> str:
    """`headfreeze compare …` with every setting that is not the default."""
    words = [f"--recipes={','.join(card.recipes)}", f"--seeds={','.join(map(str, card.seeds))}"]
    words += [f"--inside={card.inside}"] if card.inside else []
    return _line(["compare", *flags(card.settings), *words, f"--phases={card.phases}", f"--out={folder}"])


def fit_command(card: ComparisonCard, recipe: str, seed: int, run: Path) -> str:
    """`headfreeze fit …` for one run; empty for a recipe that only Python knows."""
    if not known_recipe(recipe):
        return ""
    words = [*flags(card.settings), f"--seed={seed}", f"--phases={card.phases}", f"--out={run}"]
    return _line(["fit", recipe, *words])


def flags(settings: Mapping[str, Any]) -> list[str]:
    """Settings that have no default, or another value than it, as flags; the seed aside."""
    found = []
    for part, kind in _PARTS.items():
        given = settings.get(part, {})
        for field in dataclasses.fields(kind):
            value = given.get(field.name)
            if field.name not in _ELSEWHERE and value is not None and value != field.default:
                found.append(f"--{field.name}={as_flag(value)}")
    return found


def _line(words: list[str]) -> str:
    return " ".join(["headfreeze", *(shlex.quote(word) for word in words)])
