"""The command lines of a report are understood by the command line, and mean the same settings."""

import shlex
from pathlib import Path

import pytest
from jsonargparse import Namespace

from headfreeze import cli
from headfreeze.arguments import Arguments
from headfreeze.comparison.card import ComparisonCard
from headfreeze.comparison.report.command_lines import compare_command, fit_command
from headfreeze.settings import Adversarial, Architecture, Pair, Settings, Training
from headfreeze.training.commands import settings_of

SETTINGS = Settings(
    Pair(Path("my rooms/source"), Path("it's/target"), "normals", "edges", size="96x128", zoom=0.5),
    Architecture("tiny", width=8, pretrained=True),
    Training(steps=7, batch_size=2, seed=9, tensorboard=True, lr=1e-3),
    Adversarial("feature", adversary_weight=0.5),
)
DEFAULTS = Settings(Pair(Path("a"), Path("b"), "normals", "edges"))


def card_of(settings: Settings, inside: str = "") -> ComparisonCard:
    return ComparisonCard(
        ("baseline", "headfreeze"), (0, 4), settings.as_dict(), {"name": "normals", "options": {}}, inside, "", "p q"
    )


def understood(line: str) -> Namespace:
    """What the command line makes of it."""
    program, name, *words = shlex.split(line)
    assert program == "headfreeze"
    arguments = Arguments(name, "")
    cli.COMMANDS[name].arguments(arguments)
    values, faults = arguments.parse(words)
    assert faults == []
    assert values is not None
    return values


@pytest.mark.parametrize("settings", [SETTINGS, DEFAULTS])
@pytest.mark.parametrize("inside", ["", "mask"])
def test_a_comparison_is_had_again(settings: Settings, inside: str) -> None:
    values = understood(compare_command(card_of(settings, inside), Path("out put")))
    found = settings_of(values).as_dict()
    assert found.pop("training") == settings.as_dict()["training"] | {"seed": 0}, "a comparison has seeds of its own"
    assert found == {name: part for name, part in settings.as_dict().items() if name != "training"}
    assert (values.recipes, values.seeds, values.inside) == (["baseline", "headfreeze"], [0, 4], inside)
    assert (values.out, values.phases) == (Path("out put"), "p q")


def test_a_run_is_had_again_with_its_seed() -> None:
    values = understood(fit_command(card_of(SETTINGS), "headfreeze", 4, Path("run")))
    assert (values.recipe, values.seed, values.out) == ("headfreeze", 4, Path("run"))
    expected = SETTINGS.as_dict()
    assert settings_of(values).as_dict() == expected | {"training": expected["training"] | {"seed": 4}}


def test_a_recipe_of_ones_own_has_no_command() -> None:
    assert fit_command(card_of(SETTINGS), "mine", 0, Path("run")) == ""
