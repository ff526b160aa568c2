"""Parquet files, group by group of their rows."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from headfreeze.data.readers.base import Frame
from headfreeze.data.readers.safely import files, inside, reading
from headfreeze.errors import InputError


def _parquet(path: Path, columns: tuple[str, ...]) -> Any:
    try:
        from pyarrow import parquet
    except ImportError:
        raise InputError(f"{path}: parquet files need pyarrow; pip install headfreeze[datasets]") from None
    with reading(path):
        file = parquet.ParquetFile(path)
    if lacking := [name for name in columns if name not in file.schema_arrow.names]:
        raise InputError(f"{path}: has no column {', '.join(lacking)}; it has {', '.join(file.schema_arrow.names)}")
    return file


def numbered(root: Path, splits: Mapping[str, str], columns: tuple[str, ...], digits: int) -> list[Frame]:
    """A frame for every row of the files of a data set, numbered within its split, each a group of its own.

    Args:
        root: the files lie here, or in its folder data.
        splits: ours, by the word that a file's name begins with, such as train-00000-of-00002.parquet.
        columns: all must be there.
        digits: of a number.

    A file that is damaged or lacks a column is a single frame with a fault.

    Raises:
        InputError: a file of another name.
    """
    folder = root / "data" if (root / "data").is_dir() else root
    frames = []
    counts: Counter[str] = Counter()
    for path in files(folder, ".parquet"):
        split = splits.get(path.name.removesuffix(".parquet").split("-")[0])
        if split is None:
            raise InputError(f"{path}: its name should begin with {', '.join(splits)}, such as train-00000-of-00002")
        try:
            metadata = _parquet(inside(root, path), columns).metadata
        except InputError as error:
            frames.append(Frame(path.name, path.name, fault=str(error)))
            continue
        for group in range(metadata.num_row_groups):
            for row in range(metadata.row_group(group).num_rows):
                counts[split] += 1
                key = f"{counts[split]:0{digits}d}"
                frames.append(Frame(key, f"{split}/{key}", split, (path, group, row)))
    return frames


@lru_cache(maxsize=4)
def rows(path: Path, group: int, columns: tuple[str, ...]) -> Any:
    """A group of rows as a table; the last few are kept, for frames are read in their order."""
    file = _parquet(path, columns)
    with reading(path):
        return file.read_row_group(group, columns=list(columns))
