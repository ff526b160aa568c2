"""The store of phases: each under a key made from all that determines its weights, and trained once.

PHASES/KEY/phase.json           what the key was made from
PHASES/KEY/state.pt             everything needed to go on, while the phase is unfinished
PHASES/KEY/metrics.csv          losses, a row a validation
PHASES/KEY/weights.safetensors  and result.json, written last: the phase is finished
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from filelock import FileLock, Timeout
from lightning.fabric import Fabric
from safetensors.torch import load_file, save_file
from torch import Tensor

from headfreeze.errors import InputError
from headfreeze.files import write_json, write_text, write_with
from headfreeze.training.processes import by_first

_T = TypeVar("_T")
_MINUTE = 60.0


@dataclass(frozen=True)
class PhaseFolder:
    """The folder of one phase."""

    path: Path
    spec: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The phase's name in the store."""
        return self.path.name

    @property
    def finished(self) -> bool:
        """Whether the phase was trained to its end."""
        return (self.path / "result.json").is_file()

    def result(self) -> dict[str, Any]:
        """What a finished phase found: steps, weights of the losses, validation."""
        path = self.path / "result.json"
        return self._read(path, lambda: json.loads(path.read_text()))

    def weights(self) -> dict[str, Tensor]:
        """The network of a finished phase."""
        return self._read(self.weights_path, lambda: load_file(self.weights_path))

    @property
    def weights_path(self) -> Path:
        """Where the weights of a finished phase lie."""
        return self.path / "weights.safetensors"

    def load_state(self) -> dict[str, Any] | None:
        """What an interrupted training left, or None. Sweeps away the file that a kill left half-written."""
        for left in self.path.glob(".*.tmp-*"):
            left.unlink(missing_ok=True)
        path = self.path / "state.pt"
        if not path.is_file():
            return None
        return self._read(path, lambda: torch.load(path, map_location="cpu", weights_only=True))

    def save_state(self, state: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> None:
        """Keeps everything needed to go on."""
        self._describe()
        write_with(self.path / "state.pt", lambda p: torch.save(dict(state), p))
        self._write_history(history)

    def finish(
        self, weights: Mapping[str, Tensor], result: Mapping[str, Any], history: Sequence[Mapping[str, Any]]
    ) -> None:
        """Keeps the network and marks the phase as finished."""
        self._describe()
        self._write_history(history)
        write_with(self.weights_path, lambda p: save_file(_plain(weights), p))
        write_json(self.path / "result.json", result)
        (self.path / "state.pt").unlink(missing_ok=True)

    def _read(self, path: Path, read: Callable[[], _T]) -> _T:
        try:
            return read()
        except Exception as error:  # three formats, and each fails in many ways
            raise InputError(f"{path}: damaged; remove {self.path} to train this phase again") from error

    def _describe(self) -> None:
        if not (self.path / "phase.json").is_file():
            write_json(self.path / "phase.json", self.spec)

    def _write_history(self, history: Sequence[Mapping[str, Any]]) -> None:
        columns = list(dict.fromkeys(name for row in history for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        write_text(self.path / "metrics.csv", text.getvalue())


class PhaseStore:
    """Trained and interrupted phases in one folder, shared by all commands that are pointed at it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, spec: Mapping[str, Any]) -> PhaseFolder:
        """Where the phase with this specification (plain values) lies, trained or not."""
        text = json.dumps(spec, sort_keys=True, allow_nan=False)
        return PhaseFolder(self.root / hashlib.blake2b(text.encode(), digest_size=8).hexdigest(), spec)

    @contextmanager
    def lock(self, folder: PhaseFolder, fabric: Fabric) -> Iterator[None]:
        """Keeps other commands from training the same phase; waits for one that does.

        Of the processes of `fabric` the first one has the lock, for all of them.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.root / f".{folder.key}.lock")
        if not by_first(fabric, lambda: _acquired(lock, 0)):
            if fabric.is_global_zero:
                print(f"phase {folder.key} is being trained by another process; waiting for it", flush=True)
            while not by_first(fabric, lambda: _acquired(lock, _MINUTE)):
                pass  # no process may wait for another for longer than its connection does
        try:
            yield
        finally:
            lock.release()


def _acquired(lock: FileLock, seconds: float) -> bool:
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    return True


def _plain(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in weights.items()}
