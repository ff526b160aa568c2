"""Writes a generated pair of data sets in the folder format: on all cores, and all or nothing."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml
from jaxtyping import Float, Integer, Num, UInt8, UInt16
from PIL import Image

from headfreeze.errors import InputError
from headfreeze.files import new_folder
from headfreeze.recipes import DOMAINS
from headfreeze.side_by_side import cores, one_thread_each

SPLITS = ("train", "val", "test")
_CHUNK = 8  # images a process draws between two reports

Job = tuple[str, str, int]
"""Domain, split, number of the image."""


@dataclass(frozen=True)
class Sample:
    """An image and its labels, by task.

    By the task's kind: normals (h, w, 3), zeros = invalid; depth in metres (h, w), 0 = invalid; segmentation (h, w);
    keypoints (k, 4): x, y, z and visibility.
    """

    image: UInt8[np.ndarray, "h w 3"]
    labels: dict[str, Num[np.ndarray, "..."]]


class Draw(Protocol):
    """Makes a sample. It must be picklable, and depend on its arguments alone."""

    def __call__(self, domain: str, split: str, index: int) -> Sample:
        """The sample of a domain ("source", "target") and split ("train", "val", "test") with this number."""
        ...


def write_pair(
    out: Path,
    draw: Draw,
    tasks: Mapping[str, Mapping[str, Any]],
    train: Mapping[str, int],
    *,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes OUT/{source,target}/{train,val,test}/{image,TASK}/NUMBER.png (keypoints: .npy) and the two dataset.yaml.

    Args:
        out: a folder that does not exist or is empty. It appears when all is written, or not at all.
        draw: makes the samples.
        tasks: dataset.yaml's entry of each task that the samples have labels for.
        train: number of training images of each domain; `split_sizes` gives the other splits'.
        workers: processes; 0 means one for each core, 1 that this process does the work itself.
        progress: called with the number of images written and the number to write.

    Raises:
        InputError: `out` is something else than an empty folder.
    """
    out = Path(out).resolve()
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"'{out}' exists and is not an empty folder; name a new one, or remove it first")
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        # A worker that still imports its parent's unguarded script: it must not begin the parent's work again, for it
        # may be ended before it has swept up. The parent says what to do.
        raise RuntimeError("this script is not guarded by `if __name__ == '__main__':`")
    jobs = [(d, split, i) for d in DOMAINS for split, count in split_sizes(train[d]).items() for i in range(count)]
    with new_folder(out) as folder:
        _lay_out(folder, tasks)
        done = 0
        kinds = {name: options.get("kind", name) for name, options in tasks.items()}
        for count in _write_all(folder, draw, kinds, jobs, workers or cores()):
            done += count
            if progress:
                progress(done, len(jobs))


def split_sizes(train: int) -> dict[str, int]:
    """Images of each split: a tenth of the training images more for validation, a fifth for testing, at least 8."""
    return {"train": train, "val": max(8, -(-train // 10)), "test": max(8, -(-train // 5))}


def _lay_out(folder: Path, tasks: Mapping[str, Mapping[str, Any]]) -> None:
    """Makes the folders, and each data set's description."""
    description = yaml.safe_dump({"tasks": {name: dict(options) for name, options in tasks.items()}}, sort_keys=False)
    for domain in DOMAINS:
        for split in SPLITS:
            for kind in ("image", *tasks):
                (folder / domain / split / kind).mkdir(parents=True)
        (folder / domain / "dataset.yaml").write_text(description)


def _write_all(folder: Path, draw: Draw, kinds: Mapping[str, str], jobs: Sequence[Job], workers: int) -> Iterator[int]:
    """Draws and writes every sample; gives the number of each chunk as it is done."""
    chunks = [jobs[i : i + _CHUNK] for i in range(0, len(jobs), _CHUNK)]
    if workers == 1:
        yield from (_write_chunk(folder, draw, kinds, chunk) for chunk in chunks)
        return
    # Spawned, not forked: the caller may hold threads and GPUs that a fork would break.
    context = multiprocessing.get_context("spawn")
    with one_thread_each(), ProcessPoolExecutor(min(workers, len(chunks)), context, _start_worker) as pool:
        try:
            for future in as_completed([pool.submit(_write_chunk, folder, draw, kinds, chunk) for chunk in chunks]):
                yield future.result()
        except BrokenProcessPool as error:
            raise RuntimeError(
                "a process that draws images died: out of memory, or started by a script that is not guarded by "
                "`if __name__ == '__main__':`; workers=1 needs no further processes"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _write_chunk(folder: Path, draw: Draw, kinds: Mapping[str, str], chunk: Sequence[Job]) -> int:
    for domain, split, index in chunk:
        sample = draw(domain, split, index)
        place, name = folder / domain / split, f"{index:06d}"
        Image.fromarray(sample.image).save(place / "image" / f"{name}.png")
        for task, label in sample.labels.items():
            if kinds[task] == "keypoints":
                np.save(place / task / f"{name}.npy", label)
            else:
                Image.fromarray(_ENCODE[kinds[task]](label)).save(place / task / f"{name}.png")
    return len(chunk)


def _encode_normals(label: Float[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Black where they are invalid."""
    return (np.round((label + 1) * 127.5) * label.any(axis=2, keepdims=True)).astype(np.uint8)


def _encode_depth(label: Float[np.ndarray, "h w"]) -> UInt16[np.ndarray, "h w"]:
    """Millimetres; 0 where it is invalid, and nowhere else."""
    return np.where(label > 0, np.clip(np.round(label * 1000), 1, 65535), 0).astype(np.uint16)


def _encode_segmentation(label: Integer[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    return label.astype(np.uint8)


_ENCODE = {"normals": _encode_normals, "depth": _encode_depth, "segmentation": _encode_segmentation}


def _start_worker() -> None:
    """A worker leaves Ctrl-C to its parent, and does not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
