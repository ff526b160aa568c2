"""What every reader of a published data set promises: which images there are, each with labels in our conventions."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from headfreeze.data.write import LabelledImage


@dataclass(frozen=True)
class Frame:
    """An image that a data set has, before anything of it is decoded.

    Attributes:
        id: its name below its split's folder; unique within the data set, may hold folders (`ai_001_001/cam_00/0012`).
        group: the scene, subject or video that it belongs to: what must not be in two splits.
        split: train, val or test where the data set itself says so, else None.
        place: how its reader finds it again.
        fault: why nothing can be read of it: a damaged shard, a name that cannot be written. Such a frame stands for
            whatever it would have held; it is left out, or ends the conversion.
    """

    id: str
    group: str
    split: str | None = None
    place: Any = None
    fault: str = ""


@dataclass(frozen=True)
class Reader(ABC):
    """A data set in its maker's own layout.

    A subclass is a frozen dataclass whose further fields are settings with documented defaults: what the layout leaves
    open. `read` is called in several threads at once. Nothing is decoded before it.

    Args:
        root: the folder (or file) that was downloaded.

    Raises:
        InputError: settings that cannot be; `frames`: a layout that is another one, naming the file that lacks.
    """

    root: Path
    name: ClassVar[str]
    """What `headfreeze data convert` calls it."""

    @abstractmethod
    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """dataset.yaml's entry of each task that the images have labels for."""

    @abstractmethod
    def frames(self) -> Sequence[Frame]:
        """The images, in an order that is always the same."""

    @property
    def grouped(self) -> bool:
        """Whether the frames' groups are what the data set says; a guess will do for splits, and not for statistics."""
        return True

    @abstractmethod
    def read(self, frame: Frame) -> LabelledImage:
        """One image with its labels in our conventions (docs/data.md); a label that there is not is left out.

        Its split is the frame's, or train.

        Raises:
            InputError: a file is missing or damaged; the message begins with its path.
        """
