"""Packed shards as `headfreeze data convert --packed` writes them: tar files in the way of WebDataset.

    ROOT/dataset.yaml
    ROOT/train-000000.tar     ai_001/0001.image.png, ai_001/0001.normals.png, …

Members are read where they lie in the shard, by their number: nothing is extracted, so a name in an archive can lead
nowhere, and a training that goes on opens the very images that come next.
"""

import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from headfreeze.errors import InputError, refuse
from headfreeze.stored import Part

IMAGE = "image"
_ENDING = ".tar"


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a shard, see `headfreeze.stored.File`.

    Attributes:
        shard: the tar file.
        id: of the image that it belongs to.
        kind: image, or the task whose label it is.
        suffix: of its name.
        offset: where its bytes begin in the shard.
        length: how many there are.
    """

    shard: Path
    id: str
    kind: str
    suffix: str
    offset: int
    length: int

    @property
    def name(self) -> str:
        """Without folders."""
        return f"{PurePosixPath(self.id).name}.{self.kind}{self.suffix}"

    def __str__(self) -> str:
        return f"{self.shard}: {self.id}.{self.kind}{self.suffix}"

    def open(self, mode: Literal["rb"] = "rb", /) -> BinaryIO:  # noqa: ARG002
        """A stream that reads from the shard what is asked for."""
        return io.BufferedReader(Part(self.shard, self.offset, self.length))

    def read_bytes(self) -> bytes:
        """All of it."""
        with self.open() as file:
            return file.read()

    def relative_to(self, _: Path, /) -> PurePosixPath:
        """Where the same file lies in the folder format."""
        return PurePosixPath(split_of(self.shard), self.kind, f"{self.id}{self.suffix}")


@dataclass(frozen=True)
class Shards:
    """The shards of a data set. Their tables of contents are read once, when something of their split is asked for.

    Args:
        root: the folder that they lie in.
        kinds: image and the names of the tasks.
        complain: called with a line for each shard that cannot be read and each member that cannot be, which are then
            left out; where it raises nothing, they stay left out.
    """

    root: Path
    kinds: tuple[str, ...]
    complain: Callable[[str], object] = refuse
    _known: dict[str, dict[str, dict[str, Member]]] = field(
        default_factory=dict, init=False, repr=False, compare=False, hash=False
    )

    def files(self, split: str, kind: str) -> dict[str, Member]:
        """The members of a kind by their ids, sorted; empty where there are none.

        Raises:
            InputError: a shard is damaged, or holds what is no member of a data set.
        """
        if split not in self._known:
            self._known[split] = self._listed(split)
        return self._known[split].get(kind, {})

    def of(self, split: str) -> list[Path]:
        """The shards of a split."""
        return [path for path in shards_in(self.root) if split_of(path) == split]

    def _listed(self, split: str) -> dict[str, dict[str, Member]]:
        found: dict[str, dict[str, Member]] = {kind: {} for kind in self.kinds}
        for shard in self.of(split):
            try:
                listed = list(members(shard, self.kinds))
            except InputError as error:
                self.complain(str(error))
                continue
            for member in listed:
                first = found[member.kind].setdefault(member.id, member)
                if first is not member:
                    self.complain(f"{member}: is in {first.shard.name} too; keep one of them")
        for files in found.values():
            for key in files.keys() - found[IMAGE].keys():
                self.complain(f"{files.pop(key)}: a label without an image; pack the data set again")
        return {kind: dict(sorted(files.items())) for kind, files in found.items() if files}


def shards_in(root: Path) -> list[Path]:
    """The tar files in a folder whose names begin with a split's, in order."""
    return sorted(path for path in root.glob(f"*-*{_ENDING}") if not path.name.startswith("."))


def split_of(shard: Path) -> str:
    """The split that a shard's name says: train of train-000000.tar."""
    return shard.name.removesuffix(_ENDING).rpartition("-")[0]


def members(shard: Path, kinds: Iterable[str]) -> Iterator[Member]:
    """A shard's table of contents; of the files' own bytes none is read.

    Raises:
        InputError: it is damaged or cut off, or holds what is no file of these kinds.
    """
    longest_first = sorted(sorted(kinds), key=len, reverse=True)
    try:
        size = shard.stat().st_size
        if not shard.is_file():  # a pipe would be waited for
            raise InputError(f"{shard}: is no file; convert the data set again")
        with tarfile.open(shard, "r:") as tar:
            for info in tar:
                tar.members.clear()  # type: ignore[attr-defined]  # it would keep every header that it has read
                path = PurePosixPath(info.name)
                kind = next((kind for kind in longest_first if path.stem.endswith(f".{kind}")), None)
                if not info.isreg() or kind is None:
                    raise InputError(f"{shard}: member '{info.name}' is no ID.TASK.EXT of {', '.join(longest_first)}")
                if path.is_absolute() or ".." in path.parts:
                    raise InputError(f"{shard}: member '{info.name}' leads out of its split; pack the data set again")
                if info.offset_data + info.size > size:
                    raise InputError(f"{shard}: cut off within '{info.name}'; convert the data set again")
                key = path.with_name(path.stem.removesuffix(f".{kind}")).as_posix()
                yield Member(shard, key, kind, path.suffix, info.offset_data, info.size)
            end = tar.offset
        if not end:
            raise InputError(f"{shard}: holds nothing; convert the data set again")
        if not _ends_at(shard, end):
            raise InputError(f"{shard}: damaged or cut off at byte {end}; convert the data set again")
    except InputError:
        raise
    except (OSError, tarfile.TarError, ValueError) as error:
        what = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{shard}: cannot be read as a tar file ({what}); convert the data set again") from error


def _ends_at(shard: Path, offset: int) -> bool:
    """Whether the end marker lies there: tarfile takes a damaged header for the end, and drops all that follows."""
    with shard.open("rb") as file:
        file.seek(offset)
        marker = file.read(2 * tarfile.BLOCKSIZE)
        rest = iter(lambda: file.read(2**20), b"")
        return len(marker) == 2 * tarfile.BLOCKSIZE and not any(marker) and not any(any(part) for part in rest)
