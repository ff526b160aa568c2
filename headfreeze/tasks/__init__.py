"""What can be predicted for an image: label types and their geometry, losses, metrics, decoding, pictures, files."""

import inspect
import re
from typing import Any

from headfreeze.errors import InputError, unknown
from headfreeze.tasks import geometry as geometry  # registers how labels flip, resize, turn
from headfreeze.tasks.base import Task
from headfreeze.tasks.depth import DepthTask
from headfreeze.tasks.keypoints import KeypointsTask
from headfreeze.tasks.normals import NormalsTask
from headfreeze.tasks.segmentation import SegmentationTask

__all__ = ["TASKS", "Task", "make_task"]

TASKS: dict[str, type[Task]] = {
    "normals": NormalsTask,
    "depth": DepthTask,
    "segmentation": SegmentationTask,
    "keypoints": KeypointsTask,
}


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
        raise InputError(f"task '{name}': {unknown('kind', str(kind), TASKS)}{hint}")
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
