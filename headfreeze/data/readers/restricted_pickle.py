"""Normals of NYUv2 from all_normals.pklz (Wang, Fouhey, Gupta, CVPR 2015): a gzipped pickle, which could be a program.

It is read by a process of its own that unpickles arrays of numbers and refuses every other name, and that may take so
much memory and no more; what comes out is three plain arrays in .npy files.
"""

import shutil
import subprocess
import sys
import tempfile
import weakref
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from headfreeze.errors import InputError

_SECONDS = 1800
_MEMORY_GB = 24
KEYS = ("all_normals", "all_valid_depth_masks")

_PROGRAM = r"""
import gzip, io, pickle, sys
import numpy as np
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[3]) << 30,) * 2)
except ImportError:
    pass
ALLOWED = {
    ("numpy", "ndarray"), ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"),
    ("_codecs", "encode"),
}
class Arrays(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array")
        return super().find_class(module, name)
try:
    with gzip.open(sys.argv[1], "rb") as file:
        found = Arrays(file, encoding="latin1").load()
    for key in sys.argv[4:]:
        values = np.asarray(found[key])
        if values.dtype.kind not in "biuf":
            raise ValueError(f"{key} is no array of numbers")
        np.save(f"{sys.argv[2]}/{key}.npy", values, allow_pickle=False)
except BaseException as error:
    print(" ".join(str(error).split()) or type(error).__name__)
    sys.exit(1)
"""


@dataclass(frozen=True)
class Archive:
    """The pickled file; frames are read one at a time."""

    path: Path

    @cached_property
    def _folder(self) -> Path:
        """Where its arrays lie as .npy, until this object goes."""
        folder = Path(tempfile.mkdtemp(prefix="headfreeze-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._unpack_into(folder)
        return folder

    def unpack(self) -> None:
        """Reads the file; to be called before several threads ask for frames.

        Raises:
            InputError: it holds anything but arrays, is damaged, or is too large.
        """
        self._folder  # noqa: B018  # kept from here on

    def _unpack_into(self, folder: Path) -> None:
        command = [sys.executable, "-I", "-c", _PROGRAM, str(self.path), str(folder), str(_MEMORY_GB), *KEYS]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise InputError(f"{self.path}: reading it took more than {_SECONDS} s") from None
        if done.returncode:
            reason = (done.stdout.strip().splitlines() or [f"its reader ended with {done.returncode}"])[-1]
            raise InputError(f"{self.path}: cannot be read as pickled arrays ({reason}); nothing of it was run")

    def frame(self, number: int) -> tuple[Float[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]]:
        """Normals as stored, and where they are valid.

        Raises:
            InputError: the archive cannot be read, or has no such frame.
        """
        normals, valid = (np.load(self._folder / f"{key}.npy", mmap_mode="r") for key in KEYS)
        if (
            normals.ndim != 4
            or valid.ndim != 3
            or 3 not in (normals.shape[1], normals.shape[3])
            or len(valid) <= number
        ):
            raise InputError(f"{self.path}: normals {normals.shape} and masks {valid.shape} are not those of NYUv2")
        chosen = np.asarray(normals[number], np.float32)
        return (chosen if chosen.shape[-1] == 3 else chosen.transpose(1, 2, 0)), np.asarray(valid[number]) > 0
