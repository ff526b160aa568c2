"""The experiments' files: understood, without a fault in their settings, and opening with what one wants to know."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from headfreeze.arguments import Arguments
from headfreeze.cli import COMMANDS
from headfreeze.recipes import RECIPES
from headfreeze.training.checks import check_adversary
from headfreeze.training.commands import settings_of

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
PAPER = [path for path in CONFIGS if path.parent.name == "paper"]
KINDS = ("feature", "output")
RUN_ELSEWHERE = ("recipes", "seeds", "out", "adversary")
"""Settings that may differ from those of the tables whose phases a config takes over."""


def settings(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text()))


def comment(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.startswith("#")]


def command_of(path: Path) -> str:
    """What a config is for."""
    return "study" if "anchors" in settings(path) else "compare"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_holds_settings_that_can_be_trained(path: Path) -> None:
    command = command_of(path)
    arguments = Arguments(f"headfreeze {command}", "")
    COMMANDS[command].arguments(arguments)
    values, faults = arguments.parse(["--config", str(path)])
    assert values is not None
    assert faults == []
    for anchor in values.get("anchors", [values.get("anchor")]):
        values.anchor = anchor
        assert settings_of(values).problems() == []
    assert set(values.recipes) <= RECIPES.keys()
    check_adversary(settings_of(values), [RECIPES[name] for name in values.recipes])
    given = yaml.safe_load(path.read_text())
    assert {name: values[name] for name in given if name not in ("source", "target", "out", "recipes", "seeds")} == {
        name: value for name, value in given.items() if name not in ("source", "target", "out", "recipes", "seeds")
    }


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_opens_with_its_command_and_what_it_takes(path: Path) -> None:
    lines = comment(path)
    assert lines == path.read_text().splitlines()[: len(lines)]
    assert f"#   headfreeze {command_of(path)} --config {path.relative_to(ROOT)}" in lines
    assert any(line.startswith("# Time: ") for line in lines)
    assert "reckoned" in " ".join(lines), "a time that was not measured says so"


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.stem)
def test_a_config_of_the_paper_says_what_it_needs_and_what_is_not_the_papers(path: Path) -> None:
    lines = comment(path)
    assert "(arXiv 1908.06079)" in " ".join(line.removeprefix("# ") for line in lines)
    assert any(line.startswith("# Data") for line in lines)
    assert any(line.startswith("# Not in the paper, and chosen here: ") for line in lines)
    assert settings(path)["out"] == f"runs/paper/{path.stem}"
    assert settings(path)["freeze_after"] == "up2"
    named = set(re.findall(r"[\w-]+\.yaml", " ".join(lines))) - {"dataset.yaml"}
    assert named <= {other.name for other in PAPER}


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.stem)
def test_a_config_that_trains_nothing_anew_has_the_settings_of_the_one_it_names(path: Path) -> None:
    text = " ".join(line.removeprefix("# ") for line in comment(path))
    if found := re.search(r"nothing is trained that (\S+) has trained", text):
        own, other = settings(path), settings(path.with_name(found[1]))
        assert set(own["recipes"]) <= set(other["recipes"])
        assert own.get("adversary", other["adversary"]) == other["adversary"]
        assert {k: v for k, v in own.items() if k not in RUN_ELSEWHERE} == {
            k: v for k, v in other.items() if k not in RUN_ELSEWHERE
        }


def test_there_is_a_config_for_every_table_and_figure_of_the_paper() -> None:
    wanted = {"faces-tables-1-2", "faces-table-3", "indoor-tables-1-2", "faces-figure-3", "faces-figure-4"}
    wanted |= {"indoor-figure-4", "faces-adversaries", "indoor-adversaries"}
    wanted |= {f"{data}-which-adversary-{kind}" for data in ("faces", "faces-frontal", "indoor") for kind in KINDS}
    assert {path.stem for path in PAPER} == wanted
    assert {path.stem for path in CONFIGS} >= {"rendered", "rendered-frontal", "real"}


@pytest.mark.parametrize("path", [path for path in PAPER if "tables" in path.stem], ids=lambda path: path.stem)
def test_the_papers_adversaries_and_rows(path: Path) -> None:
    given = settings(path)
    faces = path.stem.startswith("faces")
    assert given["adversary"] == ("feature" if faces else "output")
    assert given["recipes"] == [name for name in given["recipes"] if name in RECIPES]
    assert {"baseline", "mtl-source", "mtl-target", "mtl-both", "headfreeze", "oracle"} <= set(given["recipes"])
    assert given.get("inside") == ("keypoints" if faces else None)
