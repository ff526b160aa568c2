"""All settings of a training together, as values for files and as flags."""

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from headfreeze.roles import one_or_list
from headfreeze.settings.adversarial import Adversarial
from headfreeze.settings.architecture import Architecture
from headfreeze.settings.pair import Pair
from headfreeze.settings.training import FREEZE_POINTS, Training


@dataclass(frozen=True)
class Settings:
    """All settings of a training, as one value to hand down."""

    pair: Pair
    architecture: Architecture = field(default_factory=Architecture)
    training: Training = field(default_factory=Training)
    adversarial: Adversarial = field(default_factory=Adversarial)

    @classmethod
    def of(
        cls, pair: Pair, architecture: Architecture | None, training: Training | None, adversarial: Adversarial | None
    ) -> "Settings":
        """With the defaults in place of what is not given."""
        return cls(pair, architecture or Architecture(), training or Training(), adversarial or Adversarial())

    def problems(self) -> list[str]:
        """What is wrong with the settings themselves, a line each."""
        own = self.architecture.own
        parts = (self.pair, self.architecture, self.training)
        found = [line for part in parts for line in part.problems()]
        if not own and self.training.freeze_after not in FREEZE_POINTS:
            found.append(f"freeze_after is '{self.training.freeze_after}'; choose from {', '.join(FREEZE_POINTS)}")
        return found + list(self.adversarial.problems(own))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for files; paths as strings."""
        plain = dataclasses.asdict(self)
        plain["pair"] |= {"source": str(self.pair.source), "target": str(self.pair.target)}
        plain["pair"] |= {"main": one_or_list(self.pair.mains), "anchor": one_or_list(self.pair.anchors)}
        return plain


def as_flags(settings: Mapping[str, Any], skip: Collection[str] = ()) -> list[str]:
    """Settings, as `Settings.as_dict` gives them, as flags: those that have no default, or another value than it."""
    parts = {"pair": Pair, "architecture": Architecture, "training": Training, "adversarial": Adversarial}
    return [
        f"--{field.name}={_as_flag(value)}"
        for part, kind in parts.items()
        for field in dataclasses.fields(kind)
        if (value := settings.get(part, {}).get(field.name)) not in (None, field.default) and field.name not in skip
    ]


def _as_flag(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
