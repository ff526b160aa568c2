"""The store of phases: each under a key made from all that determines its weights, and trained once.

PHASES/KEY/phase.json           what the key was made from
PHASES/KEY/state.pt             everything needed to go on, while the phase is unfinished
PHASES/KEY/progress.json        how far it is, and where it is being trained, while it is unfinished
PHASES/KEY/metrics.csv          losses, a row a validation
PHASES/KEY/step-000600.safetensors, …: the network after these steps, where snapshots are wanted
PHASES/KEY/weights.safetensors  and result.json, written last: the phase is finished

PHASES may be a URL: the same files lie there, and the phases are trained in a local folder, see `mirror`.
"""

import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

import torch
from filelock import FileLock, Timeout
from lightning.fabric import Fabric
from safetensors.torch import load_file, save_file
from torch import Tensor

from headfreeze.columns import records_csv
from headfreeze.errors import InputError
from headfreeze.files import check_folder, write_json, write_text, write_with
from headfreeze.training.mirror import Mirror
from headfreeze.training.processes import by_first

_T = TypeVar("_T")
_MINUTE = 60.0
_RESULT, _STATE, _PROGRESS = "result.json", "state.pt", "progress.json"
_WEIGHTS, _HISTORY, _SPEC = "weights.safetensors", "metrics.csv", "phase.json"


