"""One phase of the tiny pair, ready to run."""

from pathlib import Path
from typing import Any

from headfreeze.recipes import RECIPES
from headfreeze.settings import Settings
from headfreeze.training.fit import PlannedPhase, RecipeTraining
from headfreeze.training.phase import PhaseTraining
from headfreeze.training.session import Session
from tests.runs import TINY, pair_of, training_of
from tests.worlds import TinyPair


def untrained(
    tiny: TinyPair,
    store: Path,
    recipe: str,
    plateau: bool = False,
    augment: str = "photometric",
    size: int | str = 32,
    **settings: Any,
) -> PhaseTraining:
    """The first phase of a recipe with the whole budget."""
    training = training_of(**{"steps": 1} | settings)
    session = Session(Settings(pair_of(tiny, augment=augment, size=size), TINY, training), store)
    trainer = RecipeTraining(session, RECIPES[recipe], training.seed, store / "run")
    planned = PlannedPhase(RECIPES[recipe].phases[0], 0, training.steps, None, plateau)
    return trainer.phase_training(planned, session.store.folder(trainer.spec(planned)))
