"""Which images belong together: views of one scene, photographs of one person, frames of one walk.

dataset.yaml says it, by a pattern that the ids of one group begin with, or by the name of a file beside it:

    groups: 'b\\d+'          # b16_left.png and b16_right.png are of one person
    groups: groups.csv      # split,id,group: a line for each image, as `headfreeze data convert` writes it
"""

import csv
import io
import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from headfreeze.columns import as_csv
from headfreeze.errors import InputError

GROUPS_FILE = "groups.csv"
_COLUMNS = ["split", "id", "group"]
_EXAMPLE = r"groups: '[^_]+' for what ids begin with, or groups: groups.csv for a file beside it"


@dataclass(frozen=True)
class Groups(ABC):
    """Images by what they show. An image that nothing is said of is a group of its own.

    Attributes:
        said: what dataset.yaml has.
    """

    said: str

    def of(self, split: str, key: str) -> str:
        """The group of an image; SPLIT/ID, where nothing is said of it."""
        return self.named(split, key) or f"{split}/{key}"

    @abstractmethod
    def named(self, split: str, key: str) -> str:
        """The group that is said of an image; empty where none is."""


@dataclass(frozen=True)
class Pattern(Groups):
    """By a regular expression that ids of one group begin with.

    What it matches is the group's name; of one with parentheses, what the first of them does that match anything.
    """

    pattern: re.Pattern[str]

    def named(self, split: str, key: str) -> str:
        """What the pattern finds in the id."""
        del split
        found = self.pattern.match(key)
        parts = (*found.groups(), found[0]) if found else ()
        return next((part for part in parts if part), "")


@dataclass(frozen=True)
class Listed(Groups):
    """By a file that says it of each image: {(split, id): group}."""

    groups: Mapping[tuple[str, str], str]

    def named(self, split: str, key: str) -> str:
        """What the file has."""
        return self.groups.get((split, key), "")


def read_groups(root: Path, said: object, config: Path) -> Groups:
    """What an entry `groups` of dataset.yaml means.

    Args:
        root: where a file named by it lies.
        said: the entry.
        config: the file that it stands in, for messages.

    Raises:
        InputError: it is neither a pattern nor the name of a file beside dataset.yaml that can be read.
    """
    if not isinstance(said, str) or not said or not said.isprintable():
        raise InputError(f"{config}: groups is {said!r}; write {_EXAMPLE}")
    if said.lower().endswith(".csv"):
        if Path(said).name != said:
            raise InputError(
                f"{config}: groups is {said!r}, a file elsewhere; name one beside it, such as {GROUPS_FILE}"
            )
        return Listed(said, _read_file(root / said))
    return pattern_of(said, config)


def pattern_of(said: str, config: Path) -> Pattern:
    """Groups by a regular expression.

    Raises:
        InputError: it is none.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python may read otherwise one day
            return Pattern(said, re.compile(said))
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(f"{config}: groups is {said!r}, which is no pattern ({error}); write {_EXAMPLE}") from None


def groups_csv(groups: Iterable[tuple[str, str, str]]) -> str:
    """The text of a file of groups.

    Args:
        groups: split, id and group of each image.
    """
    return as_csv(_COLUMNS, groups)


def _read_file(path: Path) -> dict[tuple[str, str], str]:
    if not path.is_file():
        raise InputError(f"{path}: no such file, which dataset.yaml names as the groups of its images")
    found: dict[tuple[str, str], str] = {}
    for number, (split, key, group) in _rows(path):
        if not group.isprintable():
            raise InputError(f"{path}, line {number}: control characters in the group {group!r}; rename it")
        if (known := found.setdefault((split, key), group)) != group:
            raise InputError(f"{path}, line {number}: {split}/{key} is in '{group}' and '{known}'; keep one of them")
    return found


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows below the head with their numbers; empty ones are passed over."""
    expected = f"should be CSV with a line {','.join(_COLUMNS)}, and then one of those three for each image"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); it {expected}, in UTF-8") from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for number, row in enumerate(filter(None, rows), 1):
            if (number == 1 and row != _COLUMNS) or len(row) != len(_COLUMNS):
                raise InputError(f"{path}, line {rows.line_num}: {','.join(row)!r}; it {expected}")
            if number > 1:
                yield rows.line_num, row
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: {error}; it {expected}") from None
    if not rows.line_num:
        raise InputError(f"{path}: empty; it {expected}")
