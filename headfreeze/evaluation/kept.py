"""Evaluations that are kept: what was found for the same network on the same files is not computed again."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headfreeze.data.folder import Dataset, files_fingerprint
from headfreeze.data.shards import IMAGE
from headfreeze.errors import InputError
from headfreeze.evaluation.evaluate import Scores
from headfreeze.files import write_json
from headfreeze.roles import as_tuple, one_or_list

FORMAT = 1
"""Raise it when a change of the code changes scores."""
EVALUATED = "evaluated.json"
"""The last file that is written of scores that are kept: what they are the scores of."""


def judged(dataset: Dataset, split: str, mains: Sequence[str], inside: str) -> list[str]:
    """Those of a run's main tasks that are judged on a split: the first, and others that it has labels of.

    Args:
        dataset: the target.
        split: of it.
        mains: names of the main tasks.
        inside: a task inside of whose labels alone pixels are judged.
    """
    there = [name for name in mains[1:] if name in dataset.tasks and dataset.has(split, name)]
    if inside:
        there = [name for name in there if dataset.tasks[name].dense and name != inside]
    return [mains[0], *there]


def evaluation_of(dataset: Dataset, split: str, tasks: Sequence[str], inside: str) -> dict[str, Any]:
    """All beside the network that determines its scores on these tasks."""
    everything = {
        "format": FORMAT,
        "task": one_or_list(tasks),
        "inside": inside,
        "tasks": {name: task.options() for name, task in sorted(dataset.tasks.items())},
        "files": files_fingerprint(dataset.all_files(split), dataset.root),
    }
    if dataset.groups:
        named = "\n".join(f"{key}\0{dataset.groups.of(split, key)}" for key in dataset.files(split, IMAGE))
        everything["groups"] = hashlib.blake2b(named.encode(), digest_size=16).hexdigest()
    return everything


def keep(scores: Scores, folder: Path, of: Mapping[str, Any]) -> None:
    """Writes scores to `folder`, and last what they are the scores of."""
    (folder / EVALUATED).unlink(missing_ok=True)
    scores.write(folder)
    write_json(folder / EVALUATED, {"of": of, **_digests(folder, of["task"])})


def kept(folder: Path, of: Mapping[str, Any]) -> Scores | None:
    """The scores in `folder`; None where there are none, or those of something else, or of another hand."""
    try:
        written = json.loads((folder / EVALUATED).read_text())
        if written["of"] == of and _is_kept(folder, written):
            return Scores.read(folder, as_tuple(of["task"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, InputError):  # not there, or damaged
        pass
    return None


def kept_of(folder: Path, key: str, tasks: Sequence[str]) -> Scores:
    """The scores on these tasks that were kept in `folder`, whether the data is still there or not.

    Args:
        folder: what `keep` wrote to.
        key: of the network's last phase.
        tasks: some or all of those that were judged.

    Raises:
        InputError: other scores have been written over them, they are of another network, or damaged.
    """
    try:
        written = json.loads((folder / EVALUATED).read_text())
        of = written["of"]
        ours = of["key"] == key and _is_kept(folder, written)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        ours = False
    if not ours:
        raise InputError(
            f"{folder}: not the scores that the comparison kept here (`headfreeze evaluate`, on data of the same name,"
            " writes here, too); call the same `headfreeze compare` again"
        )
    return Scores.read(folder, tasks)


def _is_kept(folder: Path, written: Mapping[str, Any]) -> bool:
    """Whether the files are those that were kept: `headfreeze evaluate` writes to the same place.

    Counted errors may be missing, but not be others.
    """
    found = _digests(folder, written["of"]["task"])
    return bool(found["scores"] == written["scores"] and found["errors"].items() <= written["errors"].items())


def _digests(folder: Path, tasks: str | list[str]) -> dict[str, Any]:
    """Of the files with the scores, and of each task's counted errors where there are any."""
    names = as_tuple(tasks)
    scores = (folder / "metrics.json", *(folder / f"{name}_images.csv" for name in names))
    errors = {name: folder / f"{name}_errors.json" for name in names}
    return {
        "scores": _digest(*scores),
        "errors": {name: _digest(path) for name, path in errors.items() if path.exists()},
    }


def _digest(*paths: Path) -> str:
    return hashlib.blake2b(b"\0".join(path.read_bytes() for path in paths), digest_size=16).hexdigest()
