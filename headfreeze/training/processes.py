"""Several processes that train one phase together and give the numbers of one.

All of them do the same, on equal weights: each decodes its part of a batch, all augment the whole of it with the same
random numbers, each computes its part again; losses and batch statistics are those of the whole batch, gradients are
averaged. The first process alone writes, locks and validates, and what it finds decides for all.

Lightning Fabric starts the processes (or finds those of torchrun and SLURM) and connects them. Gradients are averaged
here, once they are complete, and not by DDP's wrapper while they are being computed: that saves time between fast GPUs,
but outputs without a label and batches whose gradients add up would each need a mode of it.
"""

import atexit
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from lightning.fabric import Fabric
from lightning.fabric.strategies.ddp import DDPStrategy
from torch import Tensor, distributed, nn

from headfreeze.divided import divided, listening, of_all, reduced
from headfreeze.errors import InputError
from headfreeze.models.whole_norm import WholeBatchNorm

_T = TypeVar("_T")


class _Together(DDPStrategy):
    """Processes and their connections as of Fabric's "ddp"; modules are not wrapped."""

    def setup_module(self, module: nn.Module) -> nn.Module:  # type: ignore[override]  # it would be a wrapped one
        return module


def launched(accelerator: str, devices: int, precision: Any) -> Fabric:
    """`devices` processes, connected: from here on all of them run.

    Where nothing else has started them, Fabric runs the present command again once for each.
    """
    hush_lightning()
    # What is said between processes goes through gloo, which notices at once when one of them ends.
    strategy = _Together(process_group_backend="cpu:gloo,cuda:nccl" if accelerator == "cuda" else "gloo")
    fabric = Fabric(accelerator=accelerator, devices=devices, strategy=strategy, precision=precision)
    fabric.launch()
    atexit.register(_disconnect)
    return fabric


def hush_lightning() -> None:
    """It tells that processes are there, and of each GPU how it could be faster and less exact."""
    for name in ("lightning.fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _disconnect() -> None:
    """At the end: threads of gloo that are still there when a program ends make it crash."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def by_all(fabric: Fabric, make: Callable[[], _T]) -> _T:
    """What each process makes for itself. Where one has bad input, all raise that InputError."""
    if fabric.world_size == 1:
        return make()
    fault: InputError | None = None
    try:
        made = make()
    except InputError as error:
        fault = error
    faults: list[InputError | None] = [None] * fabric.world_size
    with listening():
        distributed.all_gather_object(faults, fault)
    for each in faults:
        if each:
            raise each
    return made


def by_first(fabric: Fabric, make: Callable[[], _T]) -> _T:
    """What the first process makes, given to all; the others wait for it. Where it has bad input, all raise that."""
    if fabric.world_size == 1:
        return make()
    made = by_all(fabric, lambda: make() if fabric.is_global_zero else None)
    with listening():
        return fabric.broadcast(made)  # type: ignore[return-value]  # the first one's, which is no None of ours


def gathered(fabric: Fabric, batch: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
    """The whole batch, on the device, from the equal parts of all processes, in their order."""
    return {domain: {name: _whole(fabric, part) for name, part in parts.items()} for domain, parts in batch.items()}


def _whole(fabric: Fabric, part: Tensor) -> Tensor:
    if fabric.world_size == 1:
        return part
    return of_all(part.to(fabric.device, non_blocking=True)).flatten(0, 1)


@contextmanager
def dividing(fabric: Fabric) -> Iterator[None]:
    """For a forward pass and its losses: means and batch statistics are those of the whole batch."""
    if fabric.world_size == 1:
        yield
        return
    with divided(), WholeBatchNorm():
        yield


def mean(fabric: Fabric, value: Tensor) -> Tensor:
    """Over all processes."""
    return value if fabric.world_size == 1 else reduced(value) / fabric.world_size


def average_gradients(fabric: Fabric, parameters: Iterable[nn.Parameter]) -> None:
    """Gives all processes the mean of their gradients; parameters without a gradient stay without."""
    if fabric.world_size == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = mean(fabric, torch.cat([gradient.reshape(-1) for gradient in gradients]))
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view(gradient.shape))
