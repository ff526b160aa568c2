"""The command `headfreeze search`. What it needs is imported when it runs: `--help` does not wait for it."""

from jsonargparse import Namespace

from headfreeze.arguments import Arguments
from headfreeze.command import Command
from headfreeze.settings import Pair
from headfreeze.training.commands import (
    EXAMPLE_PAIR,
    how_to_train,
    part_of,
    settings_of,
    store_of,
    training_arguments,
)


def _search_arguments(arguments: Arguments) -> None:
    from headfreeze.tuning.space import OBJECTIVE, OBJECTIVES, RANGES, TRIALS

    arguments.add("recipe", str, "what to train: a name that `headfreeze recipes` lists")
    arguments.add("--trials", int, "how many there shall be in the end", TRIALS)
    arguments.add("--objective", str, f"what is to become low: {', '.join(OBJECTIVES)}", OBJECTIVE)
    arguments.add_list("--vary", str, f"settings to try out, of {', '.join(RANGES)}; default: what the recipe has", ())
    training_arguments(arguments)


def _search_problems(values: Namespace) -> list[str]:
    from headfreeze.tuning.search import problems

    return problems(values.recipe, settings_of(values), values.trials, values.objective, values.vary, store_of(values))


def _search(values: Namespace) -> None:
    from headfreeze.tuning.search import search

    found = search(
        values.recipe,
        part_of(Pair, values),
        values.out,
        trials=values.trials,
        objective=values.objective,
        vary=values.vary,
        **how_to_train(values),
    )
    print(f"{found.table()}\n\nthe best by {found.objective}, trial {found.best.number}:")
    print(found.command(values.out / "best"))


TUNING: dict[str, Command] = {
    "search": Command(
        "look for a recipe's settings without labels of the main task on the target",
        f"headfreeze search headfreeze {EXAMPLE_PAIR} --trials 20 --out runs/search",
        _search_arguments,
        _search,
        _search_problems,
    ),
}
