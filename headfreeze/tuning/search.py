"""A recipe's settings tried out by Optuna, judged without a label of the main task on the target.

OUT/search.json     what is searched
OUT/optuna.log      Optuna's journal of the trials: called again, a search goes on
OUT/trials/NUMBER   a run each; their phases are in the store that all commands share
OUT/trials.csv      the trials with every validator
"""

import json
import logging
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headfreeze.columns import aligned, as_csv
from headfreeze.errors import InputError, raise_all, unknown
from headfreeze.evaluation.validators import VALIDATORS
from headfreeze.files import check_folder, write_json, write_text
from headfreeze.recipes import Recipe, find_recipe
from headfreeze.run import Run
from headfreeze.settings import Adversarial, Architecture, Pair, Settings, Training, as_flags
from headfreeze.training.fit import fit_recipe
from headfreeze.training.session import Session
from headfreeze.training.store import PhaseStore
from headfreeze.tuning.space import OBJECTIVE, RANGES, TRIALS, usual

if TYPE_CHECKING:
    from optuna import Study

_NO_MATTER = ("workers", "cache_gb", "validate_every", "checkpoint_every", "device", "devices", "tensorboard")
_RANDOM = 8
"""Trials drawn at random before the sampler begins to learn from them."""


@dataclass(frozen=True)
class Trial:
    """What was varied, and what the validators say of it: nothing where training diverged.

    The first trial varies nothing.
    """

    number: int
    values: Mapping[str, float]
    validators: Mapping[str, float]


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Attributes:
        recipe: its name.
        settings: as they were given.
        varied: names of the settings that were varied.
        objective: the validator that decides.
        phases: where the store of phases lies.
        trials: in their order.
    """

    recipe: str
    settings: Settings
    varied: Sequence[str]
    objective: str
    phases: str
    trials: list[Trial]

    @property
    def best(self) -> Trial:
        """The trial with the lowest objective.

        Raises:
            InputError: the objective says nothing of any trial.
        """
        judged = [t for t in self.trials if math.isfinite(t.validators.get(self.objective, math.nan))]
        if not judged:
            raise InputError(f"objective is {self.objective}, which says nothing of any trial; choose another")
        return min(judged, key=lambda trial: trial.validators[self.objective])

    def table(self) -> str:
        """The trials, the best by the objective first."""
        names = [n for n in VALIDATORS if any(math.isfinite(t.validators.get(n, math.nan)) for t in self.trials)]
        heads = ["trial", *self.varied, *(f"{n} ↓" if n == self.objective else n for n in names)]
        rows = [
            [str(t.number)]
            + [f"{t.values[n]:.4g}" if n in t.values else "given" for n in self.varied]
            + [f"{t.validators[n]:.4g}" if n in t.validators else "diverged" for n in names]
            for t in sorted(self.trials, key=lambda t: (t.validators.get(self.objective, math.inf), t.number))
        ]
        return aligned(heads, rows)

    def csv(self) -> str:
        """The trials with all validators; what does not exist is an empty cell."""
        rows = (
            [t.number, *(t.values.get(n, "") for n in self.varied), *(t.validators.get(n, "") for n in VALIDATORS)]
            for t in self.trials
        )
        return as_csv(["trial", *self.varied, *VALIDATORS], rows)

    def command(self, out: Path | str) -> str:
        """The command line that trains the best setting into `out`; the store of phases has it already."""
        settings = as_flags(with_values(self.settings, self.best.values).as_dict())
        return shlex.join(["headfreeze", "fit", self.recipe, *settings, f"--phases={self.phases}", f"--out={out}"])


def search(
    recipe: str,
    pair: Pair,
    out: Path | str,
    *,
    trials: int = TRIALS,
    objective: str = OBJECTIVE,
    vary: Sequence[str] = (),
    architecture: Architecture | None = None,
    training: Training | None = None,
    adversarial: Adversarial | None = None,
    phases: Path | str | None = None,
) -> Found:
    """Looks for settings of a recipe with the lowest value of a validator, every trial at the same budget.

    The first trial has the settings as they are given, 8 more are drawn at random, then Optuna's TPE proposes. What a
    trial tries depends on the seed and on the trials before it, not on how often the search was interrupted.

    Args:
        recipe: a name in RECIPES.
        pair: the two datasets and their tasks. Main labels of the target are not opened, and neither is its test split.
        out: folder of the search. A search that lies there already goes on.
        trials: how many there shall be in the end.
        objective: a name in VALIDATORS.
        vary: names in RANGES; default: lr, and of anchor_weight, phase_share and adversary_weight what the recipe has.
        architecture: the network.
        training: budget, batches, seed, device.
        adversarial: the adversary of recipes that have one.
        phases: store of trained phases: a folder, or a URL such as s3://bucket/phases; default: `phases` beside `out`.

    Raises:
        InputError: a setting or the data is wrong; another search lies at `out`; Optuna is not installed.
    """
    out = Path(out)
    settings = Settings.of(pair, architecture, training, adversarial)
    store = phases or out.parent / "phases"
    raise_all(problems(recipe, settings, trials, objective, vary, store))
    chosen = find_recipe(recipe)
    names = list(vary) or usual(chosen)
    _claim(out, _identity(recipe, settings, objective, names))
    study = _study(out)
    found = Found(recipe, settings, names, objective, PhaseStore(store).location, _finished(study))
    for number in range(len(found.trials), trials):
        found.trials.append(_tried(study, number, chosen, found, out / "trials" / f"{number:03d}"))
        write_text(out / "trials.csv", found.csv())
    return found


def problems(
    recipe: str, settings: Settings, trials: int, objective: str, vary: Sequence[str], store: Path | str
) -> list[str]:
    """All that is wrong, a line each; trains nothing."""
    session = Session(settings, store)
    found = session.problems([recipe])
    if trials < 1:
        found.append(f"trials is {trials}; the least is 1")
    if objective not in VALIDATORS:
        found.append(unknown("objective", objective, VALIDATORS))
    found += [unknown("setting to vary", name, RANGES) for name in vary if name not in RANGES]
    if len(set(vary)) < len(vary):
        found.append(f"vary is {','.join(vary)}; each may be named once")
    if settings.training.devices > 1:
        found.append(f"devices is {settings.training.devices}; a search trains on one device, set devices to 1")
    if not found:
        has = usual(find_recipe(recipe))
        without = [n for n in vary if n in ("anchor_weight", "phase_share", "adversary_weight") and n not in has]
        found += [f"vary names {name}, which {recipe} does not have; leave it out" for name in without]
        source, main = session.inputs.pair.datasets["source"], session.inputs.pair.main.name
        if objective == "source_loss" and not source.has("val", main):
            missing = f"{source.root} has no val split with '{main}'"
            found.append(f"objective is source_loss, but {missing}; make one or choose another")
        if objective == "anchor_error" and "anchor_weight" not in has:
            found.append(f"objective is anchor_error, but {recipe} does not train the anchor; choose another")
        if objective == "domain_accuracy" and "adversary_weight" not in has:
            found.append(f"objective is domain_accuracy, but {recipe} has no adversary; choose another")
    return found


def with_values(settings: Settings, values: Mapping[str, float]) -> Settings:
    """The settings with some of them replaced."""
    parts = {}
    for name in ("pair", "training", "adversarial"):
        part = getattr(settings, name)
        own = {field.name for field in fields(part)}
        parts[name] = replace(part, **{key: value for key, value in values.items() if key in own})
    return replace(settings, **parts)


def _identity(recipe: str, settings: Settings, objective: str, vary: Sequence[str]) -> dict[str, Any]:
    """What makes two searches the same one; where and how fast it is computed does not."""
    plain = settings.as_dict()
    plain["training"] = {k: v for k, v in plain["training"].items() if k not in _NO_MATTER}
    return {"recipe": recipe, "objective": objective, "vary": list(vary), "settings": plain}


def _claim(out: Path, found: Mapping[str, Any]) -> None:
    """Writes search.json, or finds the same search there."""
    check_folder(out)
    path = out / "search.json"
    if not path.is_file():
        if out.is_dir() and any(out.iterdir()):
            raise InputError(f"{out}: not empty and no search; choose another --out or empty it")
        write_json(path, found)
        return
    try:
        there = json.loads(path.read_text())
    except ValueError:
        there = None
    if there != json.loads(json.dumps(found)):
        raise InputError(
            f"{out}: holds another search (other recipe, settings, objective or vary); choose another --out"
        )


def _study(out: Path) -> "Study":
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        raise InputError("search needs Optuna: pip install headfreeze[search]") from None
    optuna.logging.set_verbosity(logging.WARNING)
    try:
        storage = JournalStorage(JournalFileBackend(str(out / "optuna.log")))
        study = optuna.create_study(storage=storage, study_name="search", load_if_exists=True)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{out}/optuna.log: damaged ({error}); remove it, trained trials are kept") from None
    for left in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
        study.tell(left.number, state=optuna.trial.TrialState.FAIL)  # interrupted: asked again, it proposes the same
    return study


def _finished(study: "Study") -> list[Trial]:
    from optuna.trial import TrialState

    over = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.PRUNED])
    return [Trial(i, trial.params, trial.user_attrs.get("validators", {})) for i, trial in enumerate(over)]


def _tried(study: "Study", number: int, recipe: Recipe, found: Found, folder: Path) -> Trial:
    """Trains and judges one more trial. What it tries depends on the seed and the trials before it alone."""
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    seed = found.settings.training.seed * 1_000_003 + number
    study.sampler = TPESampler(seed=seed % 2**32, n_startup_trials=_RANDOM)
    asked = study.ask()
    for name in found.varied if number else ():
        between = RANGES[name](found.settings)
        asked.suggest_float(name, between.low, between.high, log=between.log)
    tried = with_values(found.settings, asked.params)
    session = Session(tried, found.phases)
    try:
        fit_recipe(session, recipe, folder)
    except FloatingPointError:
        study.tell(asked, state=TrialState.PRUNED)  # worse than any, and tried
        return Trial(number, asked.params, {})
    run = Run(folder, tried.training.device)
    values = {name: validator(run, session.inputs.pair) for name, validator in VALIDATORS.items()}
    kept = {name: value for name, value in values.items() if math.isfinite(value)}
    if found.objective not in kept:
        raise InputError(f"objective is {found.objective}, which says nothing of {folder}; choose another")
    asked.set_user_attr("validators", kept)
    study.tell(asked, kept[found.objective])
    return Trial(number, asked.params, kept)
