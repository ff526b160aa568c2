"""Which files Python opens and which folders it lists, from the interpreter's own audit events."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_EVENTS = ("open", "os.listdir", "os.scandir")
_listeners: list[set[Path]] = []
_installed: list[bool] = []


@contextmanager
def touched() -> Iterator[set[Path]]:
    """The files that are opened and the folders that are listed while the block runs, resolved."""
    if not _installed:
        sys.addaudithook(_note)  # there is no way to remove one: it does nothing while nobody listens
        _installed.append(True)
    paths: set[Path] = set()
    _listeners.append(paths)
    try:
        yield paths
    finally:
        _listeners.remove(paths)


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if not _listeners or event not in _EVENTS:
        return
    path = arguments[0]
    if isinstance(path, str | bytes | os.PathLike):
        found = Path(os.path.abspath(os.fsdecode(path)))
        for paths in _listeners:
            paths.add(found)
