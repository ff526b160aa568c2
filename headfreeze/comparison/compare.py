"""Recipes × seeds on one pair: trains what the store lacks, evaluates on the target's test images, writes tables."""

import time
from collections.abc import Sequence
from pathlib import Path

from headfreeze.comparison.card import ComparisonCard
from headfreeze.comparison.features import features_of, placing
from headfreeze.comparison.figure import draw_figure
from headfreeze.comparison.figures.features import write_features
from headfreeze.comparison.graph import Graph, RunNode
from headfreeze.comparison.report import write_report
from headfreeze.comparison.results import Results
from headfreeze.comparison.schedule import Schedule, carried_out
from headfreeze.comparison.table import write_rows, write_tables
from headfreeze.comparison.work import Setup
from headfreeze.data.folder import Dataset, open_dataset
from headfreeze.errors import raise_all
from headfreeze.evaluation.evaluate import Scores, check_inside, evaluation_name
from headfreeze.evaluation.kept import judged
from headfreeze.files import check_folder, write_json
from headfreeze.pictures import spread
from headfreeze.recipes import COMPARED, Domain, Recipe, find_recipe
from headfreeze.roles import one_or_list
from headfreeze.run import Run, RunCard
from headfreeze.settings import LARGEST_SEED, Adversarial, Architecture, Compute, Pair, Settings, Training
from headfreeze.tasks import own_modules
from headfreeze.training.processes import by_first
from headfreeze.training.session import Session

_FIGURE_ROWS = 6


def compare(
    pair: Pair,
    out: Path | str,
    *,
    recipes: Sequence[str | Recipe] = COMPARED,
    seeds: Sequence[int] = (0, 1, 2),
    architecture: Architecture | None = None,
    training: Training | None = None,
    adversarial: Adversarial | None = None,
    phases: Path | str | None = None,
    inside: str = "",
    compute: Compute | None = None,
) -> Results:
    """Trains every recipe with every seed at the same budget and compares them on the target's test images.

    The same call takes up one that was interrupted, whatever died; with more recipes or seeds it trains and evaluates
    these alone.

    Args:
        pair: the two datasets and their tasks; the target's test split needs labels of the (first) main task.
        out: gets report.html, figures, comparison.json, progress.json, runs/RECIPE-seedK, results.csv, summary.json,
            table.md, .tex and .csv, tests.csv, figure.png and, where an anchor names places (keypoints, classes),
            features.png; of several main tasks results-TASK.csv of the further ones, which table.md has as well.
        recipes: names in RECIPES, or recipes of one's own.
        seeds: of weights, batches and augmentation; the training's own seed is not used.
        architecture: the network.
        training: budget, batches, optimizer, device.
        adversarial: the adversary of recipes that have one.
        phases: store of trained phases: a folder, or a URL such as s3://bucket/phases; default: `phases` beside `out`.
        inside: a task of the target inside of whose labels alone pixels are judged, see `evaluate`.
        compute: how many phases are trained side by side, and where.

    Raises:
        InputError: a setting or the data is wrong; the message lists everything that was found.
        WorkerLostError: a worker has died more often than `compute` says that it is replaced.
    """
    start = time.monotonic()
    out, compute = Path(out), compute or Compute()
    settings = Settings.of(pair, architecture, training, adversarial)
    session = Session(settings, phases or out.parent / "phases")
    raise_all(session.problems(recipes) + problems(recipes, seeds, compute, settings.training))
    target = checked(session, recipes, out, inside)

    graph = Graph([session.effective(_recipe(recipe)) for recipe in recipes], seeds, settings.training)
    comparison = _card(session, target, recipes, seeds, inside)
    folders = {(name, seed): folder for name, seed, folder in comparison.runs(out)}
    runs = {run: folders[run.recipe.name, run.seed] for run in graph.runs}
    schedule = Schedule(session, graph, runs, target, inside)
    schedule.check()  # before the card of another comparison is replaced
    by_first(session.fabric, lambda: comparison.write(out))

    found: dict[RunNode, tuple[Scores, RunCard]] = {}
    for run, scores, card in carried_out(
        schedule, Setup(settings, session.store.location, inside, imports=own_modules()), compute, out
    ):
        found[run] = (scores, card)
        results = comparison.empty_results()
        for each in [run for run in graph.runs if run in found]:  # as the tables have them, whichever came in first
            scores, card = found[each]
            results.book(each.recipe.name, each.seed, scores, card.adversary)
        by_first(session.fabric, lambda: write_rows(out, results))  # noqa: B023  # called at once

    by_first(session.fabric, lambda: _write(out, results, time.monotonic() - start))
    by_first(session.fabric, lambda: _draw(session, target, comparison, out))
    by_first(session.fabric, lambda: write_report(out))
    return results


