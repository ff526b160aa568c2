"""The commands `headfreeze predict` and `export`.

What they need is imported when they run: `--help` does not wait for it.
"""

import json
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from headfreeze.arguments import Arguments
from headfreeze.command import Command


def _predict_arguments(arguments: Arguments) -> None:
    arguments.add("run", Path, "folder that `headfreeze fit --out` wrote")
    arguments.add("images", list[str], "files, folders, globs or videos")
    arguments.add("--out", Path, "gets TASK/ID.EXT and pictures/ID.png")
    arguments.add("--device", str, "auto, cpu, cuda, mps or cuda:N", "auto")


def _predict(values: Namespace) -> None:
    from headfreeze.inference.predictor import Predictor

    count = Predictor(values.run, values.device).write(values.images, values.out)
    print(f"{count} images predicted; labels and pictures are in {values.out}")


def _export_arguments(arguments: Arguments) -> None:
    arguments.add("run", Path, "folder that `headfreeze fit --out` wrote")
    arguments.add("model", Path, "file to write: .onnx, or .pt2 for torch.export")
    arguments.add("--anchors", bool, "give the anchors' predictions as well", False)
    arguments.add("--size", str | int, "of the images that it takes: PX or HxW; default: the training resolution", "")
    arguments.add("--overwrite", bool, "replace a file that is there", False)


def _export(values: Namespace) -> None:
    from headfreeze.inference.export import export

    found = export(values.run, values.model, anchors=values.anchors, size=values.size, overwrite=values.overwrite)
    taken = json.loads(found.metadata["input"])
    print(f"in   {taken['name']:<14} {taken['type']} {_shape(taken)}  {taken['meaning']}")
    for name, given in json.loads(found.metadata["outputs"]).items():
        print(f"out  {name:<14} float32 {_shape(given)}  {given['meaning']}")
    own, theirs = found.milliseconds
    runtime = "onnxruntime" if found.path.suffix == ".onnx" else "torch.export"
    print(f"an image on this CPU: {runtime} {own:.1f} ms, headfreeze predict {theirs:.1f} ms")
    differences = ", ".join(f"{name} {value:.1g}" for name, value in found.difference.items())
    print(f"checked against the run, mean difference: {differences}")
    print(f"{found.path}: {found.path.stat().st_size / 1e6:.1f} MB")


def _shape(described: dict[str, Any]) -> str:
    return f"({', '.join(map(str, described['shape']))})"


INFERENCE: dict[str, Command] = {
    "predict": Command(
        "labels and pictures for new photographs",
        "headfreeze predict runs/rooms photos --out predictions",
        _predict_arguments,
        _predict,
    ),
    "export": Command(
        "write a run as an ONNX file, checked against the run",
        "headfreeze export runs/rooms model.onnx",
        _export_arguments,
        _export,
    ),
}
