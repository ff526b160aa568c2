"""Carries a comparison's graph out on an executor: hands over what can begin, takes in what is done."""

import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from headfreeze.comparison.executors.base import Executor
from headfreeze.comparison.executors.choose import choose_executor
from headfreeze.comparison.graph import Graph, Node, PhaseNode, RunNode, chain
from headfreeze.comparison.tracking import Tracker, said_at_the_end
from headfreeze.comparison.work import Job, Setup
from headfreeze.data.folder import Dataset
from headfreeze.evaluation.evaluate import Scores, evaluation_name
from headfreeze.evaluation.kept import evaluation_of, judged, keep, kept
from headfreeze.progress import progress
from headfreeze.run import RunCard
from headfreeze.settings import Compute
from headfreeze.training.fit import RecipeTraining, fit_recipe, written_run
from headfreeze.training.processes import by_first
from headfreeze.training.session import Session
from headfreeze.training.store import PhaseFolder

_SECONDS_BETWEEN_LOOKS = 2.0
Found = tuple[RunNode, Scores, RunCard]


class Schedule:
    """What is to be done, where it lies, and what is there already.

    Args:
        session: opens and looks up; trains nothing itself.
        graph: the phases and runs.
        runs: the folder of each run.
        target: the dataset on whose test images runs are scored.
        inside: the task inside of whose labels alone pixels are judged.
    """

    def __init__(
        self, session: Session, graph: Graph, runs: Mapping[RunNode, Path], target: Dataset, inside: str
    ) -> None:
        self.session, self.graph, self._runs = session, graph, runs
        self._folders: dict[PhaseNode, PhaseFolder] = {}
        self._evaluation = evaluation_name(target, "test", inside)
        tasks = judged(target, "test", session.settings.pair.mains, inside)
        self._scores_of = evaluation_of(target, "test", tasks, inside)
        self.trained: set[PhaseNode] = set()
        """Phases that were not there."""

    def folder_of(self, node: PhaseNode) -> PhaseFolder | None:
        """Where a phase is trained; None until that is known: a plateau decides what follows it."""
        if node not in self._folders:
            plateau = self.session.settings.training.phase_end == "plateau"
            before = self.folder_of(node.parent) if plateau and node.parent else None
            if plateau and node.parent and not (before and before.finished):
                return None
            training = RecipeTraining(self.session, self.graph.nodes[node][0], node.seed, Path())
            self._folders[node] = training.place(node.number)[1]
        return self._folders[node]

    def check(self) -> None:
        """Looks whether the folders of the runs hold these runs, or nothing yet.

        Raises:
            InputError: one holds something else.
        """
        _ = self._needless

    def carry_out(self, executor: Executor, tracker: Tracker) -> Iterator[Found]:
        """Trains and scores what is not there yet; gives every run with its scores, as they come in.

        Raises:
            InputError: the folder of a run holds something else, or a worker has found bad input.
            WorkerLostError: a worker has died too often.
        """
        for phase in self._needless:
            tracker.end(phase)
        futures: dict[Future[Scores | None], Node] = {}
        while len(tracker.done) < len(self.graph.nodes):
            free = self.graph.ready(tracker.done, tracker.begun, in_turn=executor.workers == 1)
            if free and len(futures) < executor.limit:
                node = free[0]
                if self._is_there(node):
                    yield from self._ended(node, tracker)
                else:
                    tracker.begin(node)
                    futures[executor.submit(self._job(node, executor.sees_runs))] = node
                continue
            for future in wait(futures, _SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED).done:
                node, scores = futures.pop(future), future.result()
                if isinstance(node, PhaseNode):
                    self.trained.add(node)
                elif scores:
                    self._keep(node, scores)
                yield from self._ended(node, tracker)
            tracker.look()

    @cached_property
    def _needless(self) -> list[PhaseNode]:
        """Phases of runs alone that are written, wherever the phases have gone."""
        written = {node: written_run(self.session, node.recipe, run, node.seed) for node, run in self._runs.items()}
        needed = {phase for node, card in written.items() if not card for phase in chain(node)}
        return [phase for phase in self.graph.phases if phase not in needed]

    def _is_there(self, node: Node) -> bool:
        if isinstance(node, RunNode):
            return self._kept(node, self._card(node)) is not None
        folder = self.folder_of(node)
        assert folder is not None  # what can begin has parents that are finished
        return by_first(self.session.fabric, lambda: folder.finished)

    def _ended(self, node: Node, tracker: Tracker) -> Iterator[Found]:
        tracker.end(node)
        if isinstance(node, RunNode):
            card = self._card(node)
            scores = self._kept(node, card)
            assert scores is not None
            yield node, scores, card

    def _job(self, node: Node, sees_runs: bool) -> Job:
        run = self._runs[node] if isinstance(node, RunNode) and sees_runs else None
        return Job(node, self.graph.nodes[node][0], run)

    def _card(self, node: RunNode) -> RunCard:
        """Of the run, which is written here if it is not there yet: its phases are trained."""
        return fit_recipe(self.session, node.recipe, self._runs[node], node.seed)

    def _of(self, card: RunCard) -> dict[str, object]:
        return self._scores_of | {"key": card.phases[-1]["key"]}

    def _keep(self, node: RunNode, scores: Scores) -> None:
        folder, of = self._runs[node] / "evaluation" / self._evaluation, self._of(self._card(node))
        by_first(self.session.fabric, lambda: keep(scores, folder, of))

    def _kept(self, node: RunNode, card: RunCard) -> Scores | None:
        folder = self._runs[node] / "evaluation" / self._evaluation
        return by_first(self.session.fabric, lambda: kept(folder, self._of(card)))


def carried_out(schedule: Schedule, setup: Setup, compute: Compute, out: Path) -> Iterator[Found]:
    """Every run with its scores as they come in; shows how far everything is, in DIR/progress.json and to people.

    Raises:
        InputError, WorkerLostError: see `Schedule.carry_out`, and the executor that is asked for cannot begin.
    """
    session, graph = schedule.session, schedule.graph
    first = session.fabric.is_global_zero
    with ExitStack() as stack:
        executor = stack.enter_context(choose_executor(compute, setup, session))
        tracker = Tracker(out if first else None, graph, schedule.folder_of, setup.settings.training, executor.workers)
        if compute.ray or compute.workers > 1:  # else each phase speaks for itself
            what = f"{len(graph.runs)} runs"
            tracker.report = stack.enter_context(progress(what, sum(phase.steps for phase in graph.phases)))
        session.told = tracker.look
        try:
            yield from schedule.carry_out(executor, tracker)
            tracker.write("done")
        except BaseException:
            tracker.write("failed")
            raise
    if first:
        print(said_at_the_end(graph, schedule.trained), file=sys.stderr)
