"""Which images belong together: views of one scene, photographs of one person, frames of one walk.

dataset.yaml says it, by a pattern that the ids of one group begin with, or by the name of a file beside it:

    groups: 'b\\d+'          # b16_left.png and b16_right.png are of one person
    groups: groups.csv      # split,id,group: a line for each image, as `headfreeze data convert` writes it
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from headfreeze.errors import InputError

GROUPS_FILE = "groups.csv"
_COLUMNS = ["split", "id", "group"]
_EXAMPLE = r"groups: '[^_]+' for what ids begin with, or groups: groups.csv"


@dataclass(frozen=True)
class Groups:
    """Images by what they show. An image that nothing is said of is a group of its own.

    Attributes:
        said: what dataset.yaml has: where no file is listed, a regular expression that ids of one group begin with.
            What it matches is the group's name; of one with parentheses, what the first that match anything do.
        listed: {(split, id): group}, where a file says it.
    """

    said: str
    listed: Mapping[tuple[str, str], str] | None = None

    def of(self, split: str, key: str) -> str:
        """The group of an image; SPLIT/ID, where nothing is said of it."""
        own = f"{split}/{key}"
        if self.listed is not None:
            return self.listed.get((split, key), own)
        found = re.match(self.said, key)
        parts = (*found.groups(), found[0]) if found else ()
        return next((part for part in parts if part), own)


def read_groups(root: Path, said: object, config: Path) -> Groups:
    """What an entry `groups` of dataset.yaml means.

    Args:
        root: where a file named by it lies.
        said: the entry.
        config: the file that it stands in, for messages.

    Raises:
        InputError: it is neither a pattern nor the name of a file that can be read.
    """
    if not isinstance(said, str) or not said:
        raise InputError(f"{config}: groups is {said!r}; write {_EXAMPLE}")
    if said.endswith(".csv") and Path(said).name == said:
        return Groups(said, _read_file(root / said))
    try:
        re.compile(said)
    except re.error as error:
        raise InputError(f"{config}: groups is '{said}', which is no pattern ({error}); write {_EXAMPLE}") from None
    return Groups(said)


def groups_csv(groups: Iterable[tuple[str, str, str]]) -> str:
    """The text of a file of groups.

    Args:
        groups: split, id and group of each image.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(groups)
    return text.getvalue()


def _read_file(path: Path) -> dict[tuple[str, str], str]:
    if not path.is_file():
        raise InputError(f"{path}: no such file, which dataset.yaml names as the groups of its images")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        if head != _COLUMNS:
            raise ValueError
        return {(split, key): group for split, key, group in rows}
    except (OSError, ValueError, csv.Error):
        raise InputError(
            f"{path}: should be CSV with a line {','.join(_COLUMNS)}, and then one of those three for each image"
        ) from None
