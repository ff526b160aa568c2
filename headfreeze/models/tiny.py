"""`tiny`: a small residual network, for training on CPUs in minutes."""

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

WIDTHS = (16, 32, 64, 128)


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut (He et al. 2016, arXiv 1512.03385); stride 2 halves the size, rounding up."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
        """(b, channels_in, h, w) to (b, channels, ⌈h / stride⌉, ⌈w / stride⌉)."""
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class TinyFeatures(nn.Module):
    """Feature maps at strides 2, 4, 8 and 16: a 3×3 convolution, then three residual blocks; 0.29 M parameters."""

    strides = (2, 4, 8, 16)

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.channels = list(widths)
        first, *others = widths
        self.stem = nn.Sequential(nn.Conv2d(3, first, 3, 2, 1, bias=False), nn.BatchNorm2d(first), nn.ReLU())
        self.blocks = nn.ModuleList(
            ResidualBlock(below, width, stride=2) for below, width in zip(widths, others, strict=False)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """Four maps, the finest first."""
        features = [self.stem(image)]
        for block in self.blocks:
            features.append(block(features[-1]))
        return features