def _recipe(recipe: str | Recipe) -> Recipe:
    return find_recipe(recipe) if isinstance(recipe, str) else recipe


def _name(recipe: str | Recipe) -> str:
    return recipe if isinstance(recipe, str) else recipe.name


def problems(recipes: Sequence[str | Recipe], seeds: Sequence[int], compute: Compute, training: Training) -> list[str]:
    """What is wrong with recipes and seeds side by side and with where they are trained, a line each.

    What is wrong with one of them alone, `Session.problems` says.
    """
    found = list(compute.problems(training))
    names = list(map(_name, recipes))
    for what, values in (("recipes", names), ("seeds", list(seeds))):
        if not values:
            found.append(f"{what} is empty; give at least one")
        if len(set(values)) < len(values):
            found.append(f"{what} is {','.join(map(str, values))}; each may be named once")
    found += [f"recipe '{name}': its name is that of a folder, too; leave out slashes" for name in names if "/" in name]
    if not all(0 <= seed <= LARGEST_SEED for seed in seeds):
        found.append(f"seeds is {','.join(map(str, seeds))}; seeds are 0 … {LARGEST_SEED}")
    return found


def checked(session: Session, recipes: Sequence[str | Recipe], out: Path, inside: str) -> Dataset:
    """The target; what the last recipe lacks is said before the first one is trained.

    Raises:
        InputError: `out` cannot be written to, labels to train on or to judge by are missing, a file is damaged.
    """
    check_folder(out)
    target = open_dataset(session.settings.pair.target)
    mains = session.settings.pair.mains
    task, names = target.task(mains[0]), judged(target, "test", mains, inside)
    target.samples("test", names)  # labels of the target's main task: for the evaluation, and the oracle
    for recipe in recipes:
        session.check(_recipe(recipe))
    if inside:
        check_inside(target, "test", names if task.dense and task.name != inside else names[1:], inside)
    return target


def _card(
    session: Session, target: Dataset, recipes: Sequence[str | Recipe], seeds: Sequence[int], inside: str
) -> ComparisonCard:
    tasks = [target.task(name) for name in judged(target, "test", session.settings.pair.mains, inside)]
    return ComparisonCard(
        recipes=tuple(map(_name, recipes)),
        seeds=tuple(seeds),
        settings=session.settings.as_dict(),
        main=one_or_list([{"name": task.name, "options": task.options()} for task in tasks]),
        inside=inside,
        evaluation=evaluation_name(target, "test", inside),
        phases=session.store.location,
    )


def _write(out: Path, results: Results, seconds: float) -> None:
    write_tables(out, results)
    write_json(out / "summary.json", results.summary(seconds))


def _draw(session: Session, target: Dataset, comparison: ComparisonCard, out: Path) -> None:
    """Pictures of every recipe's first seed."""
    settings, task = session.settings, target.task(session.settings.pair.mains[0])
    firsts = {name: folder for name, seed, folder in comparison.runs(out) if seed == comparison.seeds[0]}
    runs = {name: Run(folder, settings.training.device) for name, folder in firsts.items()}
    shown = spread([s for s in target.samples("test", [task.name]) if s.labels], _FIGURE_ROWS)
    draw_figure(runs, shown, task, out / "figure.png")
    datasets: dict[Domain, Dataset] = {"source": open_dataset(settings.pair.source), "target": target}
    stage = settings.training.freeze_point(settings.architecture)
    anchor = placing([datasets["source"].task(name) for name in settings.pair.anchors])
    if found := features_of(runs, datasets, anchor.name, stage):
        write_features(found, out / "features.png")
