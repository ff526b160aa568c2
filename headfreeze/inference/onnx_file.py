"""ONNX files: written by torch's exporter, run by onnxruntime. Both are the extra `export`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from headfreeze.errors import InputError
from headfreeze.inference.metadata import INPUT
from headfreeze.inference.quiet import quiet


def write_onnx(
    program: torch.export.ExportedProgram, outputs: Sequence[str], path: Path, said: dict[str, str]
) -> Callable[[Float[np.ndarray, "b 3 h w"]], list[np.ndarray]]:
    """Writes the program with its metadata, and gives what onnxruntime makes of the file, on the CPU.

    Raises:
        InputError: ONNX lacks something that the network does.
    """
    import onnx
    import onnxruntime

    try:
        with quiet():
            written = torch.onnx.export(
                program, (), dynamo=True, input_names=[INPUT], output_names=list(outputs), verbose=False
            )
    except Exception as error:  # what torch's exporter raises where an operation has no counterpart
        reason = str(error.__cause__ or error).strip().splitlines()
        raise InputError(
            f"ONNX has no counterpart of what this network does ({' '.join(reason)[:200]}); export it as .pt2"
        ) from error
    assert written is not None  # that of the old exporter
    model = written.model_proto
    model.producer_name, model.producer_version = "headfreeze", said["headfreeze_version"]
    onnx.helper.set_model_props(model, said)
    onnx.save(model, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()  # as many as what it is compared with
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda image: session.run(None, {INPUT: image})
