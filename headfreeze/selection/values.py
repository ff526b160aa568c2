"""What validators say of runs, computed side by side and kept with each run, so that it is computed once.

RUN/selection/values.json       of which network on which files, and the values
RUN/selection/predictions.npz   of the main task, at some pixels of some images of the target
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from headfreeze.data.folder import fingerprint
from headfreeze.data.pair import OpenPair, open_pair
from headfreeze.evaluation.validators import VALIDATORS
from headfreeze.files import write_json
from headfreeze.imports import import_module_here
from headfreeze.pictures import spread
from headfreeze.progress import hush, progress
from headfreeze.run import Run, choose_device
from headfreeze.selection.cross_task import cross_task_energy, learnt_map
from headfreeze.selection.disagreement import disagreements, keep_predictions, kept_predictions, sampled_predictions
from headfreeze.selection.names import CROSS_TASK, DISAGREEMENT
from headfreeze.selection.runs import TrainedRun, pair_of
from headfreeze.settings import Pair
from headfreeze.side_by_side import cores
from headfreeze.tasks import own_modules

FORMAT = 3
"""Raise it when a change of the code changes values."""
_LOOKED_AT = 512
"""Files of a split that tell whether the data is still the same."""
_RUNS_A_PROCESS = 4
"""Fewer take less time than another process takes to begin."""


@dataclass(frozen=True)
class _Job:
    """One run to judge, for another process."""

    folder: Path
    settings: Pair
    maps: Path
    device: str


def values_of(
    runs: Sequence[TrainedRun], folder: Path, device: str = "auto", workers: int = 0
) -> list[dict[str, float]]:
    """By run, its finite values by validator. What the runs keep is not computed again.

    Args:
        runs: of one pair. No label of the main task on its target is opened, and nothing of its test split.
        folder: keeps the networks that cross-task energy learns.
        device: where networks compute.
        workers: processes; 0 chooses: one on a GPU, else one for four runs to judge, at most one a core.
    """
    pair, settings = pair_of(runs)
    files = _files(pair)
    wanted = [{"format": FORMAT, "phase": run.card.phases[-1]["key"], "files": files} for run in runs]
    kept = [_kept(run.folder, of) for run, of in zip(runs, wanted, strict=True)]
    missing = [i for i, each in enumerate(kept) if each is None]
    if missing:
        learnt_map(pair, settings, folder, device)  # here, so that no two processes learn it
        jobs = [_Job(runs[i].folder, settings, folder, device) for i in missing]
        with progress("judging runs without labels", len(jobs)) as report:
            for count, (i, found) in enumerate(zip(missing, _judged(jobs, workers), strict=True), 1):
                kept[i] = found
                keep_predictions(found[1], runs[i].folder / "selection/predictions.npz")
                write_json(runs[i].folder / "selection/values.json", {"of": wanted[i], "values": found[0]})
                report(count, runs[i].folder.name)
    there = [each for each in kept if each is not None]
    apart = disagreements([predictions for _, predictions in there], pair.main)
    values = [values | {DISAGREEMENT: value} for (values, _), value in zip(there, apart, strict=True)]
    return [{name: value for name, value in each.items() if math.isfinite(value)} for each in values]


def _judged(jobs: Sequence[_Job], workers: int) -> Iterator[tuple[dict[str, float], Tensor]]:
    """What is found of every run, in order."""
    useful = 1 if choose_device(jobs[0].device).type != "cpu" else min(cores(), max(1, len(jobs) // _RUNS_A_PROCESS))
    count = min(workers or useful, len(jobs))
    if count == 1:
        yield from map(_judge, jobs)
        return
    begin = partial(_begin, own_modules(), max(1, torch.get_num_threads() // count))
    with ProcessPoolExecutor(count, get_context("spawn"), begin) as pool:
        yield from pool.map(_judge, jobs)


def _begin(modules: Sequence[str], threads: int) -> None:
    """Prepares a process that judges runs; another one speaks for it."""
    hush()
    torch.set_num_threads(threads)
    for module in modules:
        import_module_here(module, "a task of your own")


def _judge(job: _Job) -> tuple[dict[str, float], Tensor]:
    pair, problems = open_pair(job.settings)
    assert pair is not None, problems
    run, map_ = Run(job.folder, job.device), learnt_map(pair, job.settings, job.maps, job.device)
    values = {name: validator(run, pair) for name, validator in VALIDATORS.items()}
    values[CROSS_TASK] = cross_task_energy(run, pair, map_) if map_ else math.nan
    return values, sampled_predictions(run, pair)


def _kept(folder: Path, of: Mapping[str, Any]) -> tuple[dict[str, float], Tensor] | None:
    predictions = kept_predictions(folder / "selection/predictions.npz")
    try:
        written = json.loads((folder / "selection/values.json").read_text())
        if predictions is not None and written["of"] == of:
            return {k: math.nan if v is None else float(v) for k, v in written["values"].items()}, predictions
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass  # not there, or damaged
    return None


def _files(pair: OpenPair) -> dict[str, str]:
    """What the files hold that validators read: of both domains images and anchors, of the source the main task."""
    found = {}
    for domain, dataset in pair.datasets.items():
        roles = ("main", "anchor") if domain == "source" else ("anchor",)
        for split in ("train", "val"):
            names = [task.name for role in roles for task in pair.roles[role]]
            names = [name for name in names if dataset.has(split, name)]
            if dataset.has_split(split):
                found[f"{domain} {split}"] = fingerprint(
                    spread(dataset.samples(split, names), _LOOKED_AT), dataset.root
                )
    return found
