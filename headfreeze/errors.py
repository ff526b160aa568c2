"""What goes wrong because of the user's input, said in one line: the thing, its value, what is allowed, the repair."""

from collections.abc import Iterable
from difflib import get_close_matches

_FEW = 40
_NEAR = 5


class InputError(ValueError):
    """Bad input. The command line prints the message on one line and exits with 2; nothing is left half-written."""


class ElsewhereError(RuntimeError):
    """Another process of the same training has failed, and says itself what happened."""


class WorkerLostError(RuntimeError):
    """A process to which work was given has died, again and again; what it had done by its last checkpoint is kept."""


def refuse(line: str) -> None:
    """Raises an InputError of this line: what is done about a fault where nobody wants to go on."""
    raise InputError(line)


def unknown(kind: str, name: str, choices: Iterable[str]) -> str:
    """One line for a name that is not among `choices`: names the nearest, and lists them all where they are few."""
    names = sorted(choices)
    near = get_close_matches(name, names, n=_NEAR, cutoff=0.5)
    guess = f"did you mean '{near[0]}'? " if near else ""
    if len(names) <= _FEW:
        return f"unknown {kind} '{name}': {guess}choose from {', '.join(names)}"
    others = f"others like it: {', '.join(near[1:])}; " if near[1:] else ""
    return f"unknown {kind} '{name}': {guess}{others}{len(names)} are known"


def raise_all(problems: list[str]) -> None:
    """Raises one InputError that lists every problem; does nothing where there is none."""
    if len(problems) == 1:
        raise InputError(problems[0])
    if problems:
        raise InputError(f"{len(problems)} problems: " + "; ".join(f"({i}) {p}" for i, p in enumerate(problems, 1)))
