"""A network that reads labels beside the image."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from headfreeze.models.network import TINY_WIDTH, Up, map_layer
from headfreeze.models.tiny import TinyFeatures


class Informed(nn.Module):
    """A pyramid network of the size of `tiny`, 0.7 M parameters, that reads other maps beside the image.

    Args:
        more: channels beside the image.
        wanted: channels of its output.
    """

    def __init__(self, more: int, wanted: int) -> None:
        super().__init__()
        self.backbone = TinyFeatures(channels=3 + more)
        *skips, top = self.backbone.channels
        self.top = nn.Conv2d(top, TINY_WIDTH, 1)
        self.ups = nn.ModuleList(Up(skip, TINY_WIDTH) for skip in reversed(skips))
        self.map = map_layer(TINY_WIDTH, wanted, 1)

    def forward(self, image: Float[Tensor, "b 3 h w"], more: Float[Tensor, "b m h w"]) -> Float[Tensor, "b c h2 w2"]:
        """Outputs at half the resolution of the images, which are in 0 … 1."""
        *skips, top = self.backbone(torch.cat([4 * image - 2, more], 1))
        seen = self.top(top)
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            seen = up(seen, skip)
        return self.map(seen)
