"""One or several tasks in a role: files, keys and settings have one as it is, and several as a list."""

from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")


def as_tuple(given: _T | Sequence[_T]) -> tuple[_T, ...]:
    """One thing, or a list of them, as a tuple; text is one thing."""
    return tuple(given) if isinstance(given, list | tuple) else (given,)  # type: ignore[return-value]  # no list is a thing


def one_or_list(several: Sequence[_T]) -> _T | list[_T]:
    """The only one as it is, as before there could be several; else a list."""
    return several[0] if len(several) == 1 else list(several)


def named(given: str | Sequence[str]) -> str | tuple[str, ...]:
    """Names of tasks as a setting: 'a,b' and ['a', 'b'] are two, 'a' and ['a'] are 'a'."""
    words = given.split(",") if isinstance(given, str) else given
    names = tuple(word.strip() for word in words if word.strip())
    return names[0] if len(names) == 1 else names
