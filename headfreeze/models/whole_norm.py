"""Batch norm whose statistics are those of a whole batch that is divided among processes.

torch's `SyncBatchNorm` does this on GPUs alone and takes the place of layers, timm's with an activation not among them.
Here the layers stay what they are: their calls of `batch_norm` are answered otherwise while a training forwards.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, distributed
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from headfreeze.divided import of_all, reduced


class WholeBatchNorm(TorchFunctionMode):
    """Within it, every batch norm in training mode takes its statistics over the parts of all processes.

    The parts must be equally large. Layers in eval mode are not concerned.
    """

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        if function is functional.batch_norm:
            return _batch_norm(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


def _batch_norm(
    x: Float[Tensor, "b c *n"],
    running_mean: Float[Tensor, " c"] | None,
    running_var: Float[Tensor, " c"] | None,
    weight: Float[Tensor, " c"] | None = None,
    bias: Float[Tensor, " c"] | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Float[Tensor, "b c *n"]:
    """`torch.nn.functional.batch_norm`, parameters by the same names and in the same order."""
    if not training:
        return functional.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    mean, var, count = _moments(x.detach())
    if running_mean is not None and running_var is not None:
        running_mean.lerp_(mean.to(running_mean.dtype), momentum)
        running_var.lerp_((var * count / (count - 1)).to(running_var.dtype), momentum)
    result: Tensor = _Normalised.apply(x, weight, bias, mean, var, eps)
    return result


@torch.no_grad()
def _moments(x: Float[Tensor, "b c *n"]) -> tuple[Float[Tensor, " c"], Float[Tensor, " c"], int]:
    """Mean and variance of every channel over all parts, and over how many values."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    var, mean = torch.var_mean(x.to(dtype), _all_but_channels(x), correction=0)
    means, variances = of_all(torch.stack([mean, var])).unbind(1)
    return means.mean(0), variances.mean(0) + means.var(0, correction=0), len(means) * x.numel() // x.shape[1]


class _Normalised(torch.autograd.Function):
    """(x − mean) / √(var + eps) · weight + bias, where mean and var depend on the x of all processes."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor, var: Tensor, eps: float
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, (var + eps).rsqrt())
        return functional.batch_norm(x, mean, var, weight, bias, eps=eps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, scale = ctx.saved_tensors
        shape = 1, -1, *(1 for _ in x.shape[2:])
        unit = (x - mean.view(shape)) * scale.view(shape)
        gradient = gradients[0].to(unit.dtype)
        dims = _all_but_channels(x)
        of_bias, of_weight = gradient.sum(dims), (gradient * unit).sum(dims)
        count = x.numel() // x.shape[1] * distributed.get_world_size()
        by_mean, by_var = reduced(torch.stack([of_bias, of_weight])) / count
        of_x = (gradient - by_mean.view(shape) - unit * by_var.view(shape)) * scale.view(shape)
        if weight is None:
            return of_x.to(x.dtype), None, None, None, None, None
        return (of_x * weight.view(shape)).to(x.dtype), of_weight, of_bias, None, None, None


def _all_but_channels(x: Tensor) -> list[int]:
    return [0, *range(2, x.ndim)]
