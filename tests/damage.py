"""What befalls files of data sets, and what a conversion must then say: one line that names the file."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from headfreeze.data.convert import Choice, convert
from headfreeze.errors import InputError

Damage = Callable[[Path], object]

DAMAGES: dict[str, Damage] = {
    "emptied": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[: max(5, path.stat().st_size // 3)]),
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(999)),
    "text": lambda path: path.write_bytes(b"<html>404 not found</html>"),
    "another picture": lambda path: path.write_bytes(cv2.imencode(".png", np.zeros((3, 5, 3), np.uint8))[1].tobytes()),
    "a broken link": lambda path: (path.unlink(), path.symlink_to("nowhere")),
    "a link out": lambda path: (path.unlink(), path.symlink_to("/etc/hosts")),
}


def spoil(root: Path, pattern: str, damage: Damage) -> list[Path]:
    """Damages every file below `root` that the pattern fits; gives them."""
    paths = sorted(path for path in root.rglob("*") if path.is_file() and path.match(pattern))
    assert paths, pattern
    for path in paths:
        damage(path)
    return paths


def assert_refused(name: str, root: Path, paths: Sequence[Path], settings: Mapping[str, str] | None = None) -> None:
    """That a conversion ends with one line that names one of the files, or the image that they belong to."""
    out = root.with_name(f"{root.name}-made")
    with pytest.raises(InputError) as caught:  # whichever message: it must name the file
        convert(name, root, out, settings=settings, choice=Choice(limit=1), workers=1)
    message = str(caught.value)
    assert any(str(path) in message for path in paths) or f"{root}: image '" in message, (paths[0], message)
    assert "\n" not in message
