"""Other classes for a segmentation task, by a small YAML file and one look-up table.

    task: segmentation
    classes: [floor, wall, other]
    map: {floor: [floor, floor mat], wall: wall, other: "*"}

"*" stands for every class that is not named; without it those become invalid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer

from headfreeze.data.bounded_yaml import read_yaml
from headfreeze.data.readers.nyu_classes import NYU13, NYU40, NYU40_TO_13
from headfreeze.errors import InputError, unknown

NYU13_NAME = "nyu13"
_REST = "*"
_EXAMPLE = "task: segmentation, classes: [floor, other], map: {floor: [floor, floor mat], other: '*'}"
_KEYS = ("task", "classes", "map")


@dataclass(frozen=True)
class Classes:
    """New classes of a task, and which of the old ones each is made of."""

    task: str
    classes: tuple[str, ...]
    made_of: Mapping[str, Sequence[str]]

    def table(self, old: Sequence[str]) -> Integer[np.ndarray, " old"]:
        """The new index of each of the old ones; −1 for those that become invalid.

        Raises:
            InputError: a class is mapped that there is not, or twice.
        """
        table = np.full(len(old), -1, np.int64)
        taken: dict[str, str] = {}
        for new, names in self.made_of.items():
            for name in names:
                if name == _REST:
                    continue
                if name not in old:
                    raise InputError(f"classes: {unknown(f'class of {self.task}', name, old)}")
                if name in taken:
                    raise InputError(f"classes: '{name}' goes to '{taken[name]}' and to '{new}'; keep one")
                taken[name] = new
                table[list(old).index(name)] = self.classes.index(new)
        for new, names in self.made_of.items():
            if _REST in names:
                table[[name not in taken for name in old]] = self.classes.index(new)
        return table

    def applied(
        self, label: Integer[np.ndarray, "h w"], table: Integer[np.ndarray, " old"]
    ) -> Integer[np.ndarray, "h w"]:
        """A label with the new indices; 255 (65535 where there are more classes) is invalid."""
        invalid = 255 if len(self.classes) <= 255 else 65535
        padded = np.append(table, -1)
        moved = padded[np.minimum(label.astype(np.int64), len(table))]
        return np.where(moved < 0, invalid, moved).astype(np.uint8 if invalid == 255 else np.uint16)


def read_classes(name: str) -> Classes:
    """The file's classes; or `nyu13` for the 13 of the 40 of NYUv2.

    Raises:
        InputError: no such file, or one that cannot be understood.
    """
    if name == NYU13_NAME:
        parts: dict[str, list[str]] = {new: [] for new in NYU13}
        for old, number in zip(NYU40, NYU40_TO_13, strict=True):
            parts[NYU13[number - 1]].append(old)
        return Classes("segmentation", NYU13, parts)
    path = Path(name)
    return _parsed(path, read_yaml(path, _EXAMPLE))


def _parsed(path: Path, config: Any) -> Classes:
    if not isinstance(config, dict) or set(config) != set(_KEYS) or not isinstance(config["map"], dict):
        raise InputError(f"{path}: should hold {', '.join(_KEYS)}, for example {_EXAMPLE}")
    classes = config["classes"]
    if not isinstance(classes, list) or not classes or not all(isinstance(name, str) for name in classes):
        raise InputError(f"{path}: classes is {classes!r}; give a list of names")
    made_of = {}
    for new, names in config["map"].items():
        if new not in classes:
            raise InputError(f"{path}: {unknown('class', str(new), classes)}")
        made_of[new] = [str(part) for part in (names if isinstance(names, list) else [names])]
    return Classes(str(config["task"]), tuple(classes), made_of)
