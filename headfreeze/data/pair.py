"""A pair opened: both datasets, the tasks they share, and the labels that a phase may see."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headfreeze.data.canvas import Canvas
from headfreeze.data.folder import Dataset, Sample, open_dataset
from headfreeze.errors import InputError
from headfreeze.settings import Pair
from headfreeze.tasks.base import Task


@dataclass(frozen=True)
class OpenPair:
    """Both datasets of a pair, its tasks by role (main, anchor), and the training resolution."""

    datasets: dict[str, Dataset]
    roles: dict[str, tuple[Task, ...]]
    canvas: Canvas

    @property
    def main(self) -> Task:
        """The first main task, which leads where one number is wanted."""
        return self.roles["main"][0]

    @property
    def anchors(self) -> tuple[Task, ...]:
        """The anchors."""
        return self.roles["anchor"]

    @property
    def tasks(self) -> dict[str, Task]:
        """All tasks by name: the main ones, then the anchors."""
        return {task.name: task for tasks in self.roles.values() for task in tasks}

    def supervised(self, domain: str, supervision: Iterable[tuple[str, str]]) -> dict[str, Task]:
        """The tasks whose labels of this domain the supervision (pairs of domain and role) allows to load."""
        names = {task.name for d, role in supervision if d == domain for task in self.roles[role]}
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
    roles: dict[str, tuple[Task, ...]] = {}
    for role, names in (("main", pair.mains), ("anchor", pair.anchors)):
        found = [_task(role, name, datasets, problems) for name in names]
        roles[role] = tuple(task for task in found if task)
    if problems:
        return None, problems
    if not all(roles.values()):  # said by the settings' own check
        return None, []
    try:
        canvas = Canvas(*pair.height_width, pair.resize)
    except ValueError:  # said by the settings' own check
        return None, []
    return OpenPair(datasets, roles, canvas), []


def _task(role: str, name: str, datasets: Mapping[str, Dataset], problems: list[str]) -> Task | None:
    """The task as the datasets declare it; adds a line to `problems` where they do not, or not alike."""
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
    return next(iter(found.values()), None)
