"""A pair opened: both datasets, the two tasks they share, and the labels that a phase may see."""

from collections.abc import Iterable
from dataclasses import dataclass

from headfreeze.data.canvas import Canvas
from headfreeze.data.folder import Dataset, Sample, open_dataset
from headfreeze.errors import InputError
from headfreeze.settings import Pair
from headfreeze.tasks.base import Task


@dataclass(frozen=True)
class OpenPair:
    """Both datasets of a pair, its tasks by role, and the training resolution."""

    datasets: dict[str, Dataset]
    roles: dict[str, Task]
    canvas: Canvas

    @property
    def tasks(self) -> dict[str, Task]:
        """The main and the anchor task by name."""
        return {task.name: task for task in self.roles.values()}

    def supervised(self, domain: str, supervision: Iterable[tuple[str, str]]) -> dict[str, Task]:
        """The tasks whose labels of this domain the supervision (pairs of domain and role) allows to load."""
        names = {self.roles[role].name for d, role in supervision if d == domain}
        return {name: task for name, task in self.tasks.items() if name in names}

    def samples(self, domain: str, split: str, supervision: Iterable[tuple[str, str]]) -> list[Sample]:
        """The samples of a split with the supervised labels only; nothing else is even listed."""
        return self.datasets[domain].samples(split, self.supervised(domain, supervision))


def open_pair(pair: Pair) -> tuple[OpenPair | None, list[str]]:
    """Opens both datasets and checks that they agree on the tasks; gives the pair, or what is wrong, a line each."""
    problems: list[str] = []
    datasets: dict[str, Dataset] = {}
    for domain, root in (("source", pair.source), ("target", pair.target)):
        try:
            datasets[domain] = open_dataset(root)
        except InputError as error:
            problems.append(f"{domain}: {error}")
    roles: dict[str, Task] = {}
    for role, name in (("main", pair.main), ("anchor", pair.anchor)):
        found = {}
        for domain, dataset in datasets.items():
            try:
                found[domain] = dataset.task(name)
            except InputError as error:
                # the target need not declare the main task: it is there for evaluation and the oracle only
                if (domain, role) != ("target", "main"):
                    problems.append(f"{role}: {error}")
        if len(found) == 2 and found["source"] != found["target"]:
            problems.append(
                f"{role}: the source declares '{name}' as {found['source'].options()}, the target as"
                f" {found['target'].options()}; make dataset.yaml of both agree"
            )
        if found:
            roles[role] = next(iter(found.values()))
    if problems:
        return None, problems
    try:
        canvas = Canvas(*pair.height_width, pair.resize)
    except ValueError:  # said by the settings' own check
        return None, []
    return OpenPair(datasets, roles, canvas), []
