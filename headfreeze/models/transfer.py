"""Two networks and a transfer between them: the anchor's features become what the main task's decoder reads.

AT/DT (Ramirez, Tonioni, Salti, Di Stefano: Learning Across Tasks and Domains, ICCV 2019, arXiv 1904.04744): a network
for the anchor learns on both domains, one for the main task on the source alone, and there a third one, G, learns to
make the second's features of the first's. The main task on the target is decoder_main(G(encoder_anchor(image))): its
encoder, which has never seen the target, is not asked.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from headfreeze.models.network import Network, Outputs
from headfreeze.models.norm import TwoDomains

BRANCHES = ("anchor", "main", "transfer")
_MADE, _WANTED = "made", "wanted"


class LevelTransfer(nn.Module):
    """G for one level of a backbone: from c channels to c, at the same resolution.

    The paper's G, with ELUs and without norm layers: two 3×3 convolutions of stride 2, then twice a nearest-neighbour
    enlargement with two 3×3 convolutions. There it serves the coarsest level alone, with that level's 2048 channels
    throughout. An FPN also reads finer levels, whose edges would not survive a quarter of the resolution: so here a
    1×1 convolution goes past the hourglass, which is narrower and begins at zero.

    Args:
        channels: of the level.
        width: channels inside of the hourglass.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.past = nn.Conv2d(channels, channels, 1)
        self.down1 = nn.Conv2d(channels, width, 3, stride=2, padding=1)
        self.down2 = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.up1 = _two_convolutions(width, width)
        self.up2 = _two_convolutions(width, channels)
        last = self.up2[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The other network's features, as far as these tell."""
        half = F.elu(_halved(self.down1, features))
        quarter = F.elu(_halved(self.down2, half))
        half = F.elu(self.up1(F.interpolate(quarter, size=half.shape[-2:], mode="nearest")))
        return self.past(features) + self.up2(F.interpolate(half, size=features.shape[-2:], mode="nearest"))


class TransferNetwork(TwoDomains):
    """The anchor from its network; the main task from the anchor's encoder through G and its own decoder.

    Args:
        anchor: the anchor's network.
        main: the main task's, on a backbone of the same kind.

    Attributes:
        transfer: G, one for each of the backbone's levels, finest first.
        branch: which of `BRANCHES` is trained at present, so that no more than it needs is computed; None: all is used.
    """

    def __init__(self, anchor: Network, main: Network) -> None:
        super().__init__()
        self.anchor, self.main = anchor, main
        width = main.channels["up1"]
        self.transfer = nn.ModuleList(LevelTransfer(channels, width) for channels in main.backbone.channels)
        self.branch: str | None = None
        for network in (anchor, main):
            network.follow(self)

    @property
    def stages(self) -> Mapping[str, Sequence[nn.Module]]:
        """What a phase trains, one at a time."""
        return {"anchor": [self.anchor], "main": [self.main], "transfer": [self.transfer]}

    @property
    def channels(self) -> dict[str, int]:
        """As of `Network`: of the main task's decoder, and of what it reads."""
        return self.main.channels

    @property
    def strides(self) -> dict[str, int]:
        """As of `Network`."""
        return self.main.strides

    @property
    def coarsest_stride(self) -> int:
        """As of `Network`."""
        return self.main.coarsest_stride

    def forward(self, image: Float[Tensor, "b 3 h w"], n_source: int | None = None) -> Outputs:
        """As of `Network`: all outputs, or those of the branch that is trained.

        While the transfer is trained, there are none, but the features of `made_and_wanted`.
        """
        if self.branch == "anchor":
            return self.anchor(image, n_source)
        if self.branch == "main":
            return self.main(image, n_source)
        levels = self.anchor.encode(image, n_source)
        made = [transfer(level) for transfer, level in zip(self.transfer, levels, strict=True)]
        if self.branch == "transfer" and self.training:
            pairs = {_MADE: made, _WANTED: self.main.encode(image, n_source)}
            return Outputs({}, {}, {f"{kind}{i}": level for kind, own in pairs.items() for i, level in enumerate(own)})
        size = image.shape[-2:]
        anchor, main = self.anchor.decode(levels, size), self.main.decode(made, size)
        return Outputs({**main.maps, **anchor.maps}, {**main.vectors, **anchor.vectors}, main.features)


def made_and_wanted(outputs: Outputs) -> list[tuple[Tensor, Tensor]]:
    """By level, what the transfer makes of the anchor's features, and the main task's own, (b, c, h, w) both."""
    features = outputs.features
    return [(features[f"{_MADE}{i}"], features[f"{_WANTED}{i}"]) for i in range(len(features) // 2)]


def _halved(convolution: nn.Conv2d, features: Float[Tensor, "b c h w"]) -> Tensor:
    """What a convolution of stride 2 makes of them; in float32 where they are one pixel wide.

    There the bf16 gradient of its weights takes in memory that nothing was written to (PyTorch 2.14, oneDNN, AVX-512).
    """
    if features.shape[-1] > 1:
        return convolution(features)
    with torch.autocast(features.device.type, enabled=False):
        return convolution(features.float())


def _two_convolutions(channels_in: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_in, 3, padding=1),
        nn.ELU(),
        nn.Conv2d(channels_in, channels, 3, padding=1),
    )
