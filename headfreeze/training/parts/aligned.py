"""The source's cameras pitched as the target's are, which the anchor's labels tell: see `headfreeze.data.pitch`.

That anchors tell the angle is ours; that what lies where in an image guides adaptation is older: Chen, Li, Van Gool,
ROAD, CVPR 2018 (arXiv 1711.11556).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from headfreeze.data.augment import Augment
from headfreeze.data.batch import DeviceBatch
from headfreeze.data.pitch import pitch_difference
from headfreeze.tasks.base import Task
from headfreeze.training.parts.base import Part

_IMAGES = 256
"""Of each domain, or a few more."""


class Aligned(Part):
    """Turns every source image by the angle at which its anchor is laid out most like the target's, in every phase.

    The angle is measured in each phase again, from the same labels, so that no phase needs to know what came before it.

    Args:
        anchors: dense, labelled on both domains.
    """

    def __init__(self, anchors: Sequence[Task]) -> None:
        self.anchors = anchors
        self.deg = 0.0

    def augmenting(self, augment: Augment, batches: Callable[[], Iterator[DeviceBatch]]) -> Augment:
        """With the angle that these batches tell, one for all phases; images that are not augmented are not turned."""
        if augment.mode == "none":
            return augment
        chosen: list[DeviceBatch] = []
        for batch in batches():
            chosen.append(batch)
            if len(chosen) * batch.n_source >= _IMAGES:
                break
        self.deg = pitch_difference(chosen, self.anchors, augment.fov_deg).deg
        return replace(augment, source_pitch_deg=self.deg)

    def found(self) -> dict[str, Any]:
        """The angle, also where it is 0."""
        return {"source_pitch_deg": self.deg}
