"""Modules of the user's own, imported by name: what is installed, and what lies in the working folder."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from headfreeze.errors import InputError


def import_module_here(name: str, what: str) -> ModuleType:
    """The module `name`, as `import` finds it, or in the working folder.

    Args:
        name: package.module.
        what: names it for errors: the setting that it comes from.

    Raises:
        InputError: there is none, or importing it fails.
    """
    if not name or not all(part.isidentifier() for part in name.split(".")):
        raise InputError(f"{what}: '{name}' is no module's name; give one such as my_package.my_module")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)  # last, so that nothing in it stands in for a library
    try:
        return import_module(name)
    except InputError:
        raise
    except Exception as error:  # whatever the user's code raises
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise InputError(
                f"{what}: there is no module {error.name}; call from the folder that holds it, install it, or set"
                " PYTHONPATH"
            ) from None
        raise InputError(f"{what}: importing {name} failed ({type(error).__name__}: {error})") from error
