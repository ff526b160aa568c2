"""Three runs on the tiny pair, and an oracle; the network of cross-task energy learns for a few steps."""

import shutil
from pathlib import Path

import pytest

from headfreeze.selection import cross_task
from tests.runs import TINY, fit_tiny, pair_of, training_of
from tests.unrendered import unrendered_figures
from tests.worlds import TinyPair

RECIPES = ("baseline", "headfreeze", "oracle")


@pytest.fixture(autouse=True)
def _learnt_in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_task, "_STEPS", 4)


@pytest.fixture(scope="session")
def trained(tiny_pair: TinyPair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only."""
    folder = tmp_path_factory.mktemp("trained")
    for recipe, seed in (("baseline", 0), ("mtl-both", 0), ("mtl-both", 1), ("oracle", 0)):
        fit_tiny(recipe, tiny_pair, folder / f"{recipe}-seed{seed}", phases=folder / "phases", seed=seed)
    return folder


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    """A copy to write into."""
    return Path(shutil.copytree(trained, tmp_path / "runs"))


@pytest.fixture(scope="session")
def compared(tiny_pair: TinyPair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison. Read only."""
    from headfreeze.comparison.compare import compare  # here, so that the type checker is around it

    folder, training = tmp_path_factory.mktemp("compared") / "out", training_of(steps=2, batch_size=2)
    with unrendered_figures():
        compare(pair_of(tiny_pair), folder, recipes=RECIPES, seeds=(0,), architecture=TINY, training=training)
    return folder
