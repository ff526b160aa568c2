"""What phases in the store wrote down while they trained, and what is missing of it."""

from pathlib import Path

from headfreeze.training.store import PhaseStore


class StoredLosses:
    """The metrics.csv of phases, each looked for once, wherever the store lies.

    Args:
        location: of the store: a folder or a URL.
    """

    def __init__(self, location: str) -> None:
        self._location = location
        self._files: dict[str, Path | None] = {}
        self._failure = ""

    def of(self, key: str) -> Path | None:
        """The file of one phase; None where it is missing."""
        if key not in self._files:
            self._files[key] = self._found(key)
        return self._files[key]

    @property
    def missing(self) -> list[str]:
        """What was asked for and is not there, and why, a line each."""
        gone = sum(path is None for path in self._files.values())
        place = self._location if "://" in self._location else Path(self._location).absolute()
        why = f"{place} cannot be read ({self._failure})" if self._failure else f"they are not in {place}"
        return [f"No losses of {gone} of {len(self._files)} phases before a recipe's last one: {why}"] if gone else []

    def _found(self, key: str) -> Path | None:
        if self._failure:  # to find that out again may take long
            return None
        try:
            path = PhaseStore(self._location).history(key)
        except Exception as error:  # of as many kinds as there are kinds of locations
            self._failure = " ".join(str(error).split())[:200] or type(error).__name__
            return None
        return path if path.is_file() else None
