"""Files of strangers, opened with care: inside the root, no larger than claimed, nothing run, one line if damaged.

PNG and .npy come through `headfreeze.tasks.images`, photographs through `headfreeze.data.images`: as safe.
"""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Integer, Shaped

from headfreeze.data.folder import unnameable, unwritable
from headfreeze.errors import InputError

if TYPE_CHECKING:
    import h5py

MOST_BYTES = 2**30
"""What a single array or text file may hold; larger is damaged, or an attack on the memory."""
_NUMBERS = "biuf"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever goes wrong while `path` is read becomes one line that begins with it."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # decoders raise nearly every kind on damaged files
        raise InputError(f"{path}: cannot be read ({_reason(error)}); download it again, or leave it out") from error


def inside(root: Path, path: Path) -> Path:
    """`path`, which must exist and lie below `root` when all links are followed.

    Raises:
        InputError: it does not exist, is neither file nor folder (reading a pipe would wait for ever), or a link
            leads out of the root.
    """
    if path.is_symlink() and not path.exists():
        raise InputError(f"{path}: a link to {os.readlink(path)}, where no file is; replace or remove it")
    with reading(path):
        real = path.resolve(strict=True)
        other = not real.is_file() and not real.is_dir()
    if other:
        raise InputError(f"{path}: neither a file nor a folder; remove it")
    if not real.is_relative_to(root.resolve()):
        raise InputError(f"{path}: is a link to {real}, outside of {root}; copy the file there")
    return path


def lies_at(path: Path) -> bool:
    """Whether there is anything of that name, if only a broken link: what cannot be read is said, not passed over."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def folders(root: Path, parent: Path) -> list[Path]:
    """Folders in `parent` by name; hidden ones are passed over.

    Raises:
        InputError: a link to one leads out of the root; a name cannot be written on a line.
    """
    found = [path for path in _entries(parent) if path.is_dir()]
    for path in found:
        if unnameable(path.name):
            raise InputError(unwritable(path))
    return [inside(root, path) for path in found]


def files(parent: Path, *endings: str) -> list[Path]:
    """Files in `parent` by name whose names end so, whatever their case; hidden ones are passed over.

    They are yet to be looked at with `inside`, each where it is read: one that is none does not keep the others out.
    Nor does a name that cannot be written; the conversion says so of the frame that bears it.
    """
    wanted = tuple(ending.lower() for ending in endings)
    return [path for path in _entries(parent) if path.name.lower().endswith(wanted) and not path.is_dir()]


def text_of(path: Path) -> str:
    """A text file, UTF-8, with or without a byte order mark.

    Raises:
        InputError: it is missing, too large, or other than UTF-8.
    """
    with reading(path):
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: {path.stat().st_size} bytes; a text of at most {MOST_BYTES} is read")
        return path.read_text(encoding="utf-8-sig")


def split_lists(root: Path, lists: Mapping[str, str]) -> dict[str, str]:
    """The split of each name in files that list them, a name a line; files that are not there say nothing.

    Args:
        root: where they lie.
        lists: the file's name, by split.
    """
    splits: dict[str, str] = {}
    for split, name in lists.items():
        if lies_at(path := root / name):
            splits |= dict.fromkeys(text_of(inside(root, path)).split(), split)
    return splits


@contextmanager
def hdf5(path: Path) -> Iterator["h5py.File"]:
    """An HDF5 file, MATLAB's of version 7.3 too, to be read with `values_of`.

    Raises:
        InputError: it is missing or damaged, or h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise InputError(f"{path}: HDF5 files need h5py; pip install headfreeze[datasets]") from None
    with reading(path):
        if not path.is_file():
            raise FileNotFoundError
        with h5py.File(path, "r") as file:
            yield file


