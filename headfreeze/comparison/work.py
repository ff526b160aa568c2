"""What a worker of a comparison does, wherever it is: train a phase, or score a run."""

import pickle
import traceback
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from headfreeze.comparison.graph import PhaseNode, RunNode
from headfreeze.data.folder import Dataset, open_dataset
from headfreeze.evaluation.evaluate import Scores, score_run
from headfreeze.evaluation.kept import judged
from headfreeze.imports import import_module_here
from headfreeze.progress import hush
from headfreeze.recipes import Recipe
from headfreeze.run import Run
from headfreeze.settings import Settings
from headfreeze.training.fit import RecipeTraining, fit_recipe
from headfreeze.training.processes import by_first
from headfreeze.training.session import Session


@dataclass(frozen=True)
class Setup:
    """What all jobs of a comparison have in common.

    Attributes:
        settings: of every run.
        phases: the store, a folder or a URL.
        inside: the task inside of whose labels alone pixels are judged.
        beside: how many workers share the machine.
        imports: modules that register tasks of the user's own.
    """

    settings: Settings
    phases: str
    inside: str = ""
    beside: int = 1
    imports: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """A node of the graph to do.

    Attributes:
        node: a phase whose parents are trained, or a run all of whose phases are.
        recipe: one that needs it.
        run: where the run lies; None where the worker may not see that folder.
    """

    node: PhaseNode | RunNode
    recipe: Recipe
    run: Path | None = None

    def __str__(self) -> str:
        run = f"{self.recipe.name} seed {self.node.seed}"
        if isinstance(self.node, RunNode):
            return f"evaluation of {run}"
        return f"{run} phase {self.node.number + 1}/{len(self.recipe.phases)}"


class Shop:
    """A pair under one setting, opened for any number of jobs.

    Args:
        setup: what they have in common.
        session: of this setup, if there is one already.
    """

    def __init__(self, setup: Setup, session: Session | None = None) -> None:
        self.setup = setup
        self.session = session or Session(setup.settings, setup.phases, setup.beside)

    @cached_property
    def target(self) -> Dataset:
        """The dataset on whose test images runs are scored."""
        return open_dataset(self.setup.settings.pair.target)

    def do(self, job: Job) -> Scores | None:
        """Does a job; gives the scores of a run."""
        if isinstance(job.node, PhaseNode):
            RecipeTraining(self.session, job.recipe, job.node.seed, Path()).train(job.node.number)
            return None
        if run := job.run:
            return by_first(self.session.fabric, lambda: self._scored(run))
        with TemporaryDirectory(prefix="headfreeze-") as folder:
            fit_recipe(self.session, job.recipe, Path(folder) / "run", job.node.seed)
            return self._scored(Path(folder) / "run")

    def _scored(self, folder: Path) -> Scores:
        settings = self.setup.settings
        run = Run(folder, settings.training.device)
        names = judged(self.target, "test", settings.pair.mains, self.setup.inside)
        tasks = {name: run.tasks[name] for name in names}
        return score_run(run, self.target, "test", tasks, self.setup.inside)


def outcome(setup: Setup, job: Job) -> Scores | Exception | None:
    """Does a job for another process, which alone speaks to people; an error is given back, not raised."""
    hush()
    try:
        for module in setup.imports:
            import_module_here(module, "a task of your own")
        return _shop(setup).do(job)
    except Exception as error:
        return _portable(error)


@lru_cache(maxsize=1)
def _shop(setup: Setup) -> Shop:
    """Kept for the next job: opening the data and decoding images takes time."""
    return Shop(setup)


def _portable(error: Exception) -> Exception:
    """The error as another process can read it; where it came from is a note, which `--debug` shows."""
    try:
        found = pickle.loads(pickle.dumps(error))
        same = type(found) is type(error) and str(found) == str(error)
    except Exception:
        same = False
    told = error if same else RuntimeError(f"{type(error).__name__}: {error}")
    told.add_note("".join(traceback.format_exception(error)))
    return told
