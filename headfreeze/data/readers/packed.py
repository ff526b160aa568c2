"""Packed shards as `headfreeze data convert --packed` writes them: tar files in the way of WebDataset.

    ROOT/dataset.yaml
    ROOT/train-000000.tar     ai_001/0001.image.png, ai_001/0001.normals.png, …

Members are read where they lie in the shard; nothing is extracted, so a name in an archive can lead nowhere.
"""

import tarfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from headfreeze.data.folder import SPLITS
from headfreeze.data.images import read_image
from headfreeze.data.readers.base import Frame
from headfreeze.data.readers.folder import Described, as_array
from headfreeze.data.readers.safely import as_file, bounded, files, inside, reading
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError

_IMAGE = "image"


@dataclass(frozen=True)
class Member:
    """Where a file lies in a shard."""

    shard: Path
    offset: int
    length: int
    suffix: str


@dataclass(frozen=True)
class Packed(Described):
    """Reads packed shards."""

    name = "packed"

    def frames(self) -> Sequence[Frame]:
        """Every image of every shard."""
        frames = []
        for split in SPLITS:
            found: dict[str, dict[str, Member]] = defaultdict(dict)
            for shard in files(self.root, ".tar"):
                if shard.name.startswith(f"{split}-"):
                    for key, kind, member in self._members(inside(self.root, shard)):
                        found[key][kind] = member
            for key, members in found.items():
                if _IMAGE not in members:
                    raise InputError(f"{next(iter(members.values())).shard}: '{key}' has labels but no image")
                frames.append(Frame(key, self.group(key), split, members))
        return frames

    def read(self, frame: Frame) -> LabelledImage:
        """The image and its labels."""
        tasks = self.dataset.tasks
        labels = {}
        for name, member in frame.place.items():
            with as_file(_bytes(member), member.suffix, f"{member.shard}: {frame.id}.{name}{member.suffix}") as file:
                if name == _IMAGE:
                    image = read_image(file)
                else:
                    labels[name] = as_array(tasks[name].read(file), tasks[name])
        return LabelledImage(frame.split or SPLITS[0], frame.id, image, labels)

    def _members(self, shard: Path) -> Iterator[tuple[str, str, Member]]:
        kinds = [_IMAGE, *self.dataset.tasks]
        with reading(shard), tarfile.open(shard, "r:") as tar:
            for info in tar:
                path = PurePosixPath(info.name)
                kind = next((kind for kind in kinds if path.stem.endswith(f".{kind}")), None)
                if not info.isreg() or kind is None:
                    raise InputError(f"{shard}: member '{info.name}' is no ID.TASK.EXT of {', '.join(kinds)}")
                key = path.with_name(path.stem.removesuffix(f".{kind}")).as_posix()
                yield key, kind, Member(shard, info.offset_data, info.size, path.suffix)


def _bytes(member: Member) -> bytes:
    bounded(member.shard, [member.length], 1)
    with reading(member.shard), member.shard.open("rb") as file:
        file.seek(member.offset)
        return file.read(member.length)
