"""What the losses of all tasks share: float32 arithmetic and the mean over valid pixels of the whole batch."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from headfreeze.divided import whole_sum


def widened(output: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """`output` in float32 if it is in half precision (wider types stay), channel by channel in memory.

    Sums over three channels of a channels-last tensor cost several times the copy that this makes of one.
    """
    dtype = torch.promote_types(output.dtype, torch.float32)
    return output.to(dtype=dtype, memory_format=torch.contiguous_format)


def masked_mean(values: Float[Tensor, "*n"], valid: Bool[Tensor, "*n"]) -> Float[Tensor, ""]:
    """Mean over the valid values of the whole batch; 0 with a gradient of 0 where there is none.

    No indexing by the mask and no branch: both would make the device wait for the count. `values` must be finite with
    a finite gradient everywhere, invalid pixels included, for 0 · ∞ is not 0.
    """
    weight = valid.to(values.dtype)
    return mean_of((values * weight).sum(), weight.sum())


def mean_of(total: Float[Tensor, ""], count: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """Mean from a sum over valid pixels and their number, over all processes' parts of the batch; 0 of none."""
    total, count = whole_sum(torch.stack([total, count]))
    return total / count.clamp(min=1)
