"""The network: backbone, FPN decoder, one output layer per task; images in [0, 1] come in, no preprocessing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from headfreeze.errors import InputError
from headfreeze.models.backbones import build_backbone
from headfreeze.models.norm import TwoDomains, apply_norm_policy

WIDTH = 256
TINY_WIDTH = 48
HIDDEN = 256
OUTPUT_STRIDE = 2
"""Pixels of the image, down and across, for one of a task's map."""


@dataclass(frozen=True)
class Read:
    """Another task's map as an output reads it: its channels, in the bounded form that `soft` gives them."""

    task: str
    channels: int
    soft: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class OutputSpec:
    """What the network gives for one task: `channels` per pixel and `vector_channels` per image (0: none).

    `reads`: the predictions of other tasks that its map is made from as well.
    """

    channels: int
    vector_channels: int = 0
    reads: tuple[Read, ...] = ()


class Outputs(NamedTuple):
    """What `Network` gives.

    Attributes:
        maps: by task, (b, channels, ⌈h/2⌉, ⌈w/2⌉).
        vectors: by task, (b, vector_channels).
        features: by stage (backbone, up1, up2, up3), what it ends in, (b, c, h, w); the backbone's coarsest map.
    """

    maps: dict[str, Tensor]
    vectors: dict[str, Tensor]
    features: dict[str, Tensor]


class Up(nn.Module):
    """One level of the pyramid: enlarge what comes from above, add the skip connection, smooth."""

    def __init__(self, skip_channels: int, width: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(skip_channels, width, 1)
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, above: Float[Tensor, "b c h w"], skip: Float[Tensor, "b k h2 w2"]) -> Float[Tensor, "b c h2 w2"]:
        """From h × w to the skip connection's h2 × w2, whatever the two are."""
        skip = self.skip(skip)
        # From n to 2n or 2n − 1, nearest-neighbour interpolation takes pixel ⌊i / 2⌋: what the stride left there.
        enlarged = F.interpolate(above, size=skip.shape[-2:], mode="nearest")
        return F.relu(self.norm(self.conv(enlarged + skip)))


