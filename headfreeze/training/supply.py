"""What reaches a phase's network: batches of the loader on the device, augmented, and a few of them to measure by."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import torch
from lightning.fabric import Fabric

from headfreeze.data.augment import PLAIN, augmented
from headfreeze.data.batch import DeviceBatch
from headfreeze.data.canvas import expand
from headfreeze.data.loader import DomainBatch, DomainImages, TrainingSteps, training_loader
from headfreeze.settings import Training as TrainingSettings
from headfreeze.training.parts.base import Part
from headfreeze.training.plan import PhaseData, PhasePlan
from headfreeze.training.processes import by_all, gathered

_OPENING_BATCHES, _PLAIN_BATCHES = 8, 32


class Supply:
    """The batches of one phase. What is drawn for batch `number` depends on the plan's seed and on that number alone.

    Args:
        fabric: the device, and the processes that share the work.
        plan: of the phase.
        data: what it sees.
        settings: how it trains.
        parts: what takes part; some change the augmentation, or batches.

    Attributes:
        fabric: as given.
        steps: by number, what the loader reads for a batch.
    """

    def __init__(
        self, fabric: Fabric, plan: PhasePlan, data: PhaseData, settings: TrainingSettings, parts: Sequence[Part]
    ) -> None:
        self.fabric = fabric
        self._plan, self._data, self._settings, self._parts = plan, data, settings, parts
        moving, rank, processes = data.augment.mode != "none", fabric.global_rank, fabric.world_size
        self.steps = TrainingSteps(data.train, settings.batch_size, plan.seed, moving, rank, processes)
        self._generator = torch.Generator(fabric.device)
        self._augment = data.augment
        for part in parts:
            self._augment = part.augmenting(self._augment, self.to_measure)

    def batches(self, step: int) -> Iterator[DeviceBatch]:
        """Those of this optimisation step and all after it, loaded ahead of time."""
        first, last = (number * self._settings.accumulate for number in (step, self._plan.steps))
        pin = self.fabric.device.type == "cuda"
        loaded = iter(training_loader(self.steps, first, last, self._data.workers, pin))  # its processes begin at once
        return (self._prepared(number, by_all(self.fabric, partial(next, loaded))) for number in range(first, last))

    def opening(self) -> Iterator[DeviceBatch]:
        """The first few of them, loaded on the spot."""
        for number in range(_OPENING_BATCHES):
            yield self._prepared(number, by_all(self.fabric, partial(self.steps.__getitem__, number)))

    def _prepared(self, number: int, batch: Mapping[str, DomainBatch]) -> DeviceBatch:
        """Batch `number` on the device and augmented; its random numbers are its own, so a resumed run repeats them.

        Of several processes each gives its part, and gets that part of the whole batch, augmented.
        """
        self._generator.manual_seed(self._plan.seed * 1_000_003 + number)
        own = self.fabric.global_rank << 56  # each process drops out other places of its images
        torch.manual_seed(self._plan.seed * 1_000_003 + number + own)  # for a backbone's own dropout
        whole = augmented(self.on_device(gathered(self.fabric, batch)), self._augment, self._generator)
        for part in self._parts:
            whole = part.prepared(whole, self._generator)
        if len(self._plan.forwarded) == 1:
            whole = whole.only(self._plan.forwarded[0])
        return whole.part(self.fabric.global_rank, self.fabric.world_size)

    def augmented_sample(self, most: int) -> list[DeviceBatch]:
        """As many training images of either domain, `most` where there are so many, augmented."""
        images = self._data.train
        count = min(most, *map(len, images.values()))
        size = max(1, min(self._settings.batch_size, count // 2))
        self._generator.manual_seed(self._plan.seed)
        batches = [
            {domain: own.windows(range(start, start + size), None) for domain, own in images.items()}
            for start in range(0, count - size + 1, size)
        ]
        return [augmented(self.on_device(batch), self._augment, self._generator) for batch in batches]

    def plain(self) -> Iterator[DeviceBatch]:
        """A few training batches, not augmented; the same for every process."""
        return self._unaugmented(self._data.train, self._plan.seed)

    def to_measure(self) -> Iterator[DeviceBatch]:
        """A few with the labels that parts measure, not augmented; the same in every phase, and for every process."""
        return self._unaugmented(self._data.measured, self._plan.measuring_seed)

    def _unaugmented(self, images: Mapping[str, DomainImages], seed: int) -> Iterator[DeviceBatch]:
        steps = TrainingSteps(images, self._settings.batch_size, seed, False)
        for number in range(_PLAIN_BATCHES):
            yield augmented(self.on_device(steps[number]), PLAIN)

    def on_device(self, batch: Mapping[str, DomainBatch]) -> DeviceBatch:
        """A batch of the loader as one batch on the device, not augmented yet."""
        moved = {d: {k: v.to(self.fabric.device, non_blocking=True) for k, v in b.items()} for d, b in batch.items()}
        image = torch.cat([values["image"] for values in moved.values()])  # source first: dicts keep their order
        size = (image.shape[-2], image.shape[-1])
        labels = {
            (domain, name): expand(values[name], task, size)
            for domain, values in moved.items()
            for name, task in self._data.tasks.items()
            if name in values
        }
        return DeviceBatch(image, labels, len(moved["source"]["image"]) if "source" in moved else 0)
