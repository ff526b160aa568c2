"""A file that is read, wherever it lies: on its own, or as a part of a larger one."""

import io
from pathlib import Path, PurePath
from typing import BinaryIO, Literal, Protocol, runtime_checkable


@runtime_checkable
class File(Protocol):
    """What readers of pictures and labels ask of a file. `pathlib.Path` has it, and so has a member of a shard.

    Written out (`str`), it is what a line calls it.
    """

    @property
    def name(self) -> str:
        """Without folders."""

    @property
    def suffix(self) -> str:
        """The end of its name, from the last dot on."""

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        """The file as a stream of bytes in which one can seek."""

    def read_bytes(self) -> bytes:
        """All of it."""

    def relative_to(self, root: Path, /) -> PurePath:
        """Where it lies below the data set's root in the folder format: the same wherever the data set itself lies."""


class Part(io.RawIOBase):
    """Bytes `start` … `start + length` of a file, as a file of their own. Nothing is read before it is asked for.

    Args:
        path: of the whole file.
        start: the first byte.
        length: how many there are.
    """

    def __init__(self, path: Path, start: int, length: int) -> None:
        self._whole = path.open("rb", buffering=0)
        self._start, self._length, self._at = start, length, 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a place, counted from the part's beginning, the present place or the part's end."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence])
        return self._at

    def readinto(self, buffer: "memoryview | bytearray", /) -> int:  # type: ignore[override]
        """Fills the buffer with what follows, as far as the part goes."""
        count = max(0, min(len(buffer), self._length - self._at))
        self._whole.seek(self._start + self._at)
        found = self._whole.readinto(memoryview(buffer)[:count]) or 0
        self._at += found
        return found

    def close(self) -> None:
        """Closes the whole file."""
        self._whole.close()
        super().close()
