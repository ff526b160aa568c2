"""What training sees of a pair: samples, decoded images, fingerprints; found once, kept for the next recipe."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np

from headfreeze.data.augment import Augment
from headfreeze.data.folder import Sample, fingerprint
from headfreeze.data.loader import DomainImages, choose_workers
from headfreeze.data.pair import OpenPair, open_pair
from headfreeze.errors import raise_all
from headfreeze.recipes import DOMAINS, Domain, Phase, Supervision
from headfreeze.settings import Settings
from headfreeze.training.plan import PhaseData

_DECODED_FIRST = 32
_SPLITS = ("train", "val")
_T = TypeVar("_T")


class Inputs:
    """A pair under one setting. Only labels of the supervision that is asked for are listed, read or counted.

    Args:
        settings: the pair, and the training's memory and workers.
        beside: how many processes share the machine's cores and that memory.
    """

    def __init__(self, settings: Settings, beside: int = 1) -> None:
        self.settings, self.beside = settings, beside
        self._kept: dict[tuple[str, str, str, Supervision], object] = {}
        self._decoded: dict[tuple[Domain, str], dict[Supervision, DomainImages]] = {}

    @cached_property
    def pair(self) -> OpenPair:
        """Both datasets, opened.

        Raises:
            InputError: they cannot be opened, or do not go together.
        """
        opened, problems = open_pair(self.settings.pair)
        raise_all(problems)
        assert opened is not None
        return opened

    def phase_data(self, phase: Phase) -> PhaseData:
        """The images and supervised labels of a phase."""
        loaded: dict[str, dict[str, DomainImages]] = {split: {} for split in _SPLITS}
        for domain in DOMAINS:
            for split in _SPLITS if phase.uses(domain) else ():
                if images := self.images(domain, split, phase.supervision):
                    loaded[split][domain] = images
        seen = phase.supervision | phase.measured
        measured: dict[str, DomainImages] = {}
        for domain in DOMAINS:
            if _of(domain, phase.measured) and (images := self.images(domain, "train", seen)):
                measured[domain] = images
        workers = max(self._workers(images.samples) for images in loaded["train"].values())
        pair = self.settings.pair
        augment = Augment(pair.augment, pair.zoom, pair.rotate_deg, pair.fov_deg, pair.source_pitch_deg)
        return PhaseData(loaded["train"], loaded["val"], self.pair.tasks, pair.mains, augment, workers, measured)

    def samples(self, domain: Domain, split: str, supervision: Supervision) -> list[Sample]:
        """Samples with the supervised labels of this domain; none where there is no val split."""
        own = _of(domain, supervision)
        if split == "val" and not self.pair.datasets[domain].has_split("val"):
            return []
        return self._once("samples", domain, split, own, lambda: self.pair.samples(domain, split, own))

    def fingerprint(self, domain: Domain, split: str, supervision: Supervision) -> str:
        """What the files of a split hold."""
        own = _of(domain, supervision)
        root = self.pair.datasets[domain].root
        return self._once(
            "fingerprint", domain, split, own, lambda: fingerprint(self.samples(domain, split, own), root)
        )

    def images(self, domain: Domain, split: str, supervision: Supervision) -> DomainImages | None:
        """Decoded images with the supervised labels; None where the split has none.

        A spread of them is decoded at once, so that most damaged files show before anything is trained or written.
        """
        own = _of(domain, supervision)
        samples = self.samples(domain, split, own)
        if not samples:
            return None
        decoded = self._decoded.setdefault((domain, split), {})
        known = decoded.pop(own, None)
        images = known or self._new_images(domain, own, samples)
        _forget(decoded, self._budget - images.cached_bytes)
        decoded[own] = images  # the last one used stands last
        if not known:
            _decode_some(images)
        return images

    def _new_images(self, domain: Domain, own: Supervision, samples: list[Sample]) -> DomainImages:
        """They take their memory when the first of them is decoded."""
        shared = self._workers(samples) > 0
        return DomainImages(samples, self.pair.supervised(domain, own), self.pair.canvas, self._budget, shared)

    @property
    def _budget(self) -> int:
        """Bytes for the decoded images of one split of one domain, whatever labels they come with."""
        training = self.settings.training
        return int(training.cache_gb * 2**30 / len(DOMAINS) / len(_SPLITS) / training.devices / self.beside)

    def _workers(self, samples: Sequence[Sample]) -> int:
        """Processes that decode images. Each domain is counted alone: a phase opens no file of one it does not use."""
        workers = self.settings.training.workers
        return workers if workers >= 0 else choose_workers(samples, self.beside * self.settings.training.devices)

    def _once(self, what: str, domain: str, split: str, own: Supervision, make: Callable[[], _T]) -> _T:
        key = (what, domain, split, own)
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]  # type: ignore[return-value]  # what was made under this key


def _of(domain: Domain, supervision: Supervision) -> Supervision:
    return frozenset((d, role) for d, role in supervision if d == domain)


def _decode_some(images: DomainImages) -> None:
    for index in np.linspace(0, len(images) - 1, min(_DECODED_FIRST, len(images))).astype(int):
        images[int(index)]


def _forget(decoded: dict[Supervision, DomainImages], room: int) -> None:
    """Drops those that were used longest ago until the others fit into so many bytes."""
    while decoded and sum(images.cached_bytes for images in decoded.values()) > room:
        del decoded[next(iter(decoded))]
