"""What can be predicted for an image: label types and their geometry, losses, metrics, decoding, pictures, files."""

import inspect
import re
from typing import Any, TypeVar

from headfreeze.errors import InputError, unknown
from headfreeze.tasks import geometry as geometry  # registers how labels flip, resize, turn
from headfreeze.tasks.base import Task
from headfreeze.tasks.depth import DepthTask
from headfreeze.tasks.images import read_npy, read_png, with_extension, write_npy, write_png
from headfreeze.tasks.keypoints import KeypointsTask
from headfreeze.tasks.labels import Depth, Normals, Values
from headfreeze.tasks.losses import masked_mean
from headfreeze.tasks.normals import NormalsTask
from headfreeze.tasks.segmentation import SegmentationTask
from headfreeze.tasks.values_metric import AbsoluteErrorMetric

__all__ = [
    "TASKS",
    "AbsoluteErrorMetric",
    "Depth",
    "Normals",
    "Task",
    "Values",
    "make_task",
    "masked_mean",
    "read_npy",
    "read_png",
    "register",
    "with_extension",
    "write_npy",
    "write_png",
]

_T = TypeVar("_T", bound=type[Task])

TASKS: dict[str, type[Task]] = {
    "normals": NormalsTask,
    "depth": DepthTask,
    "segmentation": SegmentationTask,
    "keypoints": KeypointsTask,
}


def register(task: _T) -> _T:
    """Makes a kind of task of one's own known: dataset.yaml, commands and runs may name it from then on.

    A decorator of the class, or a call with it. `--import MODULE` makes a command import the module that registers it.

    Raises:
        InputError: it is no subclass of Task, has no kind, lacks methods, or its kind is taken.
    """
    name = getattr(task, "__name__", repr(task))
    if not (isinstance(task, type) and issubclass(task, Task)):
        raise InputError(f"cannot register {name}: it is no subclass of headfreeze.tasks.Task")
    missing = [m for m in ("kind", "label_type", "score", "lower_is_better", "extensions") if not hasattr(task, m)]
    missing += sorted(getattr(task, "__abstractmethods__", ()))
    if missing:
        raise InputError(f"cannot register {name}: it lacks {', '.join(missing)}; see headfreeze.tasks.Task")
    if not re.fullmatch(r"\w[\w-]*", task.kind):
        raise InputError(f"cannot register {name}: its kind is {task.kind!r}; give letters, digits, _ and -")
    if task.kind in TASKS:
        there = TASKS[task.kind]
        raise InputError(
            f"cannot register {name}: kind '{task.kind}' is taken by {there.__module__}.{there.__name__}; take another"
        )
    TASKS[task.kind] = task
    return task


def own_modules() -> tuple[str, ...]:
    """Modules that define the registered kinds which are not the package's: other processes must import them, too."""
    return tuple(sorted({kind.__module__ for kind in TASKS.values() if not kind.__module__.startswith("headfreeze.")}))


def make_task(name: str, options: Any = None) -> Task:
    """The task of an entry in dataset.yaml, for example `edges: {kind: segmentation, classes: [none, edge]}`.

    Args:
        name: of the task, and of the folder that holds its labels.
        options: `kind` (default: the name) and what that kind's constructor takes; an empty entry (None) means none.

    Raises:
        InputError: an unknown kind, an unknown or missing option, a bad value, or a name that cannot be a folder's.
    """
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w-]*", name) or name == "image":
        raise InputError(f"task name {name!r}: give letters, digits, _ and - ('image' is the folder of the images)")
    if not isinstance(options, dict | None):
        raise InputError(f"task '{name}': its entry is {options!r}; give options like {{kind: normals}}, or {{}}")
    given = dict(options or {})
    kind = given.pop("kind", name)
    if not isinstance(kind, str) or kind not in TASKS:
        hint = "" if "kind" in (options or {}) else "; a task of another name needs the option kind"
        raise InputError(f"task '{name}': {unknown('kind', str(kind), TASKS)}{hint}; a kind of your own: --import it")
    parameters = dict(inspect.signature(TASKS[kind]).parameters)
    del parameters["name"]
    for option in given:
        if option not in parameters:
            fault = (
                unknown("option", str(option), parameters)
                if parameters
                else f"unknown option '{option}'; it takes none"
            )
            raise InputError(f"task '{name}' of kind '{kind}': {fault}")
    for option, parameter in parameters.items():
        if parameter.default is parameter.empty and option not in given:
            raise InputError(f"task '{name}' of kind '{kind}': the option {option} is missing from its entry")
    return TASKS[kind](name, **given)
