"""Milliseconds for an image: an exported ONNX file in onnxruntime against `headfreeze predict`, on this CPU.

    python benchmarks/export.py [--rounds 5]

All outputs, normals and segmentation. The networks are trained for two steps: how long they take does not depend on
what they have learnt. Each row is the least of several exports' own measurements, in which the two take turns with the
same number of threads.
"""

import argparse
import tempfile
from pathlib import Path

import torch

from headfreeze.inference.export import export
from headfreeze.settings import Architecture, Pair, Training
from headfreeze.synth.rooms import write_rooms
from headfreeze.training.fit import fit


def measure(backbone: str, size: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rooms, run = Path(folder, "rooms"), Path(folder, "run")
        write_rooms(rooms, source=8, target=8, size=size)
        pair = Pair(rooms / "source", rooms / "target", "normals", "segmentation", size=size)
        training = Training(steps=2, batch_size=2, workers=0, device="cpu")
        fit("mtl-both", pair, run, architecture=Architecture(backbone=backbone), training=training)
        found = [export(run, Path(folder, f"{k}.onnx"), anchors=True) for k in range(rounds)]
    own, theirs = (min(side) for side in zip(*(one.milliseconds for one in found), strict=True))
    worst = max(one.difference["normals"] for one in found)
    print(
        f"{backbone:<22} {size:>4} px  onnxruntime {own:7.1f} ms  PyTorch {theirs:7.1f} ms  {theirs / own:4.1f} times"
        f"  difference {worst:.0e}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="exports of each network")
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    measure("tiny", 48, arguments.rounds)
    measure("resnet18", 128, arguments.rounds)
    measure("resnet50", 128, arguments.rounds)


if __name__ == "__main__":
    main()
