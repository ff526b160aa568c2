"""The commands `headfreeze compare`, `study` and `report`.

What they need is imported when they run: `--help` does not wait for it.
"""

from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from headfreeze.arguments import Arguments
from headfreeze.command import Command
from headfreeze.first_process import is_first
from headfreeze.settings import Compute, Pair
from headfreeze.training.commands import (
    EXAMPLE_PAIR,
    how_to_train,
    part_of,
    settings_of,
    training_arguments,
    training_problems,
)


def _comparison_problems(values: Namespace) -> list[str]:
    from headfreeze.comparison.compare import problems

    beside = problems(values.recipes, values.seeds, part_of(Compute, values), settings_of(values).training)
    return training_problems(values, values.recipes) + beside


def _compare_arguments(arguments: Arguments) -> None:
    _several_arguments(arguments)
    training_arguments(arguments, own_workers=True)


def _several_arguments(arguments: Arguments) -> None:
    """Of several recipes and seeds, and where they are trained."""
    from headfreeze.recipes import COMPARED

    arguments.add_list("--recipes", str, "names that `headfreeze recipes` lists", COMPARED)
    arguments.add_list("--seeds", int, "seeds", (0, 1, 2))
    arguments.add("--inside", str, "a task of the target: a mask, or a face's keypoints, inside which to judge", "")
    arguments.add_settings(Compute)


def _several(values: Namespace) -> dict[str, Any]:
    """What `_several_arguments` and `training_arguments` gave, as `compare` and `study` take it: keyword arguments."""
    return {
        "recipes": values.recipes,
        "seeds": values.seeds,
        "inside": values.inside,
        "compute": part_of(Compute, values),
        **how_to_train(values),
    }


def _compare(values: Namespace) -> None:
    from headfreeze.comparison.compare import compare
    from headfreeze.comparison.table import adversaries, own_table, verdict

    results = compare(part_of(Pair, values), values.out, **_several(values))
    if not is_first():
        return
    print("\n\n".join(filter(None, [own_table(results), verdict(results), adversaries(results)])), end="\n\n")
    print(f"report: {values.out / 'report.html'}, beside table.md (.tex, .csv), tests.csv, results.csv, summary.json")


def _study_arguments(arguments: Arguments) -> None:
    arguments.add_list("--anchors", str, "tasks of both datasets, one of which is the anchor in turn", ())
    _several_arguments(arguments)
    training_arguments(arguments, own_workers=True, own_anchor=True)


def _study(values: Namespace) -> None:
    from headfreeze.comparison.study import study

    values.anchor = next(iter(values.anchors), "")
    found = study(part_of(Pair, values), values.out, anchors=values.anchors, **_several(values))
    if is_first():
        print(f"{found.table()}\n\nfigure: {values.out / 'study.png'}, beside study.csv, study.json, study.md")


def _report_arguments(arguments: Arguments) -> None:
    arguments.add("comparison", Path, "folder that `headfreeze compare --out` wrote, finished or not")
    arguments.add("--watch", bool, "write it again as runs come in, until the comparison is done", False)


def _report(values: Namespace) -> None:
    from headfreeze.comparison.report import watch_report, write_report

    if values.watch:
        try:
            for line in watch_report(values.comparison):
                print(line, flush=True)
        except KeyboardInterrupt:
            return  # how one stops to watch
    else:
        write_report(values.comparison)
    print(f"report: {values.comparison / 'report.html'}; figures are in {values.comparison / 'figures'}")


COMPARISON: dict[str, Command] = {
    "compare": Command(
        "train several recipes with several seeds and compare them",
        f"headfreeze compare {EXAMPLE_PAIR} --recipes baseline,headfreeze,oracle --seeds 0,1,2 --out runs/comparison",
        _compare_arguments,
        _compare,
        _comparison_problems,
    ),
    "study": Command(
        "compare anchors: the same recipes with one after the other, against one baseline",
        "headfreeze study --source rooms/source --target rooms/target --main normals --anchors segmentation,edges"
        " --recipes baseline,mtl-both,headfreeze,oracle --seeds 0,1,2 --out runs/study",
        _study_arguments,
        _study,
    ),
    "report": Command(
        "write the report of a comparison: one HTML file with tables, figures and a verdict",
        "headfreeze report runs/comparison",
        _report_arguments,
        _report,
    ),
}
