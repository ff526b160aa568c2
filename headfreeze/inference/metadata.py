"""What an exported file says of itself: all that is needed to use it without headfreeze."""

import json
from collections.abc import Sequence
from typing import Any

import headfreeze
from headfreeze.run import Run
from headfreeze.tasks.base import Task
from headfreeze.tasks.depth import DepthTask
from headfreeze.tasks.normals import NormalsTask
from headfreeze.tasks.segmentation import SegmentationTask

INPUT = "image"
_MEANINGS: dict[type[Task], str] = {
    NormalsTask: "unit vectors; channels x right, y up, z toward the viewer, in the camera's frame",
    DepthTask: "metres along the camera's viewing axis",
    SegmentationTask: "probability of each class; the class is the argmax over axis 1",
}
_POINTS = "x right and y down from the upper left corner, z toward the viewer, all in pixels; how sure, 0 … 1"


def metadata(run: Run, tasks: Sequence[Task], size: tuple[int, int]) -> dict[str, str]:
    """By key, what the file says: plain text, or JSON where the value is a list or an object."""
    canvas = run.canvas
    said: dict[str, Any] = {
        "headfreeze_version": headfreeze.__version__,
        "recipe": run.card.recipe,
        "main": run.card.names("main"),
        "anchor": run.card.names("anchor"),
        "training_size": f"{canvas.height}x{canvas.width}",
        "resize": canvas.resize,
        "input": described_input(size),
        "outputs": {task.name: described(task, size) for task in tasks},
    }
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in said.items()}


def described_input(size: tuple[int, int]) -> dict[str, Any]:
    """Name, type, shape and meaning of the input."""
    shape = ["batch", 3, *size]
    return {"name": INPUT, "type": "float32", "shape": shape, "meaning": "RGB in 0 … 1, not normalised otherwise"}


def described(task: Task, size: tuple[int, int]) -> dict[str, Any]:
    """Kind, shape and meaning of a task's output; of a segmentation its classes."""
    shape = ["batch", task.channels, *size] if task.dense else ["batch", task.channels, 4]
    meaning = next((text for kind, text in _MEANINGS.items() if isinstance(task, kind)), "")
    about: dict[str, Any] = {"kind": task.kind, "shape": shape, "meaning": meaning if task.dense else _POINTS}
    if isinstance(task, SegmentationTask):
        about["classes"] = list(task.classes)
    return about
