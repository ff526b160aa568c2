"""Two domains, the same number of images from each a step: what is drawn depends on the seed and the step alone.

So a run that is killed at step 700 and called again goes on with the very batch 701 it would have seen, whatever the
number of worker processes, and each domain is an endless stream of shuffled passes of its own.
"""

import math
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from headfreeze.data.canvas import Canvas, compact, window, window_corner
from headfreeze.data.folder import Sample
from headfreeze.data.shards import IMAGE
from headfreeze.errors import InputError
from headfreeze.side_by_side import cores
from headfreeze.tasks.base import Task

_DOMAIN_SEEDS = {"source": 1, "target": 2}
_EASY_PIXELS = 200_000_000  # as many pixels as one core decodes within about half a minute

DomainBatch = dict[str, Tensor]
"""image (b, 3, h, w) uint8 and one label a task, (b, k, h, w) or points (b, k, 4), in their compact form."""


class DomainImages:
    """The samples of one domain at training resolution, each decoded once as far as the memory budget goes.

    Args:
        samples: images with their labels.
        tasks: whose labels to load.
        canvas: the training resolution.
        cache_bytes: memory for decoded samples; those beyond it are decoded each time.
        shared: the memory is shared with forked worker processes (a temporary file, mapped).

    Pickled, for workers of systems that do not fork, it comes without its memory: there all is decoded each time.

    Raises:
        InputError: there is no room for that file.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        tasks: Mapping[str, Task],
        canvas: Canvas,
        cache_bytes: int,
        shared: bool = False,
    ) -> None:
        self.samples, self.tasks, self.canvas = samples, tasks, canvas
        self.sizes = [canvas.size_for(s.height, s.width) for s in samples]
        self._kinds = {IMAGE: torch.empty(3, 1, 1, dtype=torch.uint8).numpy()}
        self._kinds |= {name: compact(task.invalid(1, 1)).numpy() for name, task in tasks.items()}
        # Where in memory each sample's values end: a dense kind has `kind.size` of them a pixel, points a sample.
        pixels, places = np.cumsum([h * w for h, w in self.sizes]), np.arange(1, len(samples) + 1)
        self._ends = {name: kind.size * (pixels if kind.ndim == 3 else places) for name, kind in self._kinds.items()}
        needed = sum(self._ends[name] * kind.itemsize for name, kind in self._kinds.items())
        self._cached = int(np.searchsorted(needed, cache_bytes, side="right"))
        self._shared = shared

    @cached_property
    def _memory(self) -> dict[str, np.ndarray]:
        """Taken when the first sample is asked for."""
        return {name: _memory(self._values(name), kind.dtype, self._shared) for name, kind in self._kinds.items()}

    @cached_property
    def _filled(self) -> np.ndarray:
        return _memory(self._cached, np.dtype(np.uint8), self._shared)

    def _values(self, name: str) -> int:
        """How many values of a kind are kept."""
        return int(self._ends[name][self._cached - 1]) if self._cached else 0

    def __reduce__(self) -> tuple[type["DomainImages"], tuple[object, ...]]:
        return DomainImages, (self.samples, self.tasks, self.canvas, 0)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def cached_bytes(self) -> int:
        """Memory for decoded samples that this takes in the end."""
        return sum(self._values(name) * kind.itemsize for name, kind in self._kinds.items())

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        """The decoded sample: image (3, h, w) and labels (k, h, w) or (k, 4), compact."""
        if index >= self._cached:
            return self._decode(index)
        slots = self._slots(index)
        if not self._filled[index]:
            for name, value in self._decode(index).items():
                slots[name][:] = value
            self._filled[index] = 1  # last: another process may be reading
        return slots

    def _decode(self, index: int) -> dict[str, np.ndarray]:
        return {name: value.numpy() for name, value in self.canvas.load(self.samples[index], self.tasks).items()}

    def _slots(self, index: int) -> dict[str, np.ndarray]:
        slots = {}
        for name, kind in self._kinds.items():
            shape = (len(kind), *self.sizes[index]) if kind.ndim == 3 else kind.shape
            end = int(self._ends[name][index])
            slots[name] = self._memory[name][end - math.prod(shape) : end].reshape(shape)
        return slots

    def windows(
        self, indices: Sequence[int], rng: np.random.Generator | None, wanted: slice = slice(None)
    ) -> DomainBatch:
        """Stacked windows of the training resolution: at random places, or at the centres without a generator.

        Those that are `wanted` alone are decoded and given; they lie where they lie among all.
        """
        height, width = self.canvas.height, self.canvas.width
        cut: dict[str, list[np.ndarray]] = {name: [] for name in self._kinds}
        corners = [window_corner(*self.sizes[index], (height, width), rng) for index in indices]
        for index, (top, left) in list(zip(indices, corners, strict=True))[wanted]:
            for name, value in self[index].items():
                cut[name].append(window(value, top, left, height, width))
        return {name: torch.from_numpy(np.stack(values)) for name, values in cut.items()}


class TrainingSteps(TorchDataset[dict[str, DomainBatch]]):
    """Item k is the batch of step k: {domain: its images and labels}.

    Args:
        domains: the domains that the phase uses.
        batch_size: images of each domain.
        seed: of the order and the windows.
        random_windows: whether windows lie at random places (augmentation) or at the centre.
        part: which of `parts` equal parts of each domain's images to give; the draws are those of the whole batch.
        parts: how many there are.
    """

    def __init__(
        self,
        domains: Mapping[str, DomainImages],
        batch_size: int,
        seed: int,
        random_windows: bool = True,
        part: int = 0,
        parts: int = 1,
    ) -> None:
        self.domains, self.batch_size, self.seed, self.random_windows = domains, batch_size, seed, random_windows
        self._wanted = slice(part * batch_size // parts, (part + 1) * batch_size // parts)

    def __getitem__(self, step: int) -> dict[str, DomainBatch]:
        batch = {}
        for name, images in self.domains.items():
            number = _DOMAIN_SEEDS[name]
            indices = stream_indices(len(images), step * self.batch_size, self.batch_size, (self.seed, number))
            rng = np.random.default_rng((self.seed, number, step)) if self.random_windows else None
            batch[name] = images.windows(indices, rng, self._wanted)
        return batch


def stream_indices(count: int, start: int, length: int, seed: tuple[int, int]) -> list[int]:
    """Places start … start + length of the endless stream of shuffled passes over `count` samples."""
    return [int(_pass_order(count, place // count, seed)[place % count]) for place in range(start, start + length)]


@lru_cache(maxsize=8)
def _pass_order(count: int, number: int, seed: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng((*seed, number)).permutation(count)


def training_loader(steps: TrainingSteps, start: int, stop: int, workers: int, pin_memory: bool) -> DataLoader:
    """Batches of the steps start … stop − 1, in order, decoded in `workers` processes (0: in this one)."""
    return DataLoader(
        steps,
        batch_size=None,  # a step is a batch already
        sampler=range(start, stop),
        num_workers=workers,
        pin_memory=pin_memory,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_one_thread if workers else None,
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,  # the cache is theirs, too
    )


def choose_workers(samples: Sequence[Sample], beside: int = 1) -> int:
    """0 where one process decodes all images soon enough to then serve them from memory, else half of the cores.

    Args:
        samples: all that are to be decoded.
        beside: how many processes do so side by side on the machine.
    """
    pixels = sum(sample.height * sample.width * (1 + len(sample.labels)) for sample in samples)
    return 0 if pixels <= _EASY_PIXELS else max(1, min(8, cores() // 2 // beside))


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)


def _memory(length: int, dtype: np.dtype, shared: bool) -> np.ndarray:
    if not shared or not length:
        return np.zeros(length, dtype)
    size = length * dtype.itemsize
    with tempfile.TemporaryFile(prefix="headfreeze-") as f:
        try:  # now: to write where a disk is full later would be a signal, which nobody can catch
            os.posix_fallocate(f.fileno(), 0, size) if hasattr(os, "posix_fallocate") else f.truncate(size)
        except OSError as error:
            raise InputError(
                f"{tempfile.gettempdir()}: no room for {size / 2**20:.1f} MiB of decoded images ({error.strerror}); set"
                " TMPDIR to a folder on another disk, or lower --cache_gb"
            ) from None
        return np.memmap(f, dtype, "r+", shape=(length,))  # workers inherit the mapping; the file has no name
