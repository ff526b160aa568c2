"""Random numbers on the device, one an image, from a generator that the caller seeds."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor


def uniform(generator: Generator, like: Tensor, low: float, high: float) -> Float[Tensor, "b 1 1 1"]:
    """One number between `low` and `high` for each image of the batch `like`."""
    values = torch.empty(len(like), 1, 1, 1, device=like.device)
    return values.uniform_(low, high, generator=generator)
