"""Folders that `datasets.save_to_disk` of Hugging Face wrote: Arrow streams, mapped into memory, batch by batch.

    ROOT/dataset_dict.json                        splits: [train, test]; or the files of one split in ROOT itself
    ROOT/train/state.json                         _data_files: [{filename: data-00000-of-00001.arrow}], _split
    ROOT/train/data-00000-of-00001.arrow          record batches

https://huggingface.co/docs/datasets/about_arrow. Nothing is unpickled, and no code of the data set's own is run.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from headfreeze.data.readers.base import Frame
from headfreeze.data.readers.safely import inside, lies_at, reading, text_of
from headfreeze.errors import InputError

SUFFIX = ".arrow"
_DICT, _STATE = "dataset_dict.json", "state.json"
_END = b"\xff\xff\xff\xff\0\0\0\0"
"""Of every stream that was closed: a message of no length (Arrow's specification, IPC streaming format)."""


def saved_to_disk(root: Path) -> bool:
    """Whether a folder is one of these."""
    return lies_at(root / _DICT) or lies_at(root / _STATE)


def numbered(root: Path, splits: Mapping[str, str], columns: tuple[str, ...], digits: int) -> list[Frame]:
    """A frame for every row, numbered within its split, each a group of its own.

    A file that is damaged or lacks a column is a single frame with a fault.

    Args:
        root: the folder.
        splits: ours, by the data set's own names.
        columns: all must be there.
        digits: of a number.

    Raises:
        InputError: a split of another name; a .json that is damaged or names files elsewhere.
    """
    frames: list[Frame] = []
    for split, folder in _folders(root, splits):
        count = 0
        for path in _data_files(root, folder):
            try:
                sizes = [batch.num_rows for batch in _batches(inside(root, path), columns)]
            except InputError as error:
                name = f"{split}/{path.name}"
                frames.append(Frame(name, name, fault=str(error)))
                continue
            for number, size in enumerate(sizes):
                for row in range(size):
                    count += 1
                    key = f"{count:0{digits}d}"
                    frames.append(Frame(key, f"{split}/{key}", split, (path, number, row)))
    return frames


def rows(path: Path, number: int, columns: tuple[str, ...]) -> Any:
    """A record batch; what of it is read is mapped into memory."""
    return _batches(path, columns)[number]


@lru_cache(maxsize=16)
def _batches(path: Path, columns: tuple[str, ...]) -> Sequence[Any]:
    try:
        import pyarrow
    except ImportError:
        raise InputError(f"{path}: Arrow files need pyarrow; pip install headfreeze[datasets]") from None
    with reading(path):
        source = pyarrow.memory_map(str(path))
        with pyarrow.ipc.open_stream(source) as stream:
            lacking, known = [name for name in columns if name not in stream.schema.names], stream.schema.names
            batches = [] if lacking else [batch.select(list(columns)) for batch in stream]
        source.seek(max(0, source.size() - len(_END)))
        whole = source.read(len(_END)) == _END
    if lacking:
        raise InputError(f"{path}: has no column {', '.join(lacking)}; it has {', '.join(known)}")
    if not whole:
        raise InputError(f"{path}: cut off; save the data set again")
    return batches


def _folders(root: Path, splits: Mapping[str, str]) -> list[tuple[str | None, Path]]:
    """Each split, as ours, with its folder; one without a name where the data set is no dictionary of them."""
    if not lies_at(root / _DICT):
        return [(splits.get(str(_content(root, root / _STATE).get("_split"))), root)]
    names = _content(root, root / _DICT).get("splits")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"{root / _DICT}: has no list 'splits'; save the data set again")
    for name in names:
        if name not in splits:
            raise InputError(f"{root / _DICT}: has a split '{name}'; {', '.join(splits)} are read: save those alone")
    return [(splits[name], root / name) for name in names]


def _data_files(root: Path, folder: Path) -> list[Path]:
    path = folder / _STATE
    listed = _content(root, path).get("_data_files")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise InputError(f"{path}: has no list '_data_files'; save the data set again")
    names = [str(each.get("filename")) for each in listed]
    for name in names:
        if Path(name).name != name or not name.endswith(SUFFIX):
            raise InputError(
                f"{path}: names the file '{name}', which is no {SUFFIX} beside it; save the data set again"
            )
    return [folder / name for name in names]


def _content(root: Path, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(text_of(inside(root, path)))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not valid JSON ({error}); save the data set again") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no object; save the data set again")
    return content
