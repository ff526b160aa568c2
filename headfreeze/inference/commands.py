"""The command `headfreeze export`. What it needs is imported when it runs: `--help` does not wait for it."""

import json
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from headfreeze.arguments import Arguments
from headfreeze.command import Command


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


EXPORT: dict[str, Command] = {
    "export": Command(
        "write a run as an ONNX file, checked against the run",
        "headfreeze export runs/rooms model.onnx",
        _export_arguments,
        _export,
    ),
}
