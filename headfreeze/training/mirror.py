"""Phases at a place that no file system reaches: each is trained in a local folder and copied from and to there."""

import getpass
import hashlib
import tempfile
import uuid
from pathlib import Path
from typing import Any

from headfreeze.errors import InputError
from headfreeze.files import write_with


class Mirror:
    """Files at any location that fsspec knows, such as s3://bucket/phases. Names are relative to it, with slashes.

    A file is put under a name of its own first and then moved, so that nobody meets half of one.

    Args:
        url: the location; what it needs to be reached (keys, endpoints) is taken from the environment, as its fsspec
            file system documents it.

    Raises:
        InputError: there is no such kind of location, or its package is not installed.
    """

    def __init__(self, url: str) -> None:
        import fsspec  # a quarter of a second, and only few want it

        self.url = url.rstrip("/")
        if self.url.endswith(":"):  # fsspec would take it for a folder of that name
            raise InputError(
                f"phases is '{url}', which names no place; give a folder or a URL such as s3://bucket/phases"
            )
        try:
            # Listings are not kept: other machines write to the same place.
            self._files, self._root = fsspec.core.url_to_fs(self.url, use_listings_cache=False)
        except ImportError as error:
            raise InputError(f"phases is '{url}': {error} (for s3: pip install 'headfreeze[s3]')") from None
        except ValueError as error:
            raise InputError(f"phases is '{url}': {error}; give a folder or a URL such as s3://bucket/phases") from None

    @property
    def scratch(self) -> Path:
        """The local folder of those phases: in the system's folder for temporary files, which TMPDIR moves."""
        name = hashlib.blake2b(self.url.encode(), digest_size=8).hexdigest()
        return Path(tempfile.gettempdir()) / f"headfreeze-{getpass.getuser()}" / name

    def check(self) -> None:
        """Writes a file and removes it again.

        Raises:
            InputError: that is not possible.
        """
        name = self._at(f".check-{uuid.uuid4().hex}")
        try:
            self._files.makedirs(self._root, exist_ok=True)
            self._files.pipe_file(name, b"headfreeze")
            self._files.rm_file(name)
        except Exception as error:  # of as many kinds as there are kinds of locations
            what = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"phases is '{self.url}', which cannot be written to ({what[:200]})") from None

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return bool(self._files.exists(self._at(name)))

    def fetch(self, name: str, path: Path) -> None:
        """Copies a file to `path`, in place of what lies there; leaves that alone where there is no such file."""
        if self.has(name):
            write_with(path, lambda p: self._files.get_file(self._at(name), str(p)))

    def read(self, name: str) -> bytes | None:
        """What a small file holds; None where there is none."""
        try:
            found: Any = self._files.cat_file(self._at(name))
        except FileNotFoundError:
            return None
        return bytes(found)

    def push(self, path: Path, name: str) -> None:
        """Puts a copy of the file at `path` under this name, in place of what lies there."""
        aside = self._at(f"{name}.tmp-{uuid.uuid4().hex}")
        self._files.makedirs(aside.rpartition("/")[0], exist_ok=True)
        self._files.put_file(str(path), aside)
        self._files.mv(aside, self._at(name))

    def remove(self, name: str) -> None:
        """Removes a file, where there is one."""
        if self.has(name):
            self._files.rm_file(self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"
