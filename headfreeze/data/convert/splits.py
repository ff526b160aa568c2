"""Splits by group (scene, subject, video): no group is ever in two, and adding groups moves few of the others."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from headfreeze.data.folder import SPLITS
from headfreeze.data.readers.base import Frame
from headfreeze.errors import InputError


def parse_fractions(text: Sequence[str]) -> tuple[float, ...]:
    """Shares of train, val and test, from one to three of them; those left out are 0.

    Raises:
        InputError: they are no numbers, negative, or do not add up to 1.
    """
    given = ",".join(text)
    try:
        shares = [float(part) for part in text]
    except ValueError:
        shares = []
    shares += [0.0] * (len(SPLITS) - len(shares))
    if len(shares) > len(SPLITS) or not all(0 <= share <= 1 for share in shares) or not math.isclose(sum(shares), 1):
        raise InputError(
            f"splits is '{given}'; give shares of {', '.join(SPLITS)} that add up to 1, for example 0.7,0.15,0.15"
        )
    return tuple(shares)


def assigned(frames: Iterable[Frame], shares: Sequence[float], seed: int = 0) -> list[Frame]:
    """Frames with the splits that the shares give: groups in an order that seed and name decide, each whole.

    A group goes where most is missing of what the shares promise, counted in images; the order does not depend on
    which other groups there are.
    """
    frames = list(frames)
    groups: dict[str, int] = defaultdict(int)
    for frame in frames:
        groups[frame.group] += 1
    split_of: dict[str, str] = {}
    counts = [0] * len(shares)
    for group in sorted(
        groups, key=lambda name: hashlib.blake2b(f"{seed}\0{name}".encode(errors="surrogateescape")).digest()
    ):
        done = sum(counts) + groups[group]
        missing = [share * done - count if share else -math.inf for share, count in zip(shares, counts, strict=True)]
        place = missing.index(max(missing))
        counts[place] += groups[group]
        split_of[group] = SPLITS[place]
    return [replace(frame, split=split_of[frame.group]) for frame in frames]


def limited(frames: Sequence[Frame], count: int) -> list[Frame]:
    """At most `count` frames, taken from all groups in turn, in their order."""
    if not count or len(frames) <= count:
        return list(frames)
    seen: dict[str, int] = defaultdict(int)
    turns = []
    for number, frame in enumerate(frames):
        turns.append((seen[frame.group], number))
        seen[frame.group] += 1
    return [frames[number] for _, number in sorted(sorted(turns)[:count], key=lambda turn: turn[1])]
