"""Command-line arguments on jsonargparse: every setting is a flag and a YAML key, and all faults are found at once."""

import argparse
import dataclasses
import types
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml
from jsonargparse import ArgumentError, ArgumentParser, DefaultHelpFormatter, Namespace

from headfreeze.errors import InputError

_REQUIRED = object()
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
        self._parser.add_argument("--config", action="config", help="YAML file with any of the settings below")
        self._kinds: dict[str, Any] = {}
        self._positional: list[str] = []
        self._required: list[str] = []

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

    def add_settings(self, settings: type) -> None:
        """Every field of a dataclass as a flag, described by its docstring."""
        hints = get_type_hints(settings)
        self._kinds |= hints
        self._required += [f.name for f in dataclasses.fields(settings) if f.default is dataclasses.MISSING]
        self._parser.add_class_arguments(settings, None)

    def parse(self, argv: Sequence[str]) -> tuple[Namespace | None, list[str]]:
        """The values and the faults: with faults, faulty values are replaced by defaults. None after --help.

        Raises:
            InputError: faults that leave nothing to check further (a required argument is missing).
        """
        argv = self._with_values(list(argv))
        try:
            values = self._parser.parse_args(argv)
            values.pop("config", None)
        except SystemExit:
            return None, []
        except (ArgumentError, TypeError, ValueError):
            values = None
        given, faults = self._given(argv) if values is None else (dict(values.items()), [])
        missing = [n for n in self._required if given.get(n) is None or given.get(n) == []]
        if missing:
            flags = ", ".join(n.upper() if n in self._positional else f"--{n}" for n in missing)
            raise InputError("; ".join([*faults, f"missing: {flags} (see --help)"]))
        if values is None:
            if not faults:
                raise InputError(self._complaint(argv))
            values = self._parser.parse_object(given)
            values.pop("config", None)
        return values, faults

    def _with_values(self, argv: list[str]) -> list[str]:
        """A yes-or-no flag without a value means yes."""
        full = []
        for word, following in zip(argv, [*argv[1:], "--"], strict=False):
            full.append(word)
            if self._kinds.get(word.removeprefix("--")) is bool and word.startswith("--") and following.startswith("-"):
                full.append("true")
        return full

    def _given(self, argv: list[str]) -> tuple[dict[str, Any], list[str]]:
        """What config files and flags say, value by value: those that are fine, and a line for each that is not."""
        raw, faults = self._raw(argv)
        given = {}
        for name, value in raw.items():
            if name not in self._kinds:
                near = get_close_matches(name, self._kinds, n=1, cutoff=0.5)
                faults.append(
                    f"unknown setting '{name}'" + (f": did you mean '{near[0]}'?" if near else " (see --help)")
                )
                continue
            try:
                given[name] = _parsed(name, self._kinds[name], value)
            except (ArgumentError, TypeError, ValueError):
                faults.append(f"{name} is '{value}'; expected {_describe(self._kinds[name])}")
        return given, faults

    def _raw(self, argv: list[str]) -> tuple[dict[str, Any], list[str]]:
        raw: dict[str, Any] = {}
        faults: list[str] = []
        free = list(self._positional)
        words = iter(argv)
        for word in words:
            if not word.startswith("--"):
                self._put_positional(raw, free, word)
                continue
            name, has_value, value = word[2:].partition("=")
            if not has_value:
                value = next(words, "")
            if name == "config":
                raw |= _read_config(Path(value))
            else:
                raw[name] = value
        return raw, faults

    def _put_positional(self, raw: dict[str, Any], free: list[str], word: str) -> None:
        if not free:
            raise InputError(f"unexpected argument '{word}' (see --help)")
        if get_origin(self._kinds[free[0]]) is list:
            raw.setdefault(free[0], []).append(word)
        else:
            raw[free.pop(0)] = word

    def _complaint(self, argv: Sequence[str]) -> str:
        try:
            self._parser.parse_args(list(argv))
        except (ArgumentError, TypeError, ValueError) as error:
            return " ".join(str(error).split())
        return "the arguments cannot be understood (see --help)"


def split_list(name: str, value: Any, kind: Callable[[str], _T]) -> list[_T]:
    """'a,b,c', a YAML list or one value as a list of `kind`.

    Raises:
        InputError: an item is not of that kind.
    """
    items = value if isinstance(value, list) else [part for part in str(value).split(",") if part.strip()]
    try:
        return [kind(str(item).strip()) for item in items]
    except ValueError:
        raise InputError(f"{name} is '{value}'; give values separated by commas, such as 0,1,2") from None


def _read_config(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text())
    except OSError:
        raise InputError(f"config is '{path}'; no such file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: not a list of settings; write lines such as 'steps: 1000'")
    return values


def _parsed(name: str, kind: Any, value: Any) -> Any:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument(f"--{name}", type=kind)
    if isinstance(value, str):
        return parser.parse_args([f"--{name}={value}"])[name]
    return parser.parse_object({name: value})[name]


def _describe(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if isinstance(kind, types.UnionType):
        return " or ".join(_describe(part) for part in get_args(kind) if part is not type(None))
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}
    return names.get(kind, getattr(kind, "__name__", str(kind)))
