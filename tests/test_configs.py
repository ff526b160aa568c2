"""The experiments' files: understood, without a fault in their settings, and opening with their command."""

from pathlib import Path

import pytest
import yaml

from headfreeze.arguments import Arguments
from headfreeze.cli import COMMANDS, settings_of
from headfreeze.recipes import RECIPES

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_holds_settings_that_can_be_trained(path: Path) -> None:
    arguments = Arguments("headfreeze compare", "")
    COMMANDS["compare"].arguments(arguments)
    values, faults = arguments.parse(["--config", str(path)])
    assert values is not None
    assert faults == []
    assert settings_of(values).problems() == []
    assert set(values.recipes) <= RECIPES.keys()
    given = yaml.safe_load(path.read_text())
    assert {name: values[name] for name in given if name not in ("source", "target", "out", "recipes", "seeds")} == {
        name: value for name, value in given.items() if name not in ("source", "target", "out", "recipes", "seeds")
    }


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_opens_with_its_command_and_what_it_takes(path: Path) -> None:
    comment = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert f"#   headfreeze compare --config {path.relative_to(ROOT)}" in comment
    assert any(line.startswith("# Time: ") for line in comment)


def test_there_are_configs() -> None:
    assert {path.stem for path in CONFIGS} >= {"faces-tables-1-2", "faces-table-3", "rendered", "real"}
