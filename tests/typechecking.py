"""The type checker that the tests put around the package's functions, through jaxtyping's import hook.

It holds arguments and results to the shapes and dtypes that their annotations give. All other types are mypy's to
check, which lets a test pass what a user might (an unknown name, a whole number for a float) and see what comes of it.
"""

from collections.abc import Callable
from typing import Any, ForwardRef, TypeVar, get_args

import jaxtyping
from beartype import beartype
from jaxtyping import AbstractArray, install_import_hook

_F = TypeVar("_F", bound=Callable[..., Any])

_jaxtyped = jaxtyping.jaxtyped


def hold_to_arrays(package: str) -> None:
    """Every function of the package, imported from now on, is checked whose annotations speak of arrays.

    The hook would wrap all of them. Around the others, three of four, nothing can be found, yet making a wrapper
    takes milliseconds (those of functions within functions at each call), and every call binds and checks nothing.
    """
    jaxtyping.jaxtyped = _jaxtyped_arrays  # where the code that the hook writes looks it up
    install_import_hook(package, f"{checked.__module__}.{checked.__name__}")


def checked(function: _F) -> _F:
    """`function`, which the hook generated for one call's arguments or result, with its arrays checked."""
    hints = function.__annotations__
    of_the_result = hints.get("return", Any) is not Any  # called after another one has checked the same arguments
    function.__annotations__ = {
        name: hint if _speaks_of_arrays(hint) and (name == "return" or not of_the_result) else Any
        for name, hint in hints.items()
    }
    return beartype(function)


def _jaxtyped_arrays(*, typechecker: Callable[[_F], _F]) -> Callable[[Any], Any]:
    """jaxtyping's decorator, which leaves a function or a dataclass without arrays as it is."""

    def decorated(thing: Any) -> Any:
        function = thing.__init__ if isinstance(thing, type) else thing
        hints = getattr(function, "__annotations__", {}).values()
        return _jaxtyped(thing, typechecker=typechecker) if any(map(_may_speak_of_arrays, hints)) else thing

    return decorated


def _may_speak_of_arrays(hint: Any) -> bool:
    """Whether it does, or is written as a string, which only jaxtyping resolves."""
    unread = isinstance(hint, str | ForwardRef)
    return unread or _speaks_of_arrays(hint) or any(map(_may_speak_of_arrays, get_args(hint)))


def _speaks_of_arrays(hint: Any) -> bool:
    is_array = isinstance(hint, type) and issubclass(hint, AbstractArray)
    return is_array or any(_speaks_of_arrays(part) for part in get_args(hint))
