"""The two-domain loader: what is drawn, when, and at what cost in memory."""

import errno
import os
import pickle
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from headfreeze.data import loader
from headfreeze.data.canvas import Canvas
from headfreeze.data.folder import open_dataset
from headfreeze.data.loader import DomainImages, TrainingSteps, choose_workers, stream_indices, training_loader
from headfreeze.errors import InputError
from tests.worlds import TinyPair

SIZE = 32
SAMPLE_BYTES = 48 * 48 * (3 + 1)  # an image and its classes


def images(tiny_pair: TinyPair, domain: str, cache_bytes: int = 10**8, shared: bool = False) -> DomainImages:
    dataset = open_dataset(getattr(tiny_pair, domain))
    tasks = {"segmentation": dataset.task("segmentation")}
    return DomainImages(dataset.samples("train", tasks), tasks, Canvas(SIZE, SIZE, "none"), cache_bytes, shared)


def steps(tiny_pair: TinyPair, **options: object) -> TrainingSteps:
    domains = {d: images(tiny_pair, d, **options) for d in ("source", "target")}
    return TrainingSteps(domains, batch_size=5, seed=3)


@given(st.integers(1, 50), st.integers(0, 400), st.integers(1, 60), st.integers(0, 5))
@settings(max_examples=60)
def test_every_pass_of_the_stream_holds_every_sample_once(count: int, start: int, length: int, seed: int) -> None:
    first_pass = start // count * count
    drawn = stream_indices(count, first_pass, count * 2, (seed, 1))
    assert sorted(drawn[:count]) == sorted(drawn[count:]) == list(range(count))
    assert stream_indices(count, start, length, (seed, 1)) == [
        stream_indices(count, k, 1, (seed, 1))[0] for k in range(start, start + length)
    ]


def test_passes_and_seeds_and_domains_differ() -> None:
    orders = [
        stream_indices(40, start, 40, seed) for start, seed in [(0, (0, 1)), (40, (0, 1)), (0, (1, 1)), (0, (0, 2))]
    ]
    assert len({tuple(order) for order in orders}) == 4


def test_each_domain_gives_the_same_number_whatever_its_size(tiny_pair: TinyPair) -> None:
    training = steps(tiny_pair)
    for step in (0, 7, 100):  # step 100 is far beyond one pass over 16 images
        batch = training[step]
        assert {d: tuple(b["image"].shape) for d, b in batch.items()} == dict.fromkeys(batch, (5, 3, SIZE, SIZE))
        assert batch["source"]["segmentation"].shape == (5, 1, SIZE, SIZE)
    assert list(training[0]) == ["source", "target"]


def test_a_step_is_a_function_of_seed_and_number_alone(tiny_pair: TinyPair) -> None:
    a, b = steps(tiny_pair), steps(tiny_pair)
    for k in (0, 1, 2):
        a[k]
    assert torch.equal(a[9]["target"]["image"], b[9]["target"]["image"])
    assert not torch.equal(b[9]["target"]["image"], b[10]["target"]["image"])


@pytest.mark.parametrize("workers", [0, 2])
def test_worker_processes_change_nothing(tiny_pair: TinyPair, workers: int) -> None:
    reference = steps(tiny_pair)
    batches = list(training_loader(steps(tiny_pair, shared=workers > 0), 4, 12, workers, pin_memory=False))
    assert len(batches) == 8
    for step, batch in enumerate(batches, 4):
        for domain, values in reference[step].items():
            for name, value in values.items():
                assert torch.equal(batch[domain][name], value)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("kept", [0, 3, 16])
def test_the_cache_keeps_to_its_budget_and_changes_no_value(tiny_pair: TinyPair, kept: int, shared: bool) -> None:
    unlimited, limited = images(tiny_pair, "target"), images(tiny_pair, "target", kept * SAMPLE_BYTES + 5, shared)
    decoded: Counter[int] = Counter()
    real = limited._decode

    def counting(index: int) -> dict[str, np.ndarray]:
        decoded[index] += 1
        return real(index)

    limited._decode = counting  # type: ignore[method-assign]
    for _ in range(2):
        for k in range(16):
            for name, value in limited[k].items():
                assert (value == unlimited[k][name]).all()
    assert [decoded[k] for k in range(16)] == [1] * kept + [2] * (16 - kept)
    assert sum(memory.nbytes for memory in limited._memory.values()) <= kept * SAMPLE_BYTES


def test_windows_cut_image_and_label_at_the_same_place(tiny_pair: TinyPair) -> None:
    whole = images(tiny_pair, "source")
    cut = whole.windows([4] * 20, np.random.default_rng(0))
    places = set()
    for image, label in zip(cut["image"].numpy(), cut["segmentation"].numpy(), strict=True):
        found = [
            (top, left)
            for top in range(17)
            for left in range(17)
            if (whole[4]["image"][:, top : top + SIZE, left : left + SIZE] == image).all()
        ]
        assert len(found) == 1
        (top, left), *_ = found
        assert (whole[4]["segmentation"][:, top : top + SIZE, left : left + SIZE] == label).all()
        places.add((top, left))
    assert len(places) > 5


def test_small_data_is_decoded_in_this_process_and_large_data_in_others(tiny_pair: TinyPair) -> None:
    samples = open_dataset(tiny_pair.source).samples("train")
    assert choose_workers(samples) == 0
    assert choose_workers(samples * 10_000) >= 1
    assert choose_workers(samples * 10_000, beside=1000) == 1


def test_workers_are_half_of_the_cores_that_this_process_may_use(
    tiny_pair: TinyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = open_dataset(tiny_pair.source).samples("train") * 10_000
    monkeypatch.setattr(loader, "cores", lambda: 12)
    assert [choose_workers(samples, beside) for beside in (1, 2, 3)] == [6, 3, 2]


def test_pickled_images_come_without_their_memory_and_with_the_same_values(tiny_pair: TinyPair) -> None:
    own = images(tiny_pair, "target", shared=True)
    filled = [own[k] for k in range(16)]
    packed = pickle.dumps(own)
    assert len(packed) < own.cached_bytes / 10
    for there, here in zip(map(pickle.loads(packed).__getitem__, range(16)), filled, strict=True):
        assert all((there[name] == here[name]).all() for name in here)


def test_no_room_for_decoded_images_is_said_before_training(
    tiny_pair: TinyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    message = (
        r"^\S+: no room for 0\.\d MiB of decoded images \(No space left on device\); set TMPDIR to a folder on another"
        r" disk, or lower --cache_gb$"
    )
    with pytest.raises(InputError, match=message):
        images(tiny_pair, "target", shared=True)[0]
