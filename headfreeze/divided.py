"""A batch that is divided among processes: each has an equal part of it, and sums go over all parts.

Gradients follow one rule: every process goes backward from its own loss, sums pass gradients on to all that added to
them, and the mean over the processes' gradients is then that of the mean of their losses. So a loss that is the same
number in all of them counts once, and one that each has of its own part counts as a mean over the parts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, distributed

from headfreeze.errors import ElsewhereError

_divided = ContextVar("_divided", default=False)


@contextmanager
def divided() -> Iterator[None]:
    """Within it, the batch at hand is this process's part of one that all processes of the group work on."""
    token = _divided.set(True)
    try:
        yield
    finally:
        _divided.reset(token)


def whole_sum(part: Tensor) -> Tensor:
    """The sum of what each process has summed over its part of the batch; itself where the batch is not divided."""
    if not _divided.get():
        return part
    total: Tensor = _WholeSum.apply(part)
    return total


def whole_max(part: Tensor) -> Tensor:
    """The largest value in any part of the batch; itself where the batch is not divided. Without a gradient."""
    return reduced(part.detach(), distributed.ReduceOp.MAX) if _divided.get() else part.detach()


def reduced(value: Tensor, operation: Any = distributed.ReduceOp.SUM) -> Tensor:
    """The processes' values added up, or otherwise reduced to one; the same bits in all of them."""
    result = value.clone(memory_format=torch.contiguous_format)
    with listening():
        distributed.all_reduce(result, operation)
    return result


def of_all(value: Tensor) -> Tensor:
    """(…) of every process → (processes, …) in their order; shapes must be the same, with one axis or more."""
    value = value.detach().contiguous()
    values = value.new_empty(distributed.get_world_size(), *value.shape)
    with listening():  # as bytes: not every type of number travels
        distributed.all_gather(list(values.view(torch.uint8).unbind()), value.view(torch.uint8))
    return values


@contextmanager
def listening() -> Iterator[None]:
    """For what needs the other processes.

    Raises:
        ElsewhereError: one of them does not answer.
    """
    try:
        yield
    except RuntimeError as error:  # each backend has its own words for it
        raise ElsewhereError(
            "another process of this training has ended; the same command goes on where it stopped"
        ) from error


class _WholeSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        del ctx
        return reduced(part)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        del ctx
        return reduced(gradients[0])
