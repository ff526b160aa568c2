"""Photographs and videos of one's own, without labels: a target.

    ROOT/holiday/IMG_0001.jpg, ROOT/IMG_0002.HEIC, …       `photos`: every picture below the folder
    ROOT/walk.mp4, …                                       `videos`: frames of every video below the folder, or of one

A photograph's file is copied as it is, with its EXIF rotation; HEIC is decoded by pillow-heif where that is
installed, and the PNG that it becomes keeps what its EXIF says of the camera. A frame's group is its folder
or its video. Annotate an anchor afterwards: `headfreeze annotate`.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from headfreeze.data.exif import camera_exif
from headfreeze.data.images import EXTENSIONS, VIDEO_EXTENSIONS, read_image
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.safely import files, folders, inside, reading
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet: what cannot be read is said in our own line
HEIC = (".heic", ".heif")
_THUMB, _ALIKE = 16, 2.0
"""Frames whose thumbnails differ by less than 2 of 255 on average show the same."""


@dataclass(frozen=True)
class Photos(Reader):
    """Reads every picture below a folder."""

    name = "photos"

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """None yet."""
        return {}

    def frames(self) -> Sequence[Frame]:
        """Every picture, by its path."""
        frames = []
        for path in _below(self.root, self.root, (*EXTENSIONS, *HEIC)):
            relative = path.relative_to(self.root)
            frames.append(Frame(relative.with_suffix("").as_posix(), relative.parent.as_posix(), None, path))
        return frames

    def read(self, frame: Frame) -> LabelledImage:
        """One picture."""
        path = inside(self.root, Path(frame.place))
        if path.suffix.lower() not in HEIC:
            return LabelledImage(frame.split or "train", frame.id, path)
        return LabelledImage(frame.split or "train", frame.id, _heic(path), exif=camera_exif(path))


@dataclass(frozen=True)
class Videos(Reader):
    """Reads frames of videos.

    Args:
        every_s: seconds between two frames; those that look like the one before are left out.
    """

    every_s: float = 1.0
    name = "videos"

    def __post_init__(self) -> None:
        if not self.every_s > 0:
            raise InputError(f"every_s is {self.every_s}; give seconds above 0")

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """None yet."""
        return {}

    def frames(self) -> Sequence[Frame]:
        """Frames that differ, of every video; each video is decoded once to find them.

        A video that cannot be read has its first frame here, so that it is said where that is converted.
        """
        root = self._folder
        paths = [self.root] if self.root.is_file() else list(_below(root, root, VIDEO_EXTENSIONS))
        frames = []
        for path in paths:
            key = path.relative_to(root).with_suffix("").as_posix()
            before: np.ndarray | None = None
            for number, picture in _pictures(root, path, self.every_s):
                thumb = cv2.resize(picture, (_THUMB, _THUMB), interpolation=cv2.INTER_AREA).astype(np.float32)
                if before is None or np.abs(thumb - before).mean() > _ALIKE:
                    frames.append(Frame(f"{key}_{number:06d}", key, None, (path, number)))
                    before = thumb
            if before is None:
                frames.append(Frame(f"{key}_{0:06d}", key, None, (path, 0)))
        return frames

    @property
    def _folder(self) -> Path:
        return self.root.parent if self.root.is_file() else self.root

    def read(self, frame: Frame) -> LabelledImage:
        """One frame."""
        path, number = frame.place
        with reading(inside(self._folder, path)):
            video = cv2.VideoCapture(str(path))
            try:
                video.set(cv2.CAP_PROP_POS_FRAMES, number)
                there, picture = video.read()
            finally:
                video.release()
        if not there:
            what = f"frame {number} cannot be read" if number else "cannot be read as a video"
            raise InputError(f"{path}: {what}; convert it to MP4 (H.264)")
        return LabelledImage(frame.split or "train", frame.id, np.ascontiguousarray(picture[..., ::-1]))


def _below(root: Path, parent: Path, endings: Sequence[str]) -> Iterator[Path]:
    yield from files(parent, *endings)
    for folder in folders(root, parent):
        if not folder.is_symlink():  # within the root it leads to what is found anyway, or round in a circle
            yield from _below(root, folder, endings)


def _heic(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise InputError(f"{path}: HEIC needs pillow-heif: pip install pillow-heif; or save it as JPEG") from None
    register_heif_opener()
    return read_image(path)


def _pictures(root: Path, path: Path, every_s: float) -> Iterator[tuple[int, UInt8[np.ndarray, "h w 3"]]]:
    """Number and picture of a frame every so many seconds; none of what is no video."""
    try:
        inside(root, path)
    except InputError:
        return
    with reading(path):
        video = cv2.VideoCapture(str(path))
    try:
        rate = video.get(cv2.CAP_PROP_FPS)
        step = max(1, round(every_s * rate)) if 0 < rate < 1000 else 1
        number = 0
        while video.grab():
            if number % step == 0:
                there, picture = video.retrieve()
                if there:
                    yield number, picture
            number += 1
    finally:
        video.release()
