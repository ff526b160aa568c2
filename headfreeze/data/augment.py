"""Augmentation of whole batches on the device, with its own numbers for every image.

Each draw comes from a generator that the caller seeds by step, so augmentation needs no state of its own.
"""

from dataclasses import dataclass

import torch
from torch import Generator

from headfreeze.data.batch import DeviceBatch
from headfreeze.data.geometric import mirrored, seen_from_elsewhere
from headfreeze.data.photometric import photometric
from headfreeze.settings import Augmentation


@dataclass(frozen=True)
class Augment:
    """What is drawn at random; see `headfreeze.settings.Pair`.

    `source_pitch_deg`: cameras of the source are turned up by this angle besides, see `seen_from_elsewhere`.
    """

    mode: Augmentation
    zoom: float = 0.85
    rotate_deg: float = 0.0
    fov_deg: float = 65.0
    source_pitch_deg: float = 0.0


PLAIN = Augment("none")


def augmented(batch: DeviceBatch, augment: Augment, generator: Generator | None = None) -> DeviceBatch:
    """The batch with float images in 0 … 1, channels last, augmented.

    Args:
        batch: images uint8.
        augment: what to draw at random.
        generator: of the random numbers, on the batch's device; needed unless the mode is none.
    """
    if augment.mode == "none":
        batch = DeviceBatch(batch.image.float().div_(255), batch.labels, batch.n_source)
        batch.clean = batch.image
    else:
        assert generator is not None, "augmentation needs a generator"
        batch = mirrored(batch, generator)
        batch = DeviceBatch(batch.image.float().div_(255), batch.labels, batch.n_source)
        view = augment.zoom, augment.rotate_deg, augment.fov_deg, augment.source_pitch_deg
        batch = seen_from_elsewhere(batch, generator, *view)
        batch.clean = batch.image
        if augment.mode == "photometric":
            batch.image = photometric(batch.image, generator)
    batch.image = batch.image.contiguous(memory_format=torch.channels_last)
    return batch
