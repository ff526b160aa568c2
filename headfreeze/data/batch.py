"""A batch on the device: images of both domains in one tensor, and the labels that go with them."""

from dataclasses import dataclass

from torch import Tensor

LabelKey = tuple[str, str]
"""(domain, task)."""


@dataclass
class DeviceBatch:
    """Images of both domains in one tensor, the source's first, and the labels of each domain's images.

    Attributes:
        image: (b, 3, h, w), uint8 or float in 0 … 1.
        labels: {(domain, task): (that domain's images, k, h, w)}, points (…, k, 4).
        n_source: how many of the images are the source's.
    """

    image: Tensor
    labels: dict[LabelKey, Tensor]
    n_source: int

    def rows(self, domain: str) -> slice:
        """Where the images of a domain lie in `image`."""
        return slice(0, self.n_source) if domain == "source" else slice(self.n_source, None)
