"""A batch on the device: images of both domains in one tensor, and the labels that go with them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from headfreeze.tasks.labels import wrapped

LabelKey = tuple[str, str]
"""(domain, task)."""


@dataclass
class DeviceBatch:
    """Images of both domains in one tensor, the source's first, and the labels of each domain's images.

    Attributes:
        image: (b, 3, h, w), uint8 or float in 0 … 1.
        labels: {(domain, task): (that domain's images, k, h, w)}, points (…, k, 4).
        n_source: how many of the images are the source's.
        clean: `image` before the light was changed, as long as nobody has turned or mirrored it since.
    """

    image: Tensor
    labels: dict[LabelKey, Tensor]
    n_source: int
    clean: Tensor | None = None

    def rows(self, domain: str) -> slice:
        """Where the images of a domain lie in `image`."""
        return slice(0, self.n_source) if domain == "source" else slice(self.n_source, None)

    def part(self, number: int, count: int) -> "DeviceBatch":
        """Part `number` of `count` equal parts of each domain's images, in their order, with their labels."""
        if count == 1:
            return self
        labels = {k: wrapped(_part(v, number, count), v) for k, v in self.labels.items()}
        clean = None if self.clean is None else self._part(self.clean, number, count)
        return DeviceBatch(self._part(self.image, number, count), labels, self.n_source // count, clean)

    def only(self, domain: str) -> "DeviceBatch":
        """The images of one domain, with their labels."""
        rows, labels = self.rows(domain), {key: label for key, label in self.labels.items() if key[0] == domain}
        clean = None if self.clean is None else self.clean[rows]
        return DeviceBatch(self.image[rows], labels, self.n_source if domain == "source" else 0, clean)

    def _part(self, images: Tensor, number: int, count: int) -> Tensor:
        return torch.cat([_part(images[self.rows(domain)], number, count) for domain in ("source", "target")])


def _part(rows: Tensor, number: int, count: int) -> Tensor:
    size = len(rows) // count
    return rows.as_subclass(Tensor)[number * size : (number + 1) * size]
