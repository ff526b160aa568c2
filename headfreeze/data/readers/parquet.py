"""Parquet files, group by group of their rows."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from headfreeze.data.readers.safely import reading
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


def row_groups(path: Path, columns: tuple[str, ...]) -> list[int]:
    """How many rows each of its groups has; all columns must be there."""
    metadata = _parquet(path, columns).metadata
    return [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]


@lru_cache(maxsize=4)
def rows(path: Path, group: int, columns: tuple[str, ...]) -> Any:
    """A group of rows as a table; the last few are kept, for frames are read in their order."""
    file = _parquet(path, columns)
    with reading(path):
        return file.read_row_group(group, columns=list(columns))
