"""Sums that are the same to the bit for any batch size, order and number of processes: integers in two limbs."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

_LOW_BITS = 24
_LARGEST = 2**48


def limbs(values: Float[Tensor, "*n"], unit: float, counted: Bool[Tensor, "*n"]) -> Int64[Tensor, "2"]:
    """Σ round(value / unit) over the counted values, as (high, low) with the sum = high · 2²⁴ + low.

    Integer addition is associative where that of floats is not. Values are saturated at 2⁴⁸ units; sums of such pairs
    stay exact for 2³⁸ values (2.7 · 10¹¹).

    Args:
        values: non-negative, float64.
        unit: the resolution; each value is off by at most half of it.
        counted: which values count.
    """
    whole = torch.where(counted, values / unit, 0.0).nan_to_num().clamp(max=_LARGEST).round().long()
    return torch.stack([(whole >> _LOW_BITS).sum(), (whole & (2**_LOW_BITS - 1)).sum()])


def total(pair: Int64[Tensor, "2"], unit: float) -> float:
    """The sum that `limbs` have been added up to, in the unit of the values."""
    high, low = pair.tolist()
    return ((high << _LOW_BITS) + low) * unit


def in_double(label: Tensor) -> Float[Tensor, "..."]:
    """`label` detached, in float64, where the device has that (Apple's has not: on the CPU)."""
    label = label.detach()
    return (label.cpu() if label.device.type == "mps" else label).double()
