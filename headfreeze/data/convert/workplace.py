"""Where a conversion lies till it is complete: a hidden folder beside OUT, named by what is converted and how."""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from headfreeze.errors import InputError
from headfreeze.files import check_folder

WORTH_KEEPING_S = 60.0
"""After so much work a damaged file leaves what is done, for the same call to go on from when it is mended."""


@contextmanager
def workplace(out: Path, card: Mapping[str, Any]) -> Iterator[Path]:
    """A folder to fill, half-filled where an earlier call was interrupted, that becomes `out` when the block ends well.

    Args:
        out: does not exist yet.
        card: what is converted, and how; another conversion to the same place does not go on from this one's files.

    Raises:
        InputError: the same conversion is at work there now.
    """
    check_folder(out)
    key = hashlib.blake2b(json.dumps(card, sort_keys=True).encode(), digest_size=6).hexdigest()
    place = out.with_name(f".{out.name}.converting-{key}")
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made ({(error.strerror or str(error)).lower()}); choose another") from None
    lock = FileLock(place / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{out}: another call is converting to it now; wait for it, or name another folder") from None
    begun = time.monotonic()
    keep = True
    try:
        folder = place / "data"
        folder.mkdir(exist_ok=True)
        for half in list(folder.rglob(".*.tmp-*")):  # what a killed call was writing (headfreeze.files)
            half.unlink()
        yield folder
        folder.rename(out)
        keep = False
    except InputError:
        keep = time.monotonic() - begun > WORTH_KEEPING_S
        raise
    finally:
        lock.release()
        if not keep:
            shutil.rmtree(place, ignore_errors=True)
