"""Command-line arguments on jsonargparse: every setting is a flag and a YAML key, and all faults are found at once."""

import argparse
import dataclasses
import types
from collections import deque
from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml
from jsonargparse import ArgumentError, ArgumentParser, DefaultHelpFormatter, Namespace

from headfreeze.errors import raise_all

_REQUIRED = object()
_PRINT = "print_config"
_YES_NO = ("true", "false", "yes", "no")
_T = TypeVar("_T")


class _Formatter(argparse.RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """Keeps the lines of a description as they are."""


class Arguments:
    """The arguments of one command.

    Args:
        command: what the user typed to get here, for the help.
        description: what the command does, with an example.
    """

    def __init__(self, command: str, description: str) -> None:
        self._parser = ArgumentParser(
            prog=command, description=description, exit_on_error=False, formatter_class=_Formatter
        )
        self._parser.add_argument(
            "--config", metavar="FILE", help="YAML file with any of the settings below; flags win"
        )
        self._parser.add_argument(
            "--print_config", action="store_true", help="print all settings as such a file, and do nothing else"
        )
        self._kinds: dict[str, Any] = {}
        self._positional: list[str] = []
        self._required: list[str] = []
        self._lists: dict[str, type[int] | type[str]] = {}

    def add(self, flag: str, kind: Any, about: str, default: Any = _REQUIRED) -> None:
        """One argument; without dashes a positional one, without a default a required one."""
        name = flag.lstrip("-")
        self._kinds[name] = kind
        options: dict[str, Any] = {"help": about}
        if default is _REQUIRED:
            self._required.append(name)
        else:
            options["default"] = default
        if flag.startswith("-"):
            self._parser.add_argument(flag, type=kind, **options)
            return
        self._positional.append(name)
        # optional for the parser, so that a config file can give it and its absence is one fault among the others
        several = get_origin(kind) is list
        self._parser.add_argument(
            flag, type=get_args(kind)[0] if several else kind, nargs="*" if several else "?", **options
        )

    def add_list(self, flag: str, kind: type[int] | type[str], about: str, default: Sequence[int | str]) -> None:
        """One argument with several values: separated by commas as a flag, a list or one value in a file."""
        name = flag.lstrip("-")
        self._kinds[name], self._lists[name] = list[kind], kind  # type: ignore[valid-type]
        about = f"{about}, separated by commas"
        # Any: the parser would offer a second flag to append to a list; the items are checked here
        self._parser.add_argument(flag, type=Any, metavar="A,B,…", help=about, default=list(default))

    def add_settings(self, settings: type, skip: Collection[str] = ()) -> None:
        """Every field of a dataclass, but those to skip, as a flag, described by its docstring."""
        hints = get_type_hints(settings)
        self._kinds |= {name: kind for name, kind in hints.items() if name not in skip}
        required = (f.name for f in dataclasses.fields(settings) if f.default is dataclasses.MISSING)
        self._required += [name for name in required if name not in skip]
        self._parser.add_class_arguments(settings, None, skip=set(skip))

    def parse(self, argv: Sequence[str]) -> tuple[Namespace | None, list[str]]:
        """The values and the faults: with faults, faulty values are replaced by defaults. None after --help.

        Raises:
            InputError: faults that leave nothing to check further (a required argument is missing or faulty).
        """
        if {"-h", "--help"} & set(argv):
            self._parser.print_help()
            return None, []
        raw, faults = self._raw(argv)
        printing = raw.pop(_PRINT, False)
        given = self._given(raw, faults)
        missing = [n for n in self._required if n not in raw and not printing]
        if missing:
            flags = ", ".join(n.upper() if n in self._positional else f"--{n}" for n in missing)
            faults.append(f"missing: {flags} (see --help)")
        if faults and (printing or not all(n in given for n in self._required)):
            raise_all(faults)
        if printing:
            print(self._as_file(given), end="")
            return None, []
        values = self._parser.parse_object(given)
        for own in ("config", _PRINT):
            values.pop(own, None)
        return values, faults

    def _raw(self, argv: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
        """What config files and, in their place where both speak, words say; and what cannot be understood."""
        files: dict[Any, Any] = {}
        raw: dict[str, Any] = {}
        faults: list[str] = []
        free = list(self._positional)
        words = deque(argv)
        while words:
            word = words.popleft()
            if not word.startswith("--") or word == "--":
                faults += self._put_positional(raw, free, word)
                continue
            name, has_value, value = word[2:].partition("=")
            name = name.replace("-", "_")  # --skip-bad is --skip_bad
            if name == _PRINT:
                raw[_PRINT] = True
            elif not has_value and (following := self._following(name, words)) is None:
                known = name in self._kinds or name == "config"
                faults.append(f"{name} needs a value{self._hint(name)}" if known else self._unknown(name))
            elif name == "config":
                faults += _read_config(Path(value if has_value else following or ""), files)
            else:
                raw[name] = value if has_value else following
        return {name: value for name, value in (files | raw).items() if not self._unset(name, value)}, faults

    def _following(self, name: str, words: deque[str]) -> str | None:
        """The value of a flag that stands in a word of its own; a yes-or-no flag without one means yes."""
        if self._kinds.get(name) is bool and (not words or words[0].lower() not in _YES_NO):
            return "true"
        return None if not words or words[0].startswith("--") else words.popleft()

    def _put_positional(self, raw: dict[str, Any], free: list[str], word: str) -> list[str]:
        if word.startswith("-") and word != "--":
            return [f"unknown flag '{word}': flags begin with two dashes (see --help)"]
        if not free or word == "--":
            return [f"unexpected argument '{word}' (see --help)"]
        if get_origin(self._kinds[free[0]]) is list:
            raw.setdefault(free[0], []).append(word)
        else:
            raw[free.pop(0)] = word
        return []

    def _unset(self, name: Any, value: Any) -> bool:
        """Whether a file says null where that means: nothing was chosen."""
        return value is None and (name in self._required or type(None) in get_args(self._kinds.get(name)))

    def _given(self, raw: dict[str, Any], faults: list[str]) -> dict[str, Any]:
        """The values that are fine; adds a line to `faults` for each that is not."""
        given = {}
        for name, value in raw.items():
            if name not in self._kinds:
                faults.append(self._unknown(name))
                continue
            try:
                value = _items(value, self._lists[name]) if name in self._lists else value
                given[name] = _parsed(name, self._kinds[name], value)
            except (ArgumentError, TypeError, ValueError):
                shown = "null" if value is None else raw[name]
                faults.append(f"{name} is '{shown}'{self._hint(name)}")
        return given

    def _unknown(self, name: Any) -> str:
        near = get_close_matches(str(name), self._kinds, n=1, cutoff=0.6)
        return f"unknown setting '{name}'" + (f": did you mean '{near[0]}'?" if near else " (see --help)")

    def _hint(self, name: str) -> str:
        if name in self._lists:
            return "; give values separated by commas, such as 0,1,2"
        return "; expected " + ("a YAML file" if name == "config" else _describe(self._kinds[name]))

    def _as_file(self, given: dict[str, Any]) -> str:
        values = {name: given.get(name, self._parser.get_default(name)) for name in self._kinds}
        return yaml.safe_dump({name: _plain(value) for name, value in values.items()}, sort_keys=False)


def _items(value: Any, kind: Callable[[str], _T]) -> list[_T]:
    """'a,b,c', a YAML list or one value as a list of `kind`."""
    items = value if isinstance(value, list) else [part for part in str(value).split(",") if part.strip()]
    return [kind(str(item).strip()) for item in items]


def _read_config(path: Path, into: dict[Any, Any]) -> list[str]:
    """Adds what a YAML file says; gives a line where it says nothing."""
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        return [f"config is '{path}'; {'no such file' if not path.exists() else str(error.strerror).lower()}"]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return [f"{path}: not valid YAML ({' '.join(str(error).split())})"]
    if not isinstance(values, dict | None):
        return [f"{path}: no settings by name; write lines such as 'steps: 1000'"]
    into.update(values or {})
    return []


def _parsed(name: str, kind: Any, value: Any) -> Any:
    if value is None or (value == "" and kind is not str):
        raise ValueError("nothing")  # a path of nothing would be the working folder
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument(f"--{name}", type=kind)
    if isinstance(value, str) and get_origin(kind) is not list:
        return parser.parse_args([f"--{name}={value}"])[name]
    return parser.parse_object({name: value})[name]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _describe(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if isinstance(kind, types.UnionType):
        return " or ".join(_describe(part) for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is list:
        return "a list, each " + _describe(get_args(kind)[0])
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}
    return names.get(kind, getattr(kind, "__name__", str(kind)))
