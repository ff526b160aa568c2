"""Which anchor, and how much of it: the same recipes with one anchor after the other, against one baseline."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from headfreeze.comparison.compare import checked, compare, problems
from headfreeze.comparison.figures.anchors import draw_study
from headfreeze.comparison.figures.style import drawing, save
from headfreeze.comparison.outcomes import Outcome, Study, outcomes
from headfreeze.comparison.results import BASELINE, ORACLE, Results
from headfreeze.data.folder import open_dataset
from headfreeze.errors import InputError, raise_all
from headfreeze.files import check_folder, write_json, write_text
from headfreeze.recipes import COMPARED
from headfreeze.run import build_network
from headfreeze.selection.affinity import affinity, as_json
from headfreeze.selection.names import AFFINITY_STEPS
from headfreeze.settings import Adversarial, Architecture, Compute, Pair, Settings, Training
from headfreeze.training.session import Session

_AFFINITY_STEPS = AFFINITY_STEPS
_AFFINITY_PX = 32
"""Side of the images at which affinities are found, at most: they are about the layout."""


def study(
    pair: Pair,
    out: Path | str,
    *,
    anchors: Sequence[str],
    recipes: Sequence[str] = COMPARED,
    seeds: Sequence[int] = (0, 1, 2),
    architecture: Architecture | None = None,
    training: Training | None = None,
    adversarial: Adversarial | None = None,
    phases: Path | str | None = None,
    inside: str = "",
    compute: Compute | None = None,
) -> Study:
    """Compares anchors: trains the recipes with each of them, and the baseline and the oracle once, with the first.

    What has no anchor's labels is the same for all; the oracle is the far end that gaps are measured to. The same call
    takes up one that was interrupted; with more anchors, recipes or seeds it trains these alone.

    Args:
        pair: the two datasets; its own anchor means nothing here.
        out: gets study.csv, study.json, study.md, study.png and .svg, affinity.json, and ANCHOR/ with what `compare`
            writes, for each.
        anchors: tasks that both datasets have; `headfreeze annotate derive` makes cheaper ones of one.
        recipes: the baseline, those to compare, and the oracle where gaps are to be measured.
        seeds: see `compare`, as are the others.
        architecture: as above.
        training: as above.
        adversarial: as above.
        phases: as above; default: OUT/phases.
        inside: as above.
        compute: as above.

    Raises:
        InputError: a setting or the data of any anchor is wrong; nothing is trained then.
    """
    out = Path(out)
    settings = Settings.of(pair, architecture, training, adversarial)
    how: dict[str, Any] = {
        "seeds": seeds,
        "architecture": settings.architecture,
        "training": settings.training,
        "adversarial": settings.adversarial,
        "phases": phases or out / "phases",
        "inside": inside,
        "compute": compute or Compute(),
    }
    raise_all(_problems(anchors, recipes) + problems(recipes, seeds, how["compute"], settings.training))
    _check(settings, out, anchors, recipes, how["phases"], inside)
    ends = [name for name in recipes if name in (BASELINE, ORACLE)]
    using = [name for name in recipes if name not in ends]
    size = min(_AFFINITY_PX, *pair.height_width)
    found_out = affinity(pair.source, pair.mains[0], anchors, size=size, steps=_AFFINITY_STEPS)
    told = {each.known: each for each in found_out}
    write_json(out / "affinity.json", as_json(list(told.values())))
    found: list[Outcome] = []
    between: Results | None = None
    for anchor in anchors:
        chosen = [*using] if between else [*recipes]
        results = compare(replace(pair, anchor=anchor), out / anchor, recipes=chosen, **how)
        between = between or _only(results, ends)
        labels = _labels(pair.target, anchor)
        found += outcomes(anchor, labels, told[anchor].score, _joined(between, results, using))
        _write(Study(between, found), out)
    assert between is not None
    return Study(between, found)


def _joined(ends: Results, results: Results, recipes: Sequence[str]) -> Results:
    """The ends and the recipes as one comparison."""
    joined = _only(ends, list(ends.metrics))
    for recipe in recipes:
        for seed, metrics in results.metrics[recipe].items():
            joined.add(recipe, seed, metrics, results.images[recipe][seed])
    return joined


def _only(results: Results, recipes: Sequence[str]) -> Results:
    """Some recipes of a comparison."""
    kept = Results(results.task, results.budget, results.inside)
    for recipe in recipes:
        for seed, metrics in results.metrics[recipe].items():
            kept.add(recipe, seed, metrics, results.images[recipe][seed])
    return kept


def _labels(target: Path, anchor: str) -> int:
    """Training images that have the anchor's label."""
    return sum(anchor in sample.labels for sample in open_dataset(target).samples("train", [anchor]))


def _write(found: Study, out: Path) -> None:
    """What is known so far: a study takes long, and one wants to look."""
    write_text(out / "study.csv", found.csv())
    write_text(out / "study.md", f"# Which anchor for {found.ends.task.name}\n\n```\n{found.table()}\n```\n")
    write_json(out / "study.json", found.summary())
    with drawing():
        save(draw_study(found), out, "study")


def _problems(anchors: Sequence[str], recipes: Sequence[str]) -> list[str]:
    found = []
    if not anchors or len(set(anchors)) < len(anchors):
        found.append(f"anchors is '{','.join(anchors)}'; give at least one, each once")
    if BASELINE not in recipes or not set(recipes) - {BASELINE, ORACLE}:
        found.append(f"recipes is {','.join(recipes)}; give {BASELINE}, and at least one that uses an anchor")
    return found


def _check(
    settings: Settings, out: Path, anchors: Sequence[str], recipes: Sequence[str], phases: Path | str, inside: str
) -> None:
    """What the last anchor lacks is said before the first is trained with."""
    check_folder(out)
    for anchor in anchors:
        session = Session(replace(settings, pair=replace(settings.pair, anchor=anchor)), phases)
        raise_all([f"anchor {anchor}: {line}" for line in session.problems(recipes)])
        try:
            build_network(settings.architecture, session.inputs.pair.tasks, False, settings.pair.height_width)
            checked(session, recipes, out / anchor, inside)
        except InputError as error:
            raise InputError(f"anchor {anchor}: {error}") from None
