"""Synthetic labels, real photographs: adapt a dense-prediction network with an anchor task and a frozen head."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from headfreeze.comparison.compare import compare as compare
    from headfreeze.data.write import LabelledImage as LabelledImage
    from headfreeze.data.write import write_dataset as write_dataset
    from headfreeze.errors import InputError as InputError
    from headfreeze.evaluation.evaluate import evaluate as evaluate
    from headfreeze.inference.export import export as export
    from headfreeze.inference.predictor import Predictor as Predictor
    from headfreeze.models.network import Network as Network
    from headfreeze.models.network import Outputs as Outputs
    from headfreeze.models.network import OutputSpec as OutputSpec
    from headfreeze.recipes import RECIPES as RECIPES
    from headfreeze.recipes import Phase as Phase
    from headfreeze.recipes import Recipe as Recipe
    from headfreeze.selection.select import select as select
    from headfreeze.settings import Adversarial as Adversarial
    from headfreeze.settings import Architecture as Architecture
    from headfreeze.settings import Compute as Compute
    from headfreeze.settings import Pair as Pair
    from headfreeze.settings import Training as Training
    from headfreeze.tasks.base import Task as Task
    from headfreeze.training.fit import fit as fit
    from headfreeze.tuning.search import search as search

_PLACES = {
    "Adversarial": "headfreeze.settings",
    "Architecture": "headfreeze.settings",
    "Compute": "headfreeze.settings",
    "InputError": "headfreeze.errors",
    "LabelledImage": "headfreeze.data.write",
    "Network": "headfreeze.models.network",
    "OutputSpec": "headfreeze.models.network",
    "Outputs": "headfreeze.models.network",
    "Pair": "headfreeze.settings",
    "Phase": "headfreeze.recipes",
    "Predictor": "headfreeze.inference.predictor",
    "RECIPES": "headfreeze.recipes",
    "Recipe": "headfreeze.recipes",
    "Task": "headfreeze.tasks.base",
    "Training": "headfreeze.settings",
    "compare": "headfreeze.comparison.compare",
    "evaluate": "headfreeze.evaluation.evaluate",
    "export": "headfreeze.inference.export",
    "fit": "headfreeze.training.fit",
    "search": "headfreeze.tuning.search",
    "select": "headfreeze.selection.select",
    "write_dataset": "headfreeze.data.write",
}
__all__ = [*_PLACES]


def __getattr__(name: str) -> Any:
    """Imports what is asked for on first use: torch takes seconds to import, and `--help` should not wait for it."""
    if name not in _PLACES:
        raise AttributeError(f"module 'headfreeze' has no attribute '{name}'")
    return getattr(import_module(_PLACES[name]), name)