@dataclass(frozen=True)
class PhaseFolder:
    """The folder of one phase, and the mirror that holds the same files, if there is one."""

    path: Path
    spec: Mapping[str, Any]
    mirror: Mirror | None = None

    @property
    def key(self) -> str:
        """The phase's name in the store."""
        return self.path.name

    @property
    def finished(self) -> bool:
        """Whether the phase was trained to its end."""
        result = self.path / _RESULT
        if self.mirror and not self.mirror.has(f"{self.key}/{_RESULT}"):
            if result.is_file():  # a kill came between the end of the phase and its last copy
                self._push(_SPEC, _HISTORY, _WEIGHTS, _RESULT)
        elif self.mirror:
            self._fetched(_RESULT)
        return result.is_file()

    def result(self) -> dict[str, Any]:
        """What a finished phase found: steps, weights of the losses, validation."""
        path = self._fetched(_RESULT)
        return self._read(path, lambda: json.loads(path.read_text()))

    def weights(self) -> dict[str, Tensor]:
        """The network of a finished phase."""
        return self._read(self.weights_path, lambda: load_file(self.weights_path))

    @property
    def weights_path(self) -> Path:
        """Where the weights of a finished phase lie."""
        return self._fetched(_WEIGHTS)

    @property
    def history_path(self) -> Path:
        """Where the losses of a finished phase lie."""
        return self._fetched(_HISTORY)

    def snapshot_path(self, step: int) -> Path:
        """Where the network lies as it was after a step of a finished phase that keeps snapshots."""
        return self._fetched(f"{snapshot_name(step)}.safetensors")

    def fetch_state(self) -> None:
        """Takes over what a training on another machine has left at the mirror."""
        if self.mirror:
            self.mirror.fetch(f"{self.key}/{_STATE}", self.path / _STATE)

    def load_state(self) -> dict[str, Any] | None:
        """What an interrupted training left, or None. Sweeps away the file that a kill left half-written."""
        for left in self.path.glob(".*.tmp-*"):
            left.unlink(missing_ok=True)
        path = self.path / _STATE
        if not path.is_file():
            return None
        return self._read(path, lambda: torch.load(path, map_location="cpu", weights_only=True))

    def save_state(self, state: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> None:
        """Keeps everything needed to go on."""
        self._describe()
        write_with(self.path / _STATE, lambda p: torch.save(dict(state), p))
        write_text(self.path / _HISTORY, records_csv(history, nan="nan"))
        self._push(_SPEC, _HISTORY, _STATE)

    def keep_snapshot(self, step: int, weights: Mapping[str, Tensor]) -> None:
        """Keeps the network as it is after a step; training that is taken up before it writes the same file again."""
        name = f"{snapshot_name(step)}.safetensors"
        write_with(self.path / name, lambda p: save_file(_plain(weights), p))
        self._push(name)

    def finish(
        self, weights: Mapping[str, Tensor], result: Mapping[str, Any], history: Sequence[Mapping[str, Any]]
    ) -> None:
        """Keeps the network and marks the phase as finished."""
        self._describe()
        write_text(self.path / _HISTORY, records_csv(history, nan="nan"))
        write_with(self.path / _WEIGHTS, lambda p: save_file(_plain(weights), p))
        write_json(self.path / _RESULT, result)
        self._push(_SPEC, _HISTORY, _WEIGHTS, _RESULT)
        for name in (_STATE, _PROGRESS):
            (self.path / name).unlink(missing_ok=True)
            if self.mirror:
                self.mirror.remove(f"{self.key}/{name}")

    def progress(self) -> dict[str, Any]:
        """What an unfinished phase has told last: "step", "images_per_second", "worker"; empty where nothing is known.

        The step may be ahead of the last checkpoint.
        """
        try:
            if self.mirror:
                return dict(json.loads(self.mirror.read(f"{self.key}/{_PROGRESS}") or b"{}"))
            return dict(json.loads((self.path / _PROGRESS).read_text()))
        except (OSError, ValueError):  # not there, or gone this moment
            return {}

    def tell(self, step: int, images_per_second: float) -> None:
        """Lets others know how far the phase is."""
        worker = f"{socket.gethostname()}:{os.getpid()}"
        write_json(self.path / _PROGRESS, {"step": step, "images_per_second": images_per_second, "worker": worker})
        with suppress(Exception):  # of as many kinds as there are kinds of locations; the next one is seconds away
            self._push(_PROGRESS)

    def _fetched(self, name: str) -> Path:
        """One of the phase's files, copied from the mirror where it is not here yet."""
        path = self.path / name
        if self.mirror and not path.is_file():
            self.mirror.fetch(f"{self.key}/{name}", path)
        return path

    def _push(self, *names: str) -> None:
        """Copies files to the mirror, in this order."""
        for name in names if self.mirror else ():
            assert self.mirror
            self.mirror.push(self.path / name, f"{self.key}/{name}")

    def _read(self, path: Path, read: Callable[[], _T]) -> _T:
        try:
            return read()
        except Exception as error:  # three formats, and each fails in many ways
            raise InputError(f"{path}: damaged; remove {self.path} to train this phase again") from error

    def _describe(self) -> None:
        if not (self.path / _SPEC).is_file():
            write_json(self.path / _SPEC, self.spec)


def snapshot_name(step: int) -> str:
    """What the state of a network after a step is called, in a phase's folder and in a run's."""
    return f"step-{step:06d}"


class PhaseStore:
    """Trained and interrupted phases in one place, shared by all commands that are pointed at it.

    Args:
        location: a folder, or a URL that fsspec knows.
    """

    def __init__(self, location: Path | str) -> None:
        self._url = str(location) if "://" in str(location) else ""
        if self._url.startswith("file://"):
            location, self._url = url2pathname(urlsplit(self._url).path), ""
            if not location:
                raise InputError("phases is 'file://', which names no folder; give one such as file:///data/phases")
        self._folder = Path(location)

    @property
    def location(self) -> str:
        """Where the phases lie, for all machines that can see it."""
        return self._url or str(self._folder)

    @cached_property
    def mirror(self) -> Mirror | None:
        """Where copies go, if the phases do not lie in a folder."""
        return Mirror(self._url) if self._url else None

    @cached_property
    def root(self) -> Path:
        """The folder in which phases are trained."""
        return self.mirror.scratch if self.mirror else self._folder

    def check(self) -> None:
        """Whether phases can be written there.

        Raises:
            InputError: they cannot.
        """
        check_folder(self.root)
        if self.mirror:
            self.mirror.check()

    def folder(self, spec: Mapping[str, Any]) -> PhaseFolder:
        """Where the phase with this specification (plain values) lies, trained or not."""
        text = json.dumps(spec, sort_keys=True, allow_nan=False)
        key = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        return PhaseFolder(self.root / key, spec, self.mirror)

    def history(self, key: str) -> Path:
        """Where the losses of a finished phase lie; no such file is there where the store does not have them."""
        return PhaseFolder(self.root / key, {}, self.mirror).history_path

    @contextmanager
    def lock(self, folder: PhaseFolder, fabric: Fabric) -> Iterator[None]:
        """Keeps other commands from training the same phase; waits for one that does.

        Of the processes of `fabric` the first one has the lock, for all of them.
        """
        _make(self.root, private=self.mirror is not None)
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


def _make(folder: Path, private: bool) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
    folder.mkdir(exist_ok=True)


def _acquired(lock: FileLock, seconds: float) -> bool:
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    return True


def _plain(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in weights.items()}
