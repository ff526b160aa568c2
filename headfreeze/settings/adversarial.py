"""The adversary of the recipes that have one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from headfreeze.settings.architecture import FEATURE_LEVELS
from headfreeze.settings.checks import negative, outside_choices

AdversaryKind = Literal["feature", "output", "joint"]
AdversaryLoss = Literal["bce", "lsgan"]

OUTPUT_LEVELS = (("outputs",), ("outputs", "up2"))


@dataclass(frozen=True)
class Adversarial:
    """The adversary of the recipes that have one: those whose names end in -da.

    Args:
        adversary: feature: gradients reversed at features of the decoder (Ganin & Lempitsky); output: a discriminator
            looks at the predicted main task (Tsai et al.); joint: at the predictions of all tasks together.
        adversary_weight: lambda_adv; 0 trains as the recipe without an adversary does; default: 0.1 for feature, 0.001
            for output and joint with bce, 0.01 with lsgan.
        adversary_levels: levels of the network that are looked at, separated by commas. feature: any of backbone, up1,
            up2, up3; default up1,up2. output and joint: outputs, or outputs,up2, which adds auxiliary outputs to up2.
        adversary_loss: bce or lsgan; feature knows bce alone.
        discriminator_width: channels of the discriminators; 0 means 512 for feature and 64 for output and joint as in
            their papers, an eighth and a quarter of that for tiny.
        discriminator_lr: peak learning rate of the discriminators, which falls as (1 - progress)^0.9; 0 means 1e-4 for
            output and joint, 1e-3 for feature.
    """

    adversary: AdversaryKind = "output"
    adversary_weight: float | None = None
    adversary_levels: str = ""
    adversary_loss: AdversaryLoss = "bce"
    discriminator_width: int = 0
    discriminator_lr: float = 0.0

    def problems(self, own: bool = False) -> Iterator[str]:
        """What is wrong with the settings themselves, a line each; an `own` network has levels of its own."""
        yield from negative(self, "adversary_weight")
        if self.adversary == "feature":
            strange = [level for level in self.levels if level not in FEATURE_LEVELS and not own]
            if strange or len(set(self.levels)) < len(self.levels):
                yield (
                    f"adversary_levels is '{self.adversary_levels}'; the feature adversary looks at any of"
                    f" {', '.join(FEATURE_LEVELS)}, each once"
                )
        elif self.levels not in OUTPUT_LEVELS and not (own and self.levels[0] == "outputs" and len(self.levels) == 2):
            allowed = " or ".join(",".join(levels) for levels in OUTPUT_LEVELS)
            yield f"adversary_levels is '{self.adversary_levels}'; the {self.adversary} adversary has {allowed}"
        if self.adversary == "feature" and self.adversary_loss != "bce":
            yield f"adversary_loss is {self.adversary_loss}; the feature adversary knows bce alone"
        if self.discriminator_width < 0:
            yield f"discriminator_width is {self.discriminator_width}; give channels, or 0 for the default"
        yield from negative(self, "discriminator_lr")
        yield from outside_choices(self)

    @property
    def levels(self) -> tuple[str, ...]:
        """The names of the levels that are looked at."""
        if not self.adversary_levels:
            return ("up1", "up2") if self.adversary == "feature" else OUTPUT_LEVELS[0]
        return tuple(level.strip() for level in self.adversary_levels.split(","))

    @property
    def learning_rate(self) -> float:
        """The discriminators' peak learning rate: the user's, or the default of the kind of adversary."""
        return self.discriminator_lr or (1e-3 if self.adversary == "feature" else 1e-4)

    @property
    def active(self) -> bool:
        """Whether there is an adversary at all: one without weight would still show target images to batch norm."""
        return self.adversary_weight != 0
