"""The network."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from headfreeze.settings.checks import outside_choices

Norm = Literal["shared", "frozen", "per_domain"]

FEATURE_LEVELS = ("backbone", "up1", "up2", "up3")


@dataclass(frozen=True)
class Architecture:
    """The network: a backbone, a feature pyramid on it, an output for each task.

    Args:
        backbone: a timm name; the preset tiny (0.5 M parameters, for CPUs and small images); or the function
            that builds a network of one's own, as package.module:function.
        pretrained: start the backbone from ImageNet weights.
        width: channels of the decoder; 0 means 256 as in the paper, 48 for tiny.
        norm: batch statistics shared by both domains, frozen at the pretrained ones, or kept per domain.
    """

    backbone: str = "resnet50"
    pretrained: bool = False
    width: int = 0
    norm: Norm = "shared"

    def problems(self) -> Iterator[str]:
        """What is wrong with the settings themselves, a line each."""
        if self.width < 0:
            yield f"width is {self.width}; give the decoder's channels, or 0 for the default"
        if self.own and (self.pretrained or self.width):
            given = "pretrained" if self.pretrained else f"width is {self.width}"
            yield f"{given}, but your own function builds backbone '{self.backbone}'; set it there, leave it out here"
        if self.norm == "frozen" and not self.pretrained and not self.own:
            yield "norm is frozen without pretrained weights, so statistics would stay at their start; set pretrained"
        yield from outside_choices(self)

    @property
    def own(self) -> bool:
        """Whether a function of the user's builds the network, see `headfreeze.models.own`."""
        return ":" in self.backbone
