"""How far a phase is, beside its tensors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

ACCURACY = "accuracy_"
"""Prefix of the discriminators' accuracies among the numbers of a step; those of losses begin with `loss_`."""


@dataclass
class Progressed:
    """Plain values that travel with the checkpoint.

    Attributes:
        weights: λ of every task.
        opening_sums: the steps' numbers summed over those from which λ is measured; empty once it is.
        history: a row a validation.
        sums: the steps' numbers summed since the last validation, and how many steps these were.
        frozen: checksum of the frozen head.
        accuracies: of the discriminators at every step, by level.
        snapshots: what was found of each state of the network that is kept beside the last one, see `snapshots`.
    """

    step: int = 0
    weights: dict[str, float] = field(default_factory=dict)
    opening_sums: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    summed_steps: int = 0
    seconds: float = 0.0
    frozen: str = ""
    accuracies: dict[str, list[float]] = field(default_factory=dict)
    snapshots: list[dict[str, Any]] = field(default_factory=list)

    def book(self, steps: Iterable[Mapping[str, Tensor]], opening: bool) -> None:
        """Adds the numbers of some steps to the sums; waits for the device."""
        for numbers in steps:
            for name, tensor in numbers.items():
                value = float(tensor)
                self.sums[name] = self.sums.get(name, 0.0) + value
                if opening:
                    self.opening_sums[name] = self.opening_sums.get(name, 0.0) + value
                if name.startswith(ACCURACY):
                    self.accuracies.setdefault(name.removeprefix(ACCURACY), []).append(value)
            self.summed_steps += 1

    def means(self) -> dict[str, float]:
        """Of the numbers of the steps since the last validation."""
        return {name: value / self.summed_steps for name, value in self.sums.items()}

    def validated(self, losses: Mapping[str, float]) -> dict[str, float]:
        """Closes the sums with the losses on validation images; gives the new row of the history."""
        row = {"step": float(self.step), **self.means(), **losses}
        self.sums, self.summed_steps = {}, 0
        self.history.append(row)
        return row
