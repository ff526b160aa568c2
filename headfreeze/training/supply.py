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

_MEASURED_BATCHES = 8


class Supply:
    """The batches of one phase. What is drawn for batch `number` depends on the plan's seed and on that number alone.

    Args:
        fabric: the device, and the processes that share the work.
        plan: of the phase.
        data: what it sees.
        settings: how it trains.
        parts: what takes part; some change the augmentation, or batches.

    Attributes:
        steps: by number, what the loader reads for a batch.
        augment: the phase's augmentation, as the parts have it.
    """

    def __init__(
        self, fabric: Fabric, plan: PhasePlan, data: PhaseData, settings: TrainingSettings, parts: Sequence[Part]
    ) -> None:
        self.fabric, self.plan, self.data, self.settings, self.parts = fabric, plan, data, settings, parts
        moving, rank, processes = data.augment.mode != "none", fabric.global_rank, fabric.world_size
        self.steps = TrainingSteps(data.train, settings.batch_size, plan.seed, moving, rank, processes)
        self._generator = torch.Generator(fabric.device)
        self.augment = data.augment
        for part in parts:
            self.augment = part.augmenting(self.augment, self.measured)

    def batches(self, step: int) -> Iterator[DeviceBatch]:
        """Those of this optimisation step and all after it, loaded ahead of time."""
        first, last = (number * self.settings.accumulate for number in (step, self.plan.steps))
        pin = self.fabric.device.type == "cuda"
        loaded = iter(training_loader(self.steps, first, last, self.data.workers, pin))
        for number in range(first, last):
            yield self._prepared(number, by_all(self.fabric, partial(next, loaded)))

    def first(self) -> Iterator[DeviceBatch]:
        """The first few batches, loaded on the spot."""
        for number in range(_MEASURED_BATCHES):
            yield self._prepared(number, by_all(self.fabric, partial(self.steps.__getitem__, number)))

    def _prepared(self, number: int, batch: Mapping[str, DomainBatch]) -> DeviceBatch:
        """Batch `number` on the device and augmented; its random numbers are its own, so a resumed run repeats them.

        Of several processes each gives its part, and gets that part of the whole batch, augmented.
        """
        self._generator.manual_seed(self.plan.seed * 1_000_003 + number)
        own = self.fabric.global_rank << 56  # each process drops out other places of its images
        torch.manual_seed(self.plan.seed * 1_000_003 + number + own)  # for a backbone's own dropout
        whole = augmented(self.on_device(gathered(self.fabric, batch)), self.augment, self._generator)
        for part in self.parts:
            whole = part.prepared(whole, self._generator)
        if len(self.plan.forwarded) == 1:
            whole = whole.only(self.plan.forwarded[0])
        return whole.part(self.fabric.global_rank, self.fabric.world_size)

    def sample(self, most: int) -> list[DeviceBatch]:
        """As many training images of either domain, `most` where there are so many, augmented."""
        images = self.data.train
        count = min(most, *map(len, images.values()))
        size = max(1, min(self.settings.batch_size, count // 2))
        self._generator.manual_seed(self.plan.seed)
        batches = [
            {domain: own.windows(range(start, start + size), None) for domain, own in images.items()}
            for start in range(0, count - size + 1, size)
        ]
        return [augmented(self.on_device(batch), self.augment, self._generator) for batch in batches]

    def some(self) -> Iterator[DeviceBatch]:
        """A few training batches, not augmented; the same for every process."""
        return self._plain(self.data.train, self.plan.seed)

    def measured(self) -> Iterator[DeviceBatch]:
        """A few with the labels that parts measure, not augmented; the same in every phase, and for every process."""
        return self._plain(self.data.measured, self.plan.measuring_seed)

    def _plain(self, images: Mapping[str, DomainImages], seed: int) -> Iterator[DeviceBatch]:
        steps = TrainingSteps(images, self.settings.batch_size, seed, False)
        for number in range(_MEASURED_BATCHES * 4):
            yield augmented(self.on_device(steps[number]), PLAIN)

    def on_device(self, batch: Mapping[str, DomainBatch]) -> DeviceBatch:
        """A batch of the loader as one batch on the device, not augmented yet."""
        moved = {d: {k: v.to(self.fabric.device, non_blocking=True) for k, v in b.items()} for d, b in batch.items()}
        image = torch.cat([values["image"] for values in moved.values()])  # source first: dicts keep their order
        size = (image.shape[-2], image.shape[-1])
        labels = {
            (domain, name): expand(values[name], task, size)
            for domain, values in moved.items()
            for name, task in self.data.tasks.items()
            if name in values
        }
        return DeviceBatch(image, labels, len(moved["source"]["image"]) if "source" in moved else 0)
