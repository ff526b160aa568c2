"""Two datasets, their tasks, and how images of them are seen in training."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from headfreeze.roles import as_tuple, named
from headfreeze.settings.checks import outside_choices

Augmentation = Literal["none", "geometric", "photometric"]
Resize = Literal["crop", "squash", "none"]
Names = str | tuple[str, ...]

SMALLEST_ZOOM = 0.2
LARGEST_ROTATION_DEG = 45
LARGEST_FOV_DEG = 150


def height_width(size: int | str) -> tuple[int, int]:
    """PX or HxW in numbers."""
    height, _, width = str(size).partition("x")
    return int(height), int(width or height)


@dataclass(frozen=True)
class Pair:
    """A source dataset and a target dataset with their tasks, and how their images reach the network.

    Args:
        source: folder of the labelled synthetic images, in the folder format.
        target: folder of the real images, in the folder format.
        main: the task that is wanted on the target; labelled on the source. Several: a list, or separated by commas;
            the first leads where one number is wanted.
        anchor: the task that is labelled on both, or several.
        size: training resolution in pixels, PX or HxW.
        resize: how an image of another size gets there. crop: its shorter side is scaled, windows are cut from the
            longer one; squash: both sides are scaled; none: windows are cut from the image as it is.
        augment: photometric (colour cast, gamma, contrast, shading, blur, noise, JPEG) includes geometric (flip, zoom,
            turned camera).
        zoom: smallest side of the window that augmentation cuts from an image and enlarges, as a share of the image's;
            smaller where things are seen at other scales in the two domains.
        rotate_deg: largest angle in degrees by which augmentation turns the camera up or down (two thirds of it to the
            sides, a third about its axis); for photographs taken at other angles than the rendered images.
        source_pitch_deg: angle by which augmentation also turns the source's cameras up, down where negative, so that
            they look as the target's do; recipes with `aligned` measure it instead.
        fov_deg: angle of view across the longer side of the training images, for both.
    """

    source: Path
    target: Path
    main: Names
    anchor: Names
    size: int | str = 128
    resize: Resize = "crop"
    augment: Augmentation = "photometric"
    zoom: float = 0.85
    rotate_deg: float = 12.0
    source_pitch_deg: float = 0.0
    fov_deg: float = 65.0

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            object.__setattr__(self, name, Path(getattr(self, name)))  # strings are welcome
        for role in ("main", "anchor"):
            object.__setattr__(self, role, named(getattr(self, role)))

    @property
    def mains(self) -> tuple[str, ...]:
        """Names of the main tasks."""
        return as_tuple(self.main)

    @property
    def anchors(self) -> tuple[str, ...]:
        """Names of the anchors."""
        return as_tuple(self.anchor)

    @property
    def height_width(self) -> tuple[int, int]:
        """Training resolution in pixels."""
        return height_width(self.size)

    def problems(self) -> Iterator[str]:
        """What is wrong with the settings themselves, a line each; files are looked at later."""
        if not re.fullmatch(r"\d+(x\d+)?", str(self.size)):
            yield f"size is '{self.size}'; give PX or HxW in pixels, for example 128 or 96x128"
        elif min(self.height_width) < 16:
            yield f"size is {self.size}; the smallest training resolution is 16 pixels"
        yield from self._role_problems()
        if not SMALLEST_ZOOM <= self.zoom <= 1:
            yield f"zoom is {self.zoom}; give the smallest window's side as a share, from {SMALLEST_ZOOM} to 1"
        if not 0 <= self.rotate_deg <= LARGEST_ROTATION_DEG:
            yield f"rotate_deg is {self.rotate_deg}; give degrees from 0 to {LARGEST_ROTATION_DEG}"
        if not abs(self.source_pitch_deg) <= LARGEST_ROTATION_DEG:
            yield (
                f"source_pitch_deg is {self.source_pitch_deg}; give degrees from -{LARGEST_ROTATION_DEG} to"
                f" {LARGEST_ROTATION_DEG}"
            )
        if self.source_pitch_deg and self.augment == "none":
            yield f"source_pitch_deg is {self.source_pitch_deg}, but augment is none, which turns no camera; set either"
        if not 0 < self.fov_deg <= LARGEST_FOV_DEG:
            yield f"fov_deg is {self.fov_deg}; give degrees above 0 and up to {LARGEST_FOV_DEG}"
        yield from outside_choices(self)

    def _role_problems(self) -> Iterator[str]:
        for role, names in (("main", self.mains), ("anchor", self.anchors)):
            if not names:
                yield f"{role} is empty; name a task, or several separated by commas"
            for name in sorted({name for name in names if names.count(name) > 1}):
                yield f"{role} is {','.join(names)}; name '{name}' once"
        for name in dict.fromkeys(name for name in self.mains if name in self.anchors):
            yield f"main and anchor are both '{name}'; a task can be one of them"
