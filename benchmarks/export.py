"""Milliseconds for an image: a network as an ONNX file in onnxruntime against PyTorch, on this CPU.

    OMP_NUM_THREADS=1 python benchmarks/export.py [--calls 60]

Networks of two tasks with random weights, as many threads for both, PyTorch in its best memory layout. The two
take turns, and the least of all calls counts, so that other work on the machine matters little.
"""

import argparse
import tempfile
import time
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor, nn

from headfreeze.inference.quiet import quiet
from headfreeze.models.network import Network, OutputSpec


class Maps(nn.Module):
    def __init__(self, backbone: str) -> None:
        super().__init__()
        self.network = Network({"normals": OutputSpec(3), "segmentation": OutputSpec(13)}, backbone)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network(image).maps.values())


@torch.no_grad()
def measure(backbone: str, size: int, calls: int) -> None:
    module, image = Maps(backbone).eval(), torch.rand(1, 3, size, size)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        with quiet():
            torch.onnx.export(module, (image,), path, dynamo=True, input_names=["image"], verbose=False)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    module = module.to(memory_format=torch.channels_last)
    seen, given = image.contiguous(memory_format=torch.channels_last), {"image": image.numpy()}
    seconds = []
    for _ in range(calls):
        begin = time.perf_counter()
        session.run(None, given)
        between = time.perf_counter()
        module(seen)
        seconds.append((between - begin, time.perf_counter() - between))
    onnx, own = (min(side) * 1000 for side in zip(*seconds, strict=True))
    print(f"{backbone:<10} {size:>4} px  onnxruntime {onnx:6.1f} ms  PyTorch {own:6.1f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=60, help="of each of the two, for each network")
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}, {torch.get_num_threads()} threads")
    for backbone, size in (("tiny", 48), ("resnet18", 128), ("resnet50", 128)):
        measure(backbone, size, arguments.calls)


if __name__ == "__main__":
    main()
