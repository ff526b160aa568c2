"""How far a comparison is: DIR/progress.json for whoever looks, and one line or bar for people."""

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal

from headfreeze.comparison.graph import Graph, Node, PhaseNode, RunNode, chain
from headfreeze.files import write_json
from headfreeze.progress import Report, silent
from headfreeze.settings import Training
from headfreeze.training.store import PhaseFolder

FORMAT = 1
_FILE = "progress.json"
_SECONDS_BETWEEN_LOOKS = 2.0
State = Literal["training", "evaluating", "done", "failed"]
Row = dict[str, Any]


class Tracker:
    """Looks into the folders of the phases that are being trained.

    Args:
        out: the comparison's folder, gets progress.json; None where another process does this.
        graph: what is to be done.
        folder_of: the folder of a phase, once it is known.
        training: how many images a step has.
        workers: how many phases are trained at a time.
    """

    def __init__(
        self,
        out: Path | None,
        graph: Graph,
        folder_of: Callable[[PhaseNode], PhaseFolder | None],
        training: Training,
        workers: int,
    ) -> None:
        self._path = out and out / _FILE
        self._graph, self._folder_of, self._workers = graph, folder_of, workers
        self.report: Report = silent
        """Is told the steps of all phases together."""
        self._batch = training.batch_size * training.accumulate
        self._known: dict[PhaseNode, Row] = {}
        self._began: dict[Node, float] = {}
        self._evaluations: list[float] = []
        self._looked = 0.0
        self._shown = 0
        self.done: set[Node] = set()
        self.begun: set[Node] = set()

    def begin(self, node: Node) -> None:
        """A worker has it, or will have it next."""
        self.begun.add(node)
        self._began[node] = time.monotonic()
        self.look()

    def end(self, node: Node) -> None:
        """It is done, or was before."""
        if isinstance(node, RunNode) and node in self._began:
            self._evaluations.append(time.monotonic() - self._began[node])
        self.begun.discard(node)
        self.done.add(node)
        if isinstance(node, PhaseNode):
            self._known.pop(node, None)
        self.look()

    def look(self) -> None:
        """Writes how far everything is, unless it did so a moment ago."""
        if time.monotonic() - self._looked >= _SECONDS_BETWEEN_LOOKS:
            phases_left = any(phase not in self.done for phase in self._graph.phases)
            self.write("training" if phases_left else "evaluating")

    def write(self, state: State) -> None:
        """Writes how far everything is."""
        if not self._path:
            return
        rows = {node: self._row(node) for node in self._graph.phases}
        trained = [node for node in rows if node in self.done]
        speeds = [row["images_per_second"] for row in rows.values() if row["images_per_second"]]
        seconds = self._seconds_left(rows, sum(speeds) / len(speeds)) if speeds else None
        write_json(
            self._path,
            {
                "format": FORMAT,
                "state": state,
                "updated": time.time(),
                "seconds_left": 0.0 if state == "done" else seconds,
                "phases": list(rows.values()),
                "trained": len(trained),
                "without_sharing": sum(len(self._graph.nodes[node]) for node in trained),
            },
        )
        self._show(rows)
        self._looked = time.monotonic()

    def _show(self, rows: dict[PhaseNode, Row]) -> None:
        steps = sum(row["done"] for row in rows.values())
        if steps == self._shown:
            return
        self._shown = steps
        active = [row for row in rows.values() if row["state"] == "training"]
        speed = sum(row["images_per_second"] or 0 for row in active)
        trained = sum(node in self.done for node in rows)
        self.report(steps, f"{trained}/{len(rows)} phases, {len(active)} in training at {speed:.0f} images/s")

    def _row(self, node: PhaseNode) -> Row:
        state = "finished" if node in self.done else "training" if node in self.begun else "waiting"
        if node not in self._known or state == "training":
            self._known[node] = self._seen(node, state)
        recipes = self._graph.nodes[node]
        return {
            "recipes": [recipe.name for recipe in recipes],
            "seed": node.seed,
            "phase": node.number + 1,
            "of": len(recipes[0].phases),
            **self._known[node],
            "state": state,
        }

    def _seen(self, node: PhaseNode, state: str) -> Row:
        """What the phase's folder says."""
        folder = self._folder_of(node)
        said: Row = {}
        if folder:
            said = folder.result() if state == "finished" and folder.finished else folder.progress()
        done = said.get("steps", node.steps) if state == "finished" else min(said.get("step", 0), node.steps)
        return {
            "key": folder.key if folder else None,
            "steps": said.get("steps", node.steps),
            "done": done,
            "images_per_second": said.get("images_per_second") or None,
            "worker": said.get("worker") if state == "training" else None,
        }

    def _seconds_left(self, rows: dict[PhaseNode, Row], usual: float) -> float:
        """All that is left, shared by the workers, or the longest chain: whichever takes longer."""
        evaluation = sum(self._evaluations) / len(self._evaluations) if self._evaluations else 0.0
        own: dict[Node, float] = {}
        for node in self._graph.nodes:
            if node in self.done:
                own[node] = 0.0
            elif isinstance(node, RunNode):
                own[node] = evaluation
            else:
                speed = (rows[node]["images_per_second"] if node in self.begun else None) or usual
                own[node] = (rows[node]["steps"] - rows[node]["done"]) * self._batch * node.domains / speed
        return max(sum(own.values()) / self._workers, max(sum(own[n] for n in chain(node)) for node in own))


def said_at_the_end(graph: Graph, trained: Collection[PhaseNode]) -> str:
    """What sharing phases has saved, for people."""
    there = len(graph.phases) - len(trained)
    before = f" ({there} were there)" if there else ""
    return f"trained {len(trained)} phases{before}; without sharing it would have been {graph.without_sharing}"
