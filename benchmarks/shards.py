"""What a folder of files, tar shards and LitData's chunks cost to write and to read: the same encoded files in each.

    pip install webdataset litdata
    python benchmarks/shards.py [--small 3000] [--large 500]

Every format hands out the same JPEG and two PNGs of a sample, decoded by the same function. Files are in the page
cache.
"""

import argparse
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import litdata
import numpy as np
import webdataset
import yaml
from torch.utils.data import DataLoader, Dataset

from headfreeze.data.convert.packed import pack
from headfreeze.data.folder import open_dataset

KINDS = {"image": ".jpg", "normals": ".png", "segmentation": ".png"}
RANDOM = 300
FORMATS = ("folder", "packed", "webdataset", "litdata")
SHARD_BYTES = 2**24
"""Of WebDataset and LitData: small, so that two workers have a shard each."""


def decoded(files: dict[str, bytes]) -> int:
    return sum(cv2.imdecode(np.frombuffer(files[kind], np.uint8), cv2.IMREAD_UNCHANGED).size for kind in KINDS)


def encoded(height: int, width: int, seed: int) -> dict[str, bytes]:
    rng = np.random.default_rng(seed)
    smooth = cv2.resize(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    noisy = cv2.add(smooth, rng.integers(0, 16, smooth.shape, dtype=np.uint8))
    pictures = {"image": noisy, "normals": smooth, "segmentation": smooth[..., 0] // 32}
    return {kind: cv2.imencode(KINDS[kind], picture)[1].tobytes() for kind, picture in pictures.items()}


class Files(Dataset):
    """The folder, or our shards by the offsets that their reader finds."""

    def __init__(self, root: Path, packed: bool) -> None:
        self.places = []
        if packed:
            dataset = open_dataset(root)
            found = {kind: dataset.files("train", kind) for kind in KINDS}
            for key in found["image"]:
                of = {kind: files[key] for kind, files in found.items()}
                self.places.append({k: (m.shard, m.offset, m.length) for k, m in of.items()})
        else:
            for path in sorted((root / "train" / "image").iterdir()):
                of = {k: root / "train" / k / f"{path.stem}{ending}" for k, ending in KINDS.items()}
                self.places.append({k: (file, 0, -1) for k, file in of.items()})

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> int:
        files = {}
        for kind, (path, offset, length) in self.places[index].items():
            with path.open("rb") as file:
                file.seek(offset)
                files[kind] = file.read(length)
        return decoded(files)


class Chunks(litdata.StreamingDataset):
    def __getitem__(self, index: int) -> int:
        return decoded(super().__getitem__(index))


def of_tar(sample: dict) -> int:
    return decoded({kind: sample[f"{kind}{ending}"] for kind, ending in KINDS.items()})


def same(value: dict) -> dict:
    return value


def write(name: str, samples: list[dict[str, bytes]], folder: Path, out: Path) -> None:
    if name == "folder":
        for kind, ending in KINDS.items():
            (out / "train" / kind).mkdir(parents=True)
            for number, sample in enumerate(samples):
                (out / "train" / kind / f"{number:06d}{ending}").write_bytes(sample[kind])
        tasks = {"normals": {}, "segmentation": {"classes": [f"c{n}" for n in range(8)]}}
        (out / "dataset.yaml").write_text(yaml.safe_dump({"tasks": tasks}))
    elif name == "packed":
        shutil.copytree(folder, out, copy_function=os.link, dirs_exist_ok=True)
        pack(out)
    elif name == "webdataset":
        with webdataset.ShardWriter(str(out / "%06d.tar"), maxsize=SHARD_BYTES, verbose=0) as writer:
            for number, sample in enumerate(samples):
                writer.write({"__key__": f"{number:06d}"} | {f"{k}{e}": sample[k] for k, e in KINDS.items()})
    else:
        litdata.optimize(same, samples, str(out), chunk_bytes=SHARD_BYTES, num_workers=1, verbose=False)


def batches(name: str, root: Path, shuffled: bool, workers: int) -> Iterator:
    if name == "litdata":
        return iter(
            litdata.StreamingDataLoader(
                Chunks(str(root), shuffle=shuffled),
                batch_size=16,
                num_workers=workers,
                multiprocessing_context="fork" if workers else None,
            )
        )
    if name == "webdataset":
        urls = [str(path) for path in sorted(root.glob("*.tar"))]
        data = webdataset.WebDataset(
            urls, shardshuffle=100 if shuffled else False, empty_check=False, workersplitter=webdataset.split_by_worker
        )
        data = (data.shuffle(1000) if shuffled else data).map(of_tar)
        return iter(
            DataLoader(data, batch_size=16, num_workers=workers, multiprocessing_context="fork" if workers else None)
        )
    return iter(
        DataLoader(
            Files(root, name == "packed"),
            batch_size=16,
            shuffle=shuffled,
            num_workers=workers,
            multiprocessing_context="fork" if workers else None,
        )
    )


def read(name: str, root: Path, shuffled: bool, workers: int) -> tuple[float, float]:
    """Samples/s, opening included, and how many."""
    start = time.perf_counter()
    count = sum(len(batch) for batch in batches(name, root, shuffled, workers))
    seconds = time.perf_counter() - start
    return count / seconds, count


def pick(name: str, root: Path, count: int) -> float:
    """Seconds for RANDOM samples by their numbers; tar as WebDataset reads it has no such access."""
    if name == "webdataset":
        return float("nan")
    data = Chunks(str(root)) if name == "litdata" else Files(root, name == "packed")
    start = time.perf_counter()
    for index in np.random.default_rng(0).integers(0, count, RANDOM):
        data[int(index)]
    return time.perf_counter() - start


def reads(name: str, root: Path, count: int) -> tuple[float, ...]:
    """Samples/s in turn, shuffled with 1 and 2 workers; seconds of random access."""
    rates = [read(name, root, *how) for how in ((False, 0), (True, 1), (True, 2))]
    if any(seen != count for _, seen in rates):
        raise ValueError(f"{name}: read {[seen for _, seen in rates]} of {count} samples")
    return (*(rate for rate, _ in rates), pick(name, root, count))


def alone(function: Callable, *args: object) -> Any:
    """In a process of its own, which may start workers."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def measure(height: int, width: int, count: int) -> None:
    samples = [encoded(height, width, number) for number in range(count)]
    size = sum(len(data) for sample in samples for data in sample.values()) / 2**20
    print(f"\n{count} samples of {height} × {width}, {size:.0f} MiB")
    titles = ("MiB", "write s", "in turn/s", "shuffled 1", "shuffled 2", "random s")
    print(" " * 11 + "".join(f"{title:>12}" for title in titles), flush=True)
    with tempfile.TemporaryDirectory() as place:
        for name in FORMATS:
            out = Path(place) / name
            out.mkdir()
            start = time.perf_counter()
            write(name, samples, Path(place) / "folder", out)
            seconds = time.perf_counter() - start
            size = sum(512 * file.stat().st_blocks for file in out.rglob("*") if file.is_file()) / 2**20
            numbers = (size, seconds, *alone(reads, name, out, count))
            print(f"{name:11}" + "".join(f"{number:12.2f}" for number in numbers), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=3000, help="samples of 128 px")
    parser.add_argument("--large", type=int, default=500, help="samples of 480 × 640")
    args = parser.parse_args()
    measure(128, 128, args.small)
    measure(480, 640, args.large)


if __name__ == "__main__":
    main()
