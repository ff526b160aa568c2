"""The transfer's loss: what it makes of the anchor's features against the main task's own (arXiv 1904.04744, §3.3)."""

import torch
from torch import Tensor

from headfreeze.data.batch import DeviceBatch
from headfreeze.divided import whole_sum
from headfreeze.models.network import Outputs
from headfreeze.models.transfer import made_and_wanted
from headfreeze.training.parts.base import Part, Weights


class FeatureDistance(Part):
    """The squared distance at each level, as a share of the wanted features' own square: 1 for a transfer to zero.

    The paper has one level and the plain square. Levels differ in magnitude, and so none drowns the others.
    """

    def losses(self, outputs: Outputs, batch: DeviceBatch, progress: float, weights: Weights) -> dict[str, Tensor]:
        """The mean over the levels."""
        del batch, progress, weights
        shares = []
        for made, wanted in made_and_wanted(outputs):
            squares = torch.stack([(made.float() - wanted.float()).square().sum(), wanted.float().square().sum()])
            distance, size = whole_sum(squares)
            shares.append(distance / size.clamp(min=torch.finfo(size.dtype).tiny))  # a level may be dead
        return {"loss_transfer": torch.stack(shares).mean()}
