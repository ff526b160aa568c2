"""The same command gives the same bits on a GPU too: cuDNN, cuBLAS and PyTorch are told to add up in one order.

By default their fastest algorithms add with atomic operations, in an order that changes from run to run.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def ask_for_repeatable_products() -> None:
    """To be called before the process's first matrix product on a GPU: cuBLAS reads its workspace's size once."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Within it, what is computed on the GPU is the same each time; on other devices it is so anyway.

    An operation of a network of one's own that has no such algorithm warns, and its bits may differ.
    """
    if device.type != "cuda":
        yield
        return
    cudnn, filling = torch.backends.cudnn, torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    settings = cudnn.deterministic, cudnn.benchmark
    torch.use_deterministic_algorithms(True, warn_only=True)
    cudnn.deterministic, cudnn.benchmark = True, False
    filling.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # for debugging, and slow
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        cudnn.deterministic, cudnn.benchmark = settings
        filling.fill_uninitialized_memory = True  # type: ignore[attr-defined]  # its default; without effect then
