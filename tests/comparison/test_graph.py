"""What a comparison consists of: phases that are shared, and an order in which workers stay busy."""

from dataclasses import replace

import pytest

from headfreeze.comparison.graph import Graph, PhaseNode, RunNode, chain
from headfreeze.recipes import RECIPES, Recipe
from headfreeze.settings import Training

NINE = (
    "baseline", "mtl-source", "mtl-target", "mtl-both", "mtl-finetune", "headfreeze", "baseline-da", "headfreeze-da",
    "oracle",
)  # fmt: skip


def graph_of(names: tuple[str, ...], seeds: tuple[int, ...] = (0,), **training: object) -> Graph:
    return Graph([RECIPES[name] for name in names], seeds, Training(**{"steps": 100, "batch_size": 4} | training))


def order(graph: Graph, workers: int) -> list[str]:
    """The order in which nodes end, where every phase takes its steps × domains and an evaluation no time."""
    done, running, now, names = [], {}, 0.0, []
    while len(done) < len(graph.nodes):
        for node in graph.ready(done, running, in_turn=workers == 1)[: workers - len(running)]:
            running[node] = now + (node.steps * node.domains if isinstance(node, PhaseNode) else 0)
        first = min(running, key=running.__getitem__)
        now = running.pop(first)
        done.append(first)
        kind = f"phase {first.number + 1}" if isinstance(first, PhaseNode) else "evaluation"
        names.append(f"{graph.nodes[first][0].name} {kind} at {now:.0f}")
    return names


def test_recipes_that_begin_alike_share_those_phases() -> None:
    graph = graph_of(NINE, (0, 1, 2))
    assert graph.without_sharing == 3 * (6 + 2 + 2 + 2)
    assert len(graph.phases) == 3 * (6 + 1 + 3), "one first phase for mtl-finetune, headfreeze and headfreeze-da"
    assert len(graph.runs) == 27
    shared = [node for node in graph.phases if len(graph.nodes[node]) > 1]
    assert [[recipe.name for recipe in graph.nodes[node]] for node in shared] == [
        ["mtl-finetune", "headfreeze", "headfreeze-da"]
    ] * 3
    assert [node.seed for node in shared] == [0, 1, 2]


def test_phases_of_other_budgets_and_other_places_are_others() -> None:
    both = graph_of(("mtl-source", "headfreeze"))
    assert len(both.phases) == 3, "mtl-source alone has the whole budget"
    source, frozen = RECIPES["headfreeze"].phases
    longer = Recipe("longer", (source, frozen, replace(frozen, freeze_head=False)), "")
    graph = Graph([RECIPES["headfreeze"], longer], (0,), Training(steps=100))
    assert len(graph.phases) == 4, "the first is shared; the second of three has less than the second of two"


def test_a_chain_leads_from_a_run_to_its_first_phase() -> None:
    graph = graph_of(("headfreeze",))
    run = graph.runs[0]
    assert [type(node) for node in chain(run)] == [RunNode, PhaseNode, PhaseNode]
    assert [node.number for node in chain(run.parent)] == [1, 0]


def test_one_worker_goes_from_run_to_run() -> None:
    assert order(graph_of(("baseline", "headfreeze", "mtl-finetune")), 1) == [
        "baseline phase 1 at 100",
        "baseline evaluation at 100",
        "headfreeze phase 1 at 150",
        "headfreeze phase 2 at 250",
        "headfreeze evaluation at 250",
        "mtl-finetune phase 2 at 350",
        "mtl-finetune evaluation at 350",
    ]


def test_two_workers_begin_with_the_longest_chain_and_are_busy_to_the_end() -> None:
    found = order(graph_of(("headfreeze", "baseline", "mtl-both")), 2)
    assert found == [
        "headfreeze phase 1 at 50",
        "headfreeze phase 2 at 150",
        "headfreeze evaluation at 150",
        "mtl-both phase 1 at 200",
        "mtl-both evaluation at 200",
        "baseline phase 1 at 250",
        "baseline evaluation at 250",
    ]


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_nothing_begins_before_what_it_continues_from(workers: int) -> None:
    graph = graph_of(NINE, (0, 1))
    done: list = []
    while len(done) < len(graph.nodes):
        ready = graph.ready(done, ())
        assert all(node.parent is None or node.parent in done for node in ready)
        assert not set(ready) & set(done)
        done += ready[:workers]
    assert set(done) == set(graph.nodes)
