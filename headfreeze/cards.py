"""Cards: JSON files that say what lies in their folder, with the number of the format that they are written in."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from headfreeze.errors import InputError
from headfreeze.files import write_json

_T = TypeVar("_T")


def write_card(path: Path, number: int, card: object) -> None:
    """Writes the attributes of `card`, and the number of their format."""
    write_json(path, {"format": number, **vars(card)})


def read_card(path: Path, number: int, make: Callable[..., _T], missing: str, damaged: str) -> _T:
    """What `make` makes of a card's values, given by their names.

    Args:
        path: of the file.
        number: of the format that this version reads.
        make: may fail as calls and conversions do; then the card is damaged.
        missing: what is said of the folder where there is no card.
        damaged: what is said of the card where it cannot be read.

    Raises:
        InputError: there is none, it is damaged, or was written by a newer version.
    """
    if not path.is_file():
        raise InputError(f"{path.parent}: {missing}")
    try:
        values = json.loads(path.read_text())
        found = values.pop("format")
        if found != number:  # before its fields are looked at: another format has others
            raise InputError(f"{path}: written in format {found}, this version reads {number}; update headfreeze")
        return make(**values)
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InputError(f"{path}: {damaged}") from None
