"""What a command of the command line is made of."""

from collections.abc import Callable
from dataclasses import dataclass

from jsonargparse import Namespace

from headfreeze.arguments import Arguments


@dataclass(frozen=True)
class Command:
    """A command: its words, what it does in a line, an example, its arguments, and what runs it."""

    about: str
    example: str
    arguments: Callable[[Arguments], None]
    run: Callable[[Namespace], None]
    problems: Callable[[Namespace], list[str]] = lambda _: []
    """Further faults of the arguments, so that one message names all of them."""
