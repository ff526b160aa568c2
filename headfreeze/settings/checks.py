"""What can be wrong with a setting by itself, a line for each that is."""

import math
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints


def too_small(settings: Any, **leasts: int) -> Iterator[str]:
    """Values below the least that is allowed."""
    for name, least in leasts.items():
        if getattr(settings, name) < least:
            yield f"{name} is {getattr(settings, name)}; the least is {least}"


def negative(settings: Any, *names: str) -> Iterator[str]:
    """Values that are negative, infinite or no number; None is none of these."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not 0 <= value < math.inf:
            yield f"{name} is {value}; it cannot be negative or infinite"


def outside_choices(settings: Any) -> Iterator[str]:
    """Values outside a Literal: the command line's parser refuses them itself, Python callers meet this."""
    for name, kind in get_type_hints(type(settings)).items():
        choices = get_args(kind)
        value = getattr(settings, name)
        if choices and all(isinstance(c, str) for c in choices) and value not in choices:
            yield f"{name} is '{value}'; choose from {', '.join(choices)}"
