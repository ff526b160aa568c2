"""The readers by the names that `headfreeze data convert` knows them by; modules are imported when asked for."""

from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

from headfreeze.data.formats import READERS
from headfreeze.data.readers.base import Reader
from headfreeze.errors import InputError, unknown

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def reader_class(name: str) -> type[Reader]:
    """The class of that name.

    Raises:
        InputError: there is none.
    """
    if name not in READERS:
        raise InputError(unknown("format", name, READERS))
    module, _, cls = READERS[name].partition(":")
    found: type[Reader] = getattr(import_module(f"headfreeze.data.readers.{module}"), cls)
    return found


def open_reader(name: str, root: Path | str, settings: Mapping[str, str] | None = None) -> Reader:
    """The reader of a format on a folder, with settings as text.

    Raises:
        InputError: an unknown format or setting, a value that is not of the setting's kind, or no such folder.
    """
    cls = reader_class(name)
    root = Path(root)
    if not root.exists():
        raise InputError(f"{root}: no such file or folder")
    if root.is_file() and root.name.lower().endswith(_ARCHIVES):
        raise InputError(f"{root}: is an archive; unpack it, and name the folder that comes out")
    kinds = get_type_hints(cls)
    known = [field.name for field in fields(cls) if field.name != "root" and field.init]
    values = {}
    for key, text in (settings or {}).items():
        if key not in known:
            raise InputError(unknown(f"setting of {name}", key, known) if known else f"{name} has no setting '{key}'")
        values[key] = _as(kinds[key], key, text)
    return cls(root, **values)


def _as(kind: type, key: str, text: str) -> object:
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise InputError(f"{key} is '{text}'; give true or false")
        return text.lower() == "true"
    if kind not in (int, float):
        return text
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"{key} is '{text}'; give {'a whole number' if kind is int else 'a number'}") from None
