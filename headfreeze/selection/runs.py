"""Trained runs below a folder: of a comparison, a search, several calls of `fit`, or the snapshots of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headfreeze.data.pair import OpenPair, open_pair
from headfreeze.errors import InputError, raise_all
from headfreeze.recipes import PARTS, TARGET_MAIN, known_recipe
from headfreeze.run import RunCard
from headfreeze.settings import Pair
from headfreeze.training.losses import loss_name
from headfreeze.training.snapshots import FOLDER as SNAPSHOTS

_INSIDE = ("", "runs", "trials", SNAPSHOTS)
"""Where runs lie in what `fit`, `compare` and `search` are told to write to, and in a run."""
_SAME = ("source", "target", "main", "anchor")


@dataclass(frozen=True)
class TrainedRun:
    """A finished run.

    Attributes:
        folder: where it lies.
        card: what it is.
    """

    folder: Path
    card: RunCard

    @property
    def recipe(self) -> str:
        """The name of its recipe."""
        return self.card.recipe

    @property
    def seed(self) -> int:
        """Of its training."""
        return int(self.card.settings["training"]["seed"])

    @property
    def steps(self) -> int:
        """Of its training, over all its phases."""
        return sum(int(phase["steps"]) for phase in self.card.phases)

    @property
    def snapshots(self) -> bool:
        """Whether states of its last phase were kept."""
        return (self.folder / SNAPSHOTS).is_dir()

    @property
    def uses_anchor(self) -> bool:
        """Whether the anchors were trained, or a part of it learnt something from them."""
        trained = set(self.card.names("anchor")) & set(self.card.trained)
        return bool(trained) or self.free_parts != self.card.parts

    @property
    def free_parts(self) -> list[str]:
        """Its parts that use no anchor."""
        return [name for name in self.card.parts if name not in PARTS or not PARTS[name].uses_anchor]

    @property
    def without_anchor(self) -> str:
        """The recipe that is left of its own without the anchor."""
        return "+".join(["baseline", *self.free_parts])

    @property
    def saw_target_labels(self) -> bool:
        """Whether labels of the main task on the target were trained on, as the oracle's are."""
        if recipe := known_recipe(self.recipe):
            return recipe.supervision >= TARGET_MAIN
        losses = {loss_name(("target", main)) for main in self.card.names("main")}
        return any(losses & phase.get("validation", {}).keys() for phase in self.card.phases)


def find_runs(folder: Path) -> list[TrainedRun]:
    """The finished runs in FOLDER, its runs/, trials/ or snapshots/, in the order of their names; no oracle.

    Raises:
        InputError: there are none, one is damaged, or they are of several pairs.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one that `compare`, `search` or several `fit` wrote to")
    places = [path for name in _INSIDE for path in sorted((folder / name).glob("*/run.json"))]
    there = [path.parent for path in places if (path.parent / "weights.safetensors").is_file()]
    runs = [TrainedRun(path, RunCard.read(path)) for path in there if not path.name.startswith(".")]
    found = [run for run in runs if not run.saw_target_labels]
    if not runs and (folder / "run.json").is_file():
        raise InputError(
            f"{folder}: one run, of which no snapshots were kept to choose among; train one with --snapshots, or give a"
            " folder of several runs"
        )
    if not found:
        what = "no finished run in it" if not runs else "only oracles in it, which used labels that one does not have"
        raise InputError(f"{folder}: {what}; give the folder that `headfreeze compare --out` wrote, or one of runs")
    first = found[0]
    for run in found:
        for name in _SAME:
            values = [each.card.settings["pair"][name] for each in (first, run)]
            if values[0] != values[1]:
                raise InputError(
                    f"{folder}: runs of several pairs, {first.folder.name} has {name} {values[0]} and"
                    f" {run.folder.name} {values[1]}; give a folder whose runs share source, target, main and anchor"
                )
    return found


def pair_of(runs: Sequence[TrainedRun]) -> tuple[OpenPair, Pair]:
    """The pair of runs that share one, opened, and its settings.

    Raises:
        InputError: its data is not where it was when they were trained.
    """
    settings = Pair(**runs[0].card.settings["pair"])
    opened, problems = open_pair(settings)
    raise_all(problems)
    assert opened is not None
    return opened, settings
