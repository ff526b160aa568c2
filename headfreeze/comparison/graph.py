"""A comparison as a graph: phases that continue from phases, and an evaluation at the end of every run.

What a phase is does not depend on how its parents turn out (unlike its key in the store, where they end at a plateau):
the phases up to it with their shares of the budget, and the seed. Recipes that begin alike share those nodes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from headfreeze.recipes import DOMAINS, Phase, Recipe
from headfreeze.settings import Training


@dataclass(frozen=True)
class Stretch:
    """A phase with its share of the budget; `last`: it takes what those before it left over, too."""

    phase: Phase
    steps: int
    last: bool


@dataclass(frozen=True)
class PhaseNode:
    """A phase to train: the last of `stretches`, after the others."""

    stretches: tuple[Stretch, ...]
    seed: int

    @property
    def parent(self) -> "PhaseNode | None":
        """The phase that this one continues from."""
        return PhaseNode(self.stretches[:-1], self.seed) if len(self.stretches) > 1 else None

    @property
    def number(self) -> int:
        """Its place in a recipe, counted from 0."""
        return len(self.stretches) - 1

    @property
    def steps(self) -> int:
        """The steps that it takes at most, those aside that a plateau leaves over."""
        return self.stretches[-1].steps

    @property
    def domains(self) -> int:
        """Of how many domains a step sees images."""
        return sum(self.stretches[-1].phase.uses(domain) for domain in DOMAINS)


@dataclass(frozen=True)
class RunNode:
    """A run to evaluate, once the last phase of its recipe is trained; `recipe` as the settings make it."""

    recipe: Recipe
    seed: int
    parent: PhaseNode


Node = PhaseNode | RunNode


class Graph:
    """The nodes of recipes × seeds, in the order of one worker: seed by seed, recipe by recipe, each to its end.

    Args:
        recipes: as the settings make them.
        seeds: of every recipe.
        training: its budget and how phases share it.
    """

    def __init__(self, recipes: Sequence[Recipe], seeds: Sequence[int], training: Training) -> None:
        self.nodes: dict[Node, list[Recipe]] = {}
        """Every node with the recipes that need it."""
        for seed in seeds:
            for recipe in recipes:
                for node in _nodes(recipe, seed, training):
                    self.nodes.setdefault(node, []).append(recipe)

    @property
    def phases(self) -> list[PhaseNode]:
        """The phases alone."""
        return [node for node in self.nodes if isinstance(node, PhaseNode)]

    @property
    def runs(self) -> list[RunNode]:
        """The evaluations alone."""
        return [node for node in self.nodes if isinstance(node, RunNode)]

    @property
    def without_sharing(self) -> int:
        """How many phases there would be if every run trained its own."""
        return sum(len(self.nodes[node]) for node in self.phases)

    @cached_property
    def remaining(self) -> dict[Node, int]:
        """Images from the beginning of each node to the end of the longest chain that goes through it."""
        found: dict[Node, int] = {}
        for node in sorted(self.nodes, key=_depth, reverse=True):
            own = node.steps * node.domains if isinstance(node, PhaseNode) else 0
            found[node] = own + found.get(node, 0)
            if node.parent:
                found[node.parent] = max(found.get(node.parent, 0), found[node])
        return found

    def ready(self, done: Iterable[Node], begun: Iterable[Node], in_turn: bool = False) -> list[Node]:
        """What can begin now, most urgent first: evaluations, which are short, then the longest remaining chains.

        Or one run after the other, `in_turn`.
        """
        finished, taken = set(done), {*done, *begun}
        free = [n for n in self.nodes if n not in taken and (n.parent is None or n.parent in finished)]
        return free if in_turn else sorted(free, key=lambda n: (isinstance(n, PhaseNode), -self.remaining[n]))


def chain(node: Node) -> list[Node]:
    """A node and all those before it."""
    return [node, *(chain(node.parent) if node.parent else ())]


def _nodes(recipe: Recipe, seed: int, training: Training) -> list[Node]:
    """The nodes of one run."""
    budget = recipe.budget(training.steps, training.phase_share)
    last = len(recipe.phases) - 1
    stretches = [Stretch(phase, budget[k], k == last) for k, phase in enumerate(recipe.phases)]
    phases = [PhaseNode(tuple(stretches[: k + 1]), seed) for k in range(len(stretches))]
    return [*phases, RunNode(recipe, seed, phases[-1])]


def _depth(node: Node) -> int:
    return node.number if isinstance(node, PhaseNode) else node.parent.number + 1
