"""Recipes × seeds on one pair: trains what the store lacks, evaluates on the target's test images, writes tables."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from headfreeze.comparison.card import ComparisonCard
from headfreeze.comparison.features import features_of
from headfreeze.comparison.figure import draw_figure
from headfreeze.comparison.figures.features import write_features
from headfreeze.comparison.results import Results
from headfreeze.comparison.table import write_tables
from headfreeze.data.folder import Dataset, open_dataset
from headfreeze.data.images import read_image
from headfreeze.errors import raise_all
from headfreeze.evaluation.evaluate import Scores, check_inside, evaluation_name, score
from headfreeze.files import check_folder, write_json, write_text
from headfreeze.models.norm import Domain
from headfreeze.pictures import spread
from headfreeze.recipes import COMPARED, RECIPES
from headfreeze.run import Run
from headfreeze.settings import LARGEST_SEED, Adversarial, Architecture, Pair, Settings, Training
from headfreeze.training.fit import Session
from headfreeze.training.processes import by_first

_FIGURE_ROWS = 6


def compare(
    pair: Pair,
    out: Path | str,
    *,
    recipes: Sequence[str] = COMPARED,
    seeds: Sequence[int] = (0, 1, 2),
    architecture: Architecture | None = None,
    training: Training | None = None,
    adversarial: Adversarial | None = None,
    phases: Path | str | None = None,
    inside: str = "",
) -> Results:
    """Trains every recipe with every seed at the same budget and compares them on the target's test images.

    Args:
        pair: the two datasets and their tasks; the target's test split needs labels of the main task.
        out: gets comparison.json, runs/RECIPE-seedK, results.csv, summary.json, table.md, .tex and .csv, tests.csv,
            figure.png and, where the anchor names places (keypoints, classes), features.png.
        recipes: names in RECIPES.
        seeds: of weights, batches and augmentation; the training's own seed is not used.
        architecture: the network.
        training: budget, batches, optimizer, device.
        adversarial: the adversary of recipes that have one.
        phases: store of trained phases; default: `phases` beside `out`.
        inside: a task of the target inside of whose labels alone pixels are judged, see `evaluate`.

    Raises:
        InputError: a setting or the data is wrong; the message lists everything that was found.
    """
    start = time.monotonic()
    out = Path(out)
    settings = Settings(pair, architecture or Architecture(), training or Training(), adversarial or Adversarial())
    session = Session(settings, Path(phases) if phases else out.parent / "phases")
    raise_all(session.problems(recipes) + _problems(recipes, seeds))
    check_folder(out)
    target = open_dataset(pair.target)
    task = target.task(pair.main)  # labels of the target's main task: for this evaluation, and the oracle
    samples = [s for s in target.samples("test", [task.name]) if s.labels]
    for name in recipes:
        session.check(RECIPES[name])  # what the last recipe lacks is said before the first one is trained
    if inside:
        check_inside(target, "test", [task.name] if task.dense and task.name != inside else [], inside)
    comparison = ComparisonCard(
        recipes=tuple(recipes),
        seeds=tuple(seeds),
        settings=settings.as_dict(),
        main={"name": task.name, "options": task.options()},
        inside=inside,
        evaluation=evaluation_name(target, "test", inside),
        phases=str(session.store.root),
    )
    by_first(session.fabric, lambda: comparison.write(out))
    results = comparison.empty_results()
    for name, seed, folder in comparison.runs(out):
        card = session.fit(RECIPES[name], folder, seed)
        scores = by_first(
            session.fabric, partial(_evaluated, folder, settings.training.device, target, task.name, inside)
        )
        results.add(name, seed, scores.metrics[task.name], scores.images[task.name], card.phases[-1].get("adversary"))
        by_first(session.fabric, lambda: write_text(out / "results.csv", results.csv()))
    by_first(session.fabric, lambda: _write(out, results, time.monotonic() - start))
    shown = spread(samples, _FIGURE_ROWS)
    stage = settings.training.freeze_point(settings.architecture)
    datasets: dict[Domain, Dataset] = {"source": open_dataset(pair.source), "target": target}

    def draw() -> None:
        runs = {name: Run(out / "runs" / f"{name}-seed{seeds[0]}", settings.training.device) for name in recipes}
        draw_figure(runs, shown, task, out / "figure.png")
        if found := features_of(runs, datasets, pair.anchor, stage):
            write_features(found, out / "features.png")

    by_first(session.fabric, draw)
    return results


def _evaluated(folder: Path, device: str, target: Dataset, main: str, inside: str) -> Scores:
    run = Run(folder, device)
    scores = score(lambda s: run.predict(read_image(s.image)), target, "test", {main: run.tasks[main]}, inside)
    scores.write(folder / "evaluation" / evaluation_name(target, "test", inside))
    return scores


def _write(out: Path, results: Results, seconds: float) -> None:
    write_tables(out, results)
    write_json(out / "summary.json", results.summary(seconds))


def _problems(recipes: Sequence[str], seeds: Sequence[int]) -> list[str]:
    problems = []
    for what, values in (("recipes", list(recipes)), ("seeds", list(seeds))):
        if not values:
            problems.append(f"{what} is empty; give at least one")
        if len(set(values)) < len(values):
            problems.append(f"{what} is {','.join(map(str, values))}; each may be named once")
    if not all(0 <= seed <= LARGEST_SEED for seed in seeds):
        problems.append(f"seeds is {','.join(map(str, seeds))}; seeds are 0 … {LARGEST_SEED}")
    return problems
