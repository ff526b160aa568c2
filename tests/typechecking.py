"""The type checker that the tests put around every function of the package, through jaxtyping's import hook.

It holds arguments and results to the shapes and dtypes that their annotations give. All other types are mypy's to
check, which lets a test pass what a user might (an unknown name, a whole number for a float) and see what comes of it.
"""

from collections.abc import Callable
from typing import Any, TypeVar, get_args

from beartype import beartype
from jaxtyping import AbstractArray

_F = TypeVar("_F", bound=Callable[..., Any])


def checked(function: _F) -> _F:
    """`function`, which the hook generated for one call's arguments or result, with its arrays checked."""
    function.__annotations__ = {
        name: hint if _speaks_of_arrays(hint) else Any for name, hint in function.__annotations__.items()
    }
    return beartype(function)


def _speaks_of_arrays(hint: Any) -> bool:
    is_array = isinstance(hint, type) and issubclass(hint, AbstractArray)
    return is_array or any(_speaks_of_arrays(part) for part in get_args(hint))
