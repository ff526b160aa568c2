"""Where a conversion lies till it is complete: a hidden folder beside OUT, with a card that says what it is of."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from headfreeze.errors import InputError
from headfreeze.files import check_folder, write_json

_CARD = "conversion.json"


@contextmanager
def workplace(out: Path, card: Mapping[str, Any]) -> Iterator[Path]:
    """A folder to fill, half-filled where an earlier call was interrupted, that becomes `out` when the block ends well.

    Args:
        out: does not exist yet.
        card: what is converted, and how; what lies there of anything else is refused.

    Raises:
        InputError: another conversion lies there, or is at work there now.
    """
    check_folder(out)
    place = out.with_name(f".{out.name}.converting")
    place.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{out}: another call is converting to it now; wait for it, or name another folder") from None
    try:
        _agree(place, card, out)
        folder = place / "data"
        folder.mkdir(exist_ok=True)
        yield folder
        folder.rename(out)
    finally:
        lock.release()
    for path in (place / _CARD, place / "lock"):
        path.unlink(missing_ok=True)
    place.rmdir()


def _agree(place: Path, card: Mapping[str, Any], out: Path) -> None:
    path = place / _CARD
    plain = json.loads(json.dumps(card))
    if not path.exists():
        write_json(path, plain)
        return
    try:
        there = json.loads(path.read_text())
    except ValueError:
        there = {}
    different = [name for name, value in plain.items() if there.get(name) != value]
    if different:
        raise InputError(
            f"{place}: holds an unfinished conversion to {out.name} with another {different[0]}"
            f" ({there.get(different[0])!r}, not {plain[different[0]]!r}); finish that one, or remove the folder"
        )
