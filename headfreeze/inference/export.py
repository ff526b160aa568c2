"""A trained run as one file for programs without headfreeze: ONNX, or a program of torch.export.

What the file gives is compared with what the run predicts before it is put in its place.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from headfreeze.errors import InputError
from headfreeze.files import check_folder, write_with
from headfreeze.inference.exported import ExportedRun
from headfreeze.inference.metadata import metadata
from headfreeze.inference.quiet import quiet
from headfreeze.run import Run
from headfreeze.settings import height_width
from headfreeze.tasks.base import Task
from headfreeze.tasks.segmentation import SegmentationTask

SUFFIXES = (".onnx", ".pt2")
METADATA_FILE = "headfreeze.json"
"""What the metadata is called inside of a .pt2."""

_TOLERANCE = 0.01
"""Between the file and the run: of normals as a length (0.6°), of depth as a share, of classes as 0 or 1, …"""
_MOST_OFF = 0.005
"""… and the share of values that may be farther off: pixels between two classes, which rounding decides."""
_MOST_POINTS_OFF = 0.1
"""The same of points: on pictures of nothing some heatmaps have two peaks of the same height."""
_CHECKED = (1, 3)
"""Images in the batches that are compared: neither is the number that the network is traced with."""
_TRACED = 2
_TIMED = 10

Call = Callable[[Float[np.ndarray, "b 3 h w"]], list[np.ndarray]]


@dataclass(frozen=True)
class Export:
    """What was written.

    Attributes:
        path: the file.
        metadata: what it says of itself.
        milliseconds: for one image on this CPU, of the file and of `Predictor`.
        difference: the mean absolute one between the file's values and the run's, by task.
    """

    path: Path
    metadata: dict[str, str]
    milliseconds: tuple[float, float]
    difference: dict[str, float]


def export(
    run: Path | str, path: Path | str, *, anchors: bool = False, size: int | str = "", overwrite: bool = False
) -> Export:
    """Writes RUN as PATH and checks it against the run itself; an error leaves nothing behind.

    Args:
        run: folder that `fit` wrote.
        path: ends in .onnx or .pt2.
        anchors: give the anchors' predictions as well.
        size: of the images that the file takes, PX or HxW in pixels; default: the training resolution. They are resized
            to the training resolution's scale inside, as `predict` does, and labels come in the images' own size.
        overwrite: replace a file that is there.

    Raises:
        InputError: there is no run, or nothing to give; the path, the size or the installed packages do not do; the
            network cannot be exported, or the file does not give what the run does.
    """
    path = Path(path)
    _check_path(path, overwrite)
    loaded = Run(Path(run), "cpu")
    tasks = _tasks(loaded, anchors)
    pixels = _size(str(size), loaded)
    module = ExportedRun(loaded, tasks, pixels)
    said = metadata(loaded, tasks, pixels)
    program = _traced(module, path)
    found: dict[str, Any] = {}

    def write_and_check(temporary: Path) -> None:
        if path.suffix == ".pt2":
            call = _write_program(program, temporary, said)
        else:
            from headfreeze.inference.onnx_file import write_onnx

            call = write_onnx(program, [task.name for task in tasks], temporary, said)
        found["difference"] = _compared(call, loaded, tasks, pixels, path)
        found["milliseconds"] = _timed(call, loaded, pixels)

    write_with(path, write_and_check)
    return Export(path, said, **found)


def _check_path(path: Path, overwrite: bool) -> None:
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: unknown suffix '{path.suffix}'; give a name that ends in {' or '.join(SUFFIXES)}")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file")
    if path.exists() and not overwrite:
        raise InputError(f"{path}: exists already; choose another name, or set overwrite to replace it")
    check_folder(path.parent)
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if path.suffix == ".onnx" and missing:
        raise InputError(f"{path}: needs the packages {', '.join(missing)}: pip install 'headfreeze[export]'")


def _tasks(run: Run, anchors: bool) -> list[Task]:
    names = run.card.names("main") + (run.card.names("anchor") if anchors else ())
    tasks = [run.tasks[name] for name in names if name in run.trained]
    if anchors and not set(run.card.names("anchor")) & set(run.trained):
        raise InputError(f"{run.folder}: recipe {run.card.recipe} has trained no anchor; export without anchors")
    if not tasks:
        raise InputError(f"{run.folder}: recipe {run.card.recipe} has trained no main task; export its anchors")
    return tasks


def _size(size: str, run: Run) -> tuple[int, int]:
    if not size:
        return run.canvas.height, run.canvas.width
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)?", size):
        raise InputError(f"size is '{size}'; give PX or HxW in pixels, for example 480x640")
    return height_width(size)


def _traced(module: ExportedRun, path: Path) -> torch.export.ExportedProgram:
    image = torch.rand(_TRACED, 3, *module.size)
    shapes = ({0: torch.export.Dim("batch", min=1)},)
    try:
        with quiet(), torch.no_grad():
            return torch.export.export(module, (image,), dynamic_shapes=shapes)
    except Exception as error:  # whatever a network's code makes torch.export raise
        raise InputError(
            f"{path}: torch.export cannot follow this network's code ({_brief(error)}); its `forward` must not branch"
            " on values"
        ) from error


def _write_program(program: torch.export.ExportedProgram, path: Path, said: dict[str, str]) -> Call:
    with quiet():
        torch.export.save(program, path, extra_files={METADATA_FILE: json.dumps(said)})
        module: Any = torch.export.load(path).module()
    return lambda image: [value.numpy() for value in module(torch.from_numpy(image))]


@torch.no_grad()
def _compared(call: Call, run: Run, tasks: list[Task], size: tuple[int, int], path: Path) -> dict[str, float]:
    """The mean difference by task.

    Raises:
        InputError: too much differs.
    """
    errors: dict[str, list[np.ndarray]] = {task.name: [] for task in tasks}
    for count in _CHECKED:
        pictures = [_picture(size, seed=10 * count + k) for k in range(count)]
        values = call(_as_input(pictures))
        for k, picture in enumerate(pictures):
            labels = run.predict(picture)
            for task, value in zip(tasks, values, strict=True):
                errors[task.name].append(_difference(task, torch.from_numpy(value[k]), labels[task.name]))
    for name, parts in errors.items():
        off = float(np.mean(np.concatenate(parts) > _TOLERANCE))
        if off > (_MOST_OFF if run.tasks[name].dense else _MOST_POINTS_OFF):
            raise InputError(
                f"{path}: not written, for {off:.1%} of its values of '{name}' are not what the run gives (a network"
                " that draws random numbers, or looks at the other images of a batch, cannot be exported)"
            )
    return {name: float(np.mean(np.concatenate(parts))) for name, parts in errors.items()}


def _difference(task: Task, value: Tensor, label: Tensor) -> Float[np.ndarray, " n"]:
    """Of every value, in units in which `_TOLERANCE` is small."""
    label = label.as_subclass(Tensor)
    if isinstance(task, SegmentationTask):
        return (value.argmax(0) != label[0].long()).float().flatten().numpy()
    if value.shape != label.shape:
        return np.ones(1, np.float32)
    same = torch.isnan(value) & torch.isnan(label)  # points have no z where nothing gives it
    apart = (value - label).abs() / label.abs().clamp(min=1)
    return torch.where(same, 0.0, apart.nan_to_num(1.0)).flatten().numpy()


def _timed(call: Call, run: Run, size: tuple[int, int]) -> tuple[float, float]:
    """Milliseconds for one image, of the file and of the run: the least of several, in turn, for machines are busy."""
    picture = _picture(size, seed=0)
    image = _as_input([picture])
    seconds: list[tuple[float, float]] = []
    for _ in range(_TIMED):
        begin = time.perf_counter()
        call(image)
        between = time.perf_counter()
        run.predict(picture)
        seconds.append((between - begin, time.perf_counter() - between))
    own, theirs = (min(side) * 1000 for side in zip(*seconds, strict=True))
    return own, theirs


def _picture(size: tuple[int, int], seed: int) -> UInt8[np.ndarray, "h w 3"]:
    """Soft colours with some noise, as photographs have them: at noise alone every prediction is a toss-up."""
    rng = np.random.default_rng(seed)
    soft = torch.from_numpy(rng.uniform(0, 255, (1, 3, 6, 8)))
    large = torch.nn.functional.interpolate(soft, size=size, mode="bicubic")[0].permute(1, 2, 0).numpy()
    return (large + rng.normal(0, 4, large.shape)).clip(0, 255).astype(np.uint8)


def _as_input(pictures: list[UInt8[np.ndarray, "h w 3"]]) -> Float[np.ndarray, "b 3 h w"]:
    return np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)


def _brief(error: Exception) -> str:
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0][:200]}" if first else type(error).__name__
