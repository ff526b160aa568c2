"""Gradient reversal and its ramp (Ganin & Lempitsky, ICML 2015, arXiv 1409.7495)."""

import math
from typing import Any

import torch
from torch import Tensor


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


def reversed_gradient(value: Tensor, strength: float) -> Tensor:
    """`value` itself; gradients that flow back through it are multiplied by −strength."""
    result: Tensor = _Reversal.apply(value, strength)
    return result


def ramp(progress: float) -> float:
    """λ_p = 2 / (1 + e^(−10 p)) − 1 for a progress p in 0 … 1: from 0 to 1, half of it after a ninth of the way."""
    return 2 / (1 + math.exp(-10 * progress)) - 1
