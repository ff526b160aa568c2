"""Mitsuba 3, which is an extra: found, or asked for in one line; one variant on one thread, so always the same bits."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType

from headfreeze.errors import InputError

VARIANT = "scalar_rgb"
"""Needs no LLVM or GPU, and gives the same bits on all machines of a kind. For one process a core and a few samples
it is also the fastest: `llvm_ad_rgb` compiles anew for every room."""


def require_mitsuba() -> None:
    """Raises InputError where Mitsuba is not installed; does not load it."""
    if find_spec("mitsuba") is None:
        raise InputError(
            "the look path-traced is rendered by Mitsuba 3, which is not installed: pip install 'headfreeze[synth]'"
        )


@contextmanager
def mitsuba() -> Iterator[ModuleType]:
    """Mitsuba with its variant set, on one thread: images are drawn side by side by processes (`synth.writer`)."""
    require_mitsuba()
    import drjit
    import mitsuba

    variant, threads = mitsuba.variant(), drjit.thread_count()
    mitsuba.set_variant(VARIANT)
    drjit.set_thread_count(1)
    try:
        yield mitsuba
    finally:
        drjit.set_thread_count(threads)
        if variant:  # there is no way back to none
            mitsuba.set_variant(variant)
