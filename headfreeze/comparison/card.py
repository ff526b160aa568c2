"""A comparison on disk: DIR/comparison.json says what was to be compared, DIR/runs/ holds what is there by now."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headfreeze.cards import read_card, write_card
from headfreeze.comparison.results import Results
from headfreeze.evaluation.kept import EVALUATED, kept_of
from headfreeze.roles import as_tuple
from headfreeze.run import RunCard
from headfreeze.tasks import make_task

FORMAT = 1
_FILE = "comparison.json"


@dataclass(frozen=True)
class ComparisonCard:
    """A comparison as plain values.

    Attributes:
        recipes: names, in the order of the tables.
        seeds: of every recipe.
        settings: as `Settings.as_dict` gives them; the training's own seed means nothing here.
        main: name and options of the main task; a list where several are judged, the one that leads first.
        inside: the task inside of whose labels alone pixels were judged; empty: everywhere.
        evaluation: name of the folder in RUN/evaluation that holds what was found.
        phases: folder of the store of phases.
    """

    recipes: tuple[str, ...]
    seeds: tuple[int, ...]
    settings: dict[str, Any]
    main: dict[str, Any] | list[dict[str, Any]]
    inside: str
    evaluation: str
    phases: str

    def write(self, folder: Path) -> None:
        """Writes FOLDER/comparison.json."""
        write_card(folder / _FILE, FORMAT, self)

    @classmethod
    def read(cls, folder: Path) -> "ComparisonCard":
        """Reads FOLDER/comparison.json.

        Raises:
            InputError: no comparison lies there, it is damaged, or it was written by a newer version.
        """

        def make(recipes: Iterable[str], seeds: Iterable[int], **others: Any) -> "ComparisonCard":
            return cls(tuple(recipes), tuple(seeds), **others)

        missing = f"no comparison here (no {_FILE}); give the folder that `headfreeze compare --out` wrote"
        damaged = "damaged; call the same `headfreeze compare` again"
        return read_card(folder / _FILE, FORMAT, make, missing, damaged)

    def runs(self, folder: Path) -> Iterator[tuple[str, int, Path]]:
        """Recipe, seed and folder of every run of the comparison at `folder`, trained or not."""
        for seed in self.seeds:
            for recipe in self.recipes:
                yield recipe, seed, folder / "runs" / f"{recipe}-seed{seed}"

    def empty_results(self) -> Results:
        """Results to which nothing was added yet."""
        tasks = [make_task(task["name"], dict(task["options"])) for task in as_tuple(self.main)]
        first, *others = [Results(task, self.settings["training"]["steps"], self.inside) for task in tasks]
        first.others.update((results.task.name, results) for results in others)
        return first


def read_results(folder: Path) -> Results:
    """What the comparison at `folder` has found so far, from the runs that are trained and evaluated.

    Raises:
        InputError: no comparison lies there, one of its files is damaged, or others have been written over it.
    """
    card = ComparisonCard.read(folder)
    results = card.empty_results()
    for recipe, seed, run in card.runs(folder):
        evaluation = run / "evaluation" / card.evaluation
        if (evaluation / EVALUATED).is_file():
            trained = RunCard.read(run)
            scores = kept_of(evaluation, trained.phases[-1].get("key", ""), [results.task.name, *results.others])
            results.book(recipe, seed, scores, trained.adversary)
    return results
