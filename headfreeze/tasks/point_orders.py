"""Orders of points that have a name: which mirrors which, and what distances are measured by."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain


@dataclass(frozen=True)
class PointOrder:
    """What the places in a list of points mean.

    Attributes:
        count: of points.
        pairs: (left, right): those that a reflection swaps; the others keep their place.
        eyes: the two whose distance errors are measured by; None: the points' bounding box is taken.
    """

    count: int
    pairs: tuple[tuple[int, int], ...]
    eyes: tuple[int, int] | None

    @property
    def mirror(self) -> tuple[int, ...]:
        """After a reflection, point i is what `mirror[i]` was."""
        order = list(range(self.count))
        for a, b in self.pairs:
            order[a], order[b] = b, a
        return tuple(order)


def _opposite(left: Sequence[int], right: Sequence[int]) -> tuple[tuple[int, int], ...]:
    return tuple(zip(left, right, strict=True))


MULTI_PIE = PointOrder(
    count=68,
    pairs=tuple(
        chain(
            _opposite(range(8), range(16, 8, -1)),  # jaw
            _opposite(range(17, 22), range(26, 21, -1)),  # brows
            _opposite((31, 32), (35, 34)),  # nostrils
            _opposite((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46)),  # eyes
            _opposite((48, 49, 50, 58, 59), (54, 53, 52, 56, 55)),  # outer lips
            _opposite((60, 61, 67), (64, 63, 65)),  # inner lips
        )
    ),
    eyes=(36, 45),  # outer corners
)
"""The 68 points of Multi-PIE (Gross et al. 2010), as of 300-W (Sagonas et al. 2016): jaw, brows, nose, eyes, lips."""

ORDERS = {"multi-pie": MULTI_PIE}