def values_of(
    file: "h5py.File", key: str, dimensions: int | Sequence[int], part: Any = ()
) -> Shaped[np.ndarray, "..."]:
    """Numbers of a data set in an HDF5 file, or the part of them that an index selects.

    Raises:
        InputError: there is none of that name, it lies in another file, or is not numbers of so many dimensions.
    """
    import h5py

    path = Path(file.filename)
    wanted = [dimensions] if isinstance(dimensions, int) else list(dimensions)
    if not isinstance(file.get(key, getlink=True), h5py.HardLink):
        raise InputError(f"{path}: holds no '{key}'; it has {', '.join(list(file)[:8]) or 'nothing'}")
    found = file[key]
    if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
        raise InputError(f"{path}: '{key}' is no data set of this file")
    if found.dtype.kind not in _NUMBERS or found.ndim not in wanted:
        raise InputError(
            f"{path}: '{key}' is {found.dtype} of shape {found.shape}; it should be numbers of"
            f" {' or '.join(map(str, wanted))} dimensions"
        )
    bounded(path, _selected(found.shape, part), found.dtype.itemsize)
    with reading(path):
        return np.asarray(found[part])


def bounded(path: Path, shape: Sequence[int], itemsize: int) -> None:
    """Raises InputError where an array of this shape is larger than what is read."""
    count = math.prod(shape) * itemsize
    if count > MOST_BYTES or count < 1:
        raise InputError(f"{path}: claims {count} bytes of shape {tuple(shape)}; 1 … {MOST_BYTES} are read")


def matlab(path: Path, *names: str) -> Mapping[str, np.ndarray]:
    """Arrays of numbers from a .mat file up to version 7 (scipy reads it; nothing in it is executed).

    Raises:
        InputError: it is missing or damaged, a name lacks, or is no array of numbers.
    """
    from scipy.io import loadmat

    with reading(path):
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: {path.stat().st_size} bytes; at most {MOST_BYTES} are read")
        found = loadmat(path, appendmat=False, variable_names=list(names))
    for name in names:
        if name not in found:
            raise InputError(f"{path}: holds no '{name}'")
        if not isinstance(found[name], np.ndarray) or found[name].dtype.kind not in _NUMBERS:
            raise InputError(f"{path}: '{name}' is no array of numbers")
    return found


def whole(path: Path, name: str, values: Shaped[np.ndarray, "..."]) -> Integer[np.ndarray, "..."]:
    """Numbers of a file as int64.

    Raises:
        InputError: some are NaN, no whole ones, or beyond what is counted.
    """
    if values.dtype.kind == "f" and not (np.isfinite(values) & (np.abs(values) < 2**53) & (values % 1 == 0)).all():
        raise InputError(f"{path}: '{name}' holds {values.dtype} that are no whole numbers; download it again")
    return values.astype(np.int64)


@contextmanager
def as_file(data: bytes, suffix: str, where: str) -> Iterator[Path]:
    """Bytes from within a file as a file of their own, under a name of ours: what reads pictures reads files.

    Args:
        data: what it holds.
        suffix: of its name.
        where: the bytes come from; an InputError in the block says this in place of the file's name.
    """
    with TemporaryDirectory(prefix="headfreeze-") as folder:
        path = Path(folder) / f"part{suffix}"
        path.write_bytes(data)
        try:
            yield path
        except InputError as error:
            raise InputError(str(error).replace(str(path), where)) from error


def holds(path: Path, name: str) -> bool:
    """Whether a .mat file up to version 7 has an array of that name.

    Raises:
        InputError: it is missing or damaged.
    """
    from scipy.io import whosmat

    with reading(path):
        return any(found == name for found, _, _ in whosmat(path, appendmat=False))


def _selected(shape: Sequence[int], part: Any) -> list[int]:
    """The shape of what an index of whole numbers, slices of everything and … selects."""
    index = part if isinstance(part, tuple) else (part,)
    return [length for axis, length in enumerate(shape) if axis >= len(index) or not isinstance(index[axis], int)]


def _entries(parent: Path) -> list[Path]:
    with reading(parent):
        names = sorted(name for name in os.listdir(parent) if not name.startswith("."))
    return [parent / name for name in names]


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__
