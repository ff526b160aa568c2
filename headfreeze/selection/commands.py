"""The commands `headfreeze select` and `affinity`.

What they need is imported when they run: `--help` does not wait for it.
"""

from pathlib import Path

from jsonargparse import Namespace

from headfreeze.arguments import Arguments
from headfreeze.command import Command
from headfreeze.errors import InputError


def _select_arguments(arguments: Arguments) -> None:
    from headfreeze.selection.names import CHOICES, DEFAULT

    arguments.add("folder", Path, "what `compare` or `search` wrote, a folder of runs, or one run with snapshots")
    arguments.add("--validator", str, f"what decides: {', '.join(CHOICES)}", DEFAULT)
    arguments.add("--workers", int, "processes; 0 means one on a GPU, else one for four runs, at most one a core", 0)
    arguments.add("--device", str, "auto, cpu, cuda, mps or cuda:N", "auto")
    arguments.add("--judge", bool, "then open the target's test labels and say how well each validator ranks", False)
    arguments.add("--inside", str, "with judge: a task of the target inside which to judge, as of `compare`", "")


def _select(values: Namespace) -> None:
    from headfreeze.selection.judge import judged, judgements
    from headfreeze.selection.select import select
    from headfreeze.selection.snapshots import last_phases, table
    from headfreeze.selection.verdict import verdict

    if values.inside and not values.judge:
        raise InputError(f"inside is '{values.inside}', which says where to judge; give --judge true with it")
    found = select(values.folder, values.validator, device=values.device, workers=values.workers)
    within = last_phases(found, values.device, values.workers)
    said = [found.table(), "" if found.within_a_run else verdict(found.runs, found.values)]
    if values.judge:
        said.append(judgements(judged(found.runs, found.values, values.device, values.inside)))
        within = [each.judged(values.device, values.inside) for each in within]
    if within:
        said.append(table(within))
    print(*filter(None, said), sep="\n\n", end="\n\n")
    print(f"by {found.validator}: {found.best.folder}   next: headfreeze predict {found.best.folder} IMAGES --out DIR")


def _affinity_arguments(arguments: Arguments) -> None:
    from headfreeze.selection.names import AFFINITY_SIZE, AFFINITY_STEPS

    arguments.add("--source", Path, "dataset with labels of all these tasks, in the folder format")
    arguments.add("--main", str, "the task that is wanted on the target")
    arguments.add_list("--anchor", str, "tasks that could be its anchor", ())
    arguments.add("--size", int, "side of the images in pixels", AFFINITY_SIZE)
    arguments.add("--steps", int, "of training a small network, for each anchor", AFFINITY_STEPS)
    arguments.add("--seed", int, "of its weights and batches", 0)
    arguments.add("--out", Path | None, "gets the same as JSON", None)


def _affinity(values: Namespace) -> None:
    from headfreeze.data.folder import open_dataset
    from headfreeze.files import write_json
    from headfreeze.selection.affinity import affinity, as_json, table

    found = affinity(values.source, values.main, values.anchor, size=values.size, steps=values.steps, seed=values.seed)
    print(table(found, open_dataset(values.source).task(values.main)))
    if values.out:
        write_json(values.out, as_json(found))


SELECTION: dict[str, Command] = {
    "select": Command(
        "choose among trained runs without labels of the main task on the target",
        "headfreeze select runs/comparison",
        _select_arguments,
        _select,
    ),
    "affinity": Command(
        "say how much each anchor tells about the main task, from the source's labels alone",
        "headfreeze affinity --source rooms/source --main normals --anchor segmentation,edges",
        _affinity_arguments,
        _affinity,
    ),
}