class Network(TwoDomains):
    """Li et al., WACV 2021 (arXiv 1908.06079), §4: an FPN (Lin et al., arXiv 1612.03144) on a backbone's four levels.

    Three upsampling levels with skip connections, then a deconvolution for each task, at half the input's resolution.
    Outputs per image come from the pooled output of the second level, through two fully-connected layers. A task that
    reads others (Xu et al., PAD-Net, CVPR 2018, arXiv 1805.04409) has their predicted maps beside the features.

    Args:
        outputs: task name → what to give for it.
        backbone: `tiny` or a timm network, see `build_backbone`.
        pretrained: start the backbone from ImageNet weights.
        width: channels of the decoder; default 256, and 48 for `tiny`.
        norm: what batch norm does with two domains, see `headfreeze.models.norm`.

    Attributes:
        channels: of the features that each stage ends in.
        strides: pixels of the image for one of these features.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        outputs: Mapping[str, OutputSpec],
        backbone: str = "resnet50",
        pretrained: bool = False,
        width: int | None = None,
        norm: str = "shared",
    ) -> None:
        super().__init__()
        if width is None:
            width = TINY_WIDTH if backbone == "tiny" else WIDTH
        self.backbone = build_backbone(backbone, pretrained)
        fine, level2, level3, top = self.backbone.channels
        self.top = nn.Conv2d(top, width, 1)
        self.up1, self.up2, self.up3 = Up(level3, width), Up(level2, width), Up(fine, width)
        self.strides = dict(zip(("up3", "up2", "up1", "backbone"), self.backbone.strides, strict=True))
        self.channels = {"backbone": top, "up1": width, "up2": width, "up3": width}
        enlarge = self.backbone.strides[0] // OUTPUT_STRIDE
        self._reads = {task: spec.reads for task, spec in outputs.items() if spec.reads}
        widths = {task: width + sum(read.channels for read in spec.reads) for task, spec in outputs.items()}
        self.maps = _by_task({t: map_layer(widths[t], s.channels, enlarge) for t, s in outputs.items() if s.channels})
        self.vectors = _by_task(
            {t: vector_layers(width, s.vector_channels) for t, s in outputs.items() if s.vector_channels}
        )
        for module in (self.top, self.up1, self.up2, self.up3):
            module.apply(_init)
        self.register_buffer("mean", torch.tensor(self.backbone.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(self.backbone.std).view(1, 3, 1, 1), persistent=False)
        apply_norm_policy(self, self.backbone, norm, self._domains)

    @property
    def coarsest_stride(self) -> int:
        """Pixels of the image for one of the coarsest features; all levels divide images of whole strides alike."""
        return self.strides["backbone"]

    @property
    def stages(self) -> dict[str, Sequence[nn.Module]]:
        """The modules of each stage, in order; the weights of a skip connection belong to the stage that reads it."""
        return {
            "backbone": [self.backbone],
            "up1": [self.top, self.up1],
            "up2": [self.up2],
            "up3": [self.up3],
            "outputs": [self.maps, self.vectors],
        }

    def forward(self, image: Float[Tensor, "b 3 h w"], n_source: int | None = None) -> Outputs:
        """Outputs for RGB images in [0, 1], of any size that the backbone takes.

        Args:
            image: the batch; where it holds both domains, source images come first.
            n_source: how many of them are source images; None: all are of the domain `self.domain`.

        Raises:
            ValueError: there are fewer than `n_source` images.
        """
        return self.decode(self.encode(image, n_source), image.shape[-2:])

    def encode(self, image: Float[Tensor, "b 3 h w"], n_source: int | None = None) -> list[Float[Tensor, "b _ _ _"]]:
        """The backbone's four levels, finest first; arguments as of `forward`."""
        self._tell(image, n_source)
        levels: list[Tensor] = self.backbone(self._normalised(image))
        return levels

    def decode(self, levels: Sequence[Float[Tensor, "b _ _ _"]], size: Sequence[int]) -> Outputs:
        """What the decoder and the output layers make of four levels like the backbone's.

        Args:
            levels: finest first.
            size: height and width of the image.
        """
        height, width = size
        fine, level2, level3, top = levels
        up1 = self.up1(self.top(top), level3)
        up2 = self.up2(up1, level2)
        up3 = self.up3(up2, fine)
        half = -(-height // OUTPUT_STRIDE), -(-width // OUTPUT_STRIDE)
        maps = {task: layer(up3) for task, layer in self.maps.items() if task not in self._reads}
        for task, reads in self._reads.items():
            seen = [F.adaptive_avg_pool2d(read.soft(maps[read.task]), up3.shape[-2:]) for read in reads]
            maps[task] = self.maps[task](torch.cat([up3, *seen], 1))
        maps = {task: maps[task][..., : half[0], : half[1]] for task in self.maps}
        vectors = {task: layers(up2.mean((-2, -1))) for task, layers in self.vectors.items()}
        return Outputs(maps, vectors, {"backbone": top, "up1": up1, "up2": up2, "up3": up3})

    def _normalised(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h2 w2"]:
        """Normalised, and padded to a multiple of the finest stride: some backbones would drop the last pixels."""
        stride = self.backbone.strides[0]
        bottom, right = -image.shape[-2] % stride, -image.shape[-1] % stride
        return F.pad((image - self.mean) / self.std, (0, right, 0, bottom))


def enlarged(output: Float[Tensor, "b c h w"], size: Sequence[int]) -> Float[Tensor, "b c h2 w2"]:
    """A task's map at the resolution (height, width) of the image or of a label: where it is compared and decoded."""
    if output.shape[-2:] == torch.Size(size):
        return output
    return F.interpolate(output, size=list(size), mode="bilinear", align_corners=False)


def map_layer(width: int, channels: int, enlarge: int) -> nn.Module:
    """The deconvolution that gives a task's map, exactly `enlarge` times larger; starts near zero."""
    layer: nn.Conv2d | nn.ConvTranspose2d
    if enlarge == 1:
        layer = nn.Conv2d(width, channels, 3, padding=1)
    else:
        margin = enlarge // 2
        layer = nn.ConvTranspose2d(width, channels, enlarge + 2 * margin, stride=enlarge, padding=margin)
    nn.init.normal_(layer.weight, std=0.01)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def vector_layers(width: int, channels: int) -> nn.Sequential:
    """The two fully-connected layers that give a task's numbers per image; start near zero."""
    last = nn.Linear(HIDDEN, channels)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(width, HIDDEN), nn.ReLU(), last)


def _by_task(layers: dict[str, nn.Module]) -> nn.ModuleDict:
    try:
        return nn.ModuleDict(layers)
    except KeyError as error:  # torch keeps some names to itself: "type", "pop", anything with a dot
        raise InputError(f"a task cannot have this name: {error.args[0]}; rename it") from error


def _init(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
