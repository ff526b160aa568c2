"""How much an anchor says about the main task, from the source's labels alone: before anything is trained for long.

The network `tiny` sees the anchor's label as a picture, in the colours of `Task.render`, and guesses the main task. Its
error is held against that of the same network before a black picture, which is left with one guess for every place of
the image. The share of that error which goes away is the affinity. Of depth the picture has the shape, not the scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from headfreeze.columns import aligned
from headfreeze.data.canvas import Canvas, expand
from headfreeze.data.folder import Dataset, Sample, open_dataset
from headfreeze.data.loader import DomainBatch, DomainImages, stream_indices
from headfreeze.data.shards import IMAGE
from headfreeze.errors import InputError
from headfreeze.evaluation.evaluate import own_metric
from headfreeze.models.network import enlarged
from headfreeze.pictures import spread
from headfreeze.progress import Report, progress
from headfreeze.run import build_network
from headfreeze.selection.names import AFFINITY_SIZE, AFFINITY_STEPS
from headfreeze.settings import LARGEST_SEED, TINY_LEARNING_RATE, Architecture
from headfreeze.tasks.base import Task

_NOTHING = 0.1
"""Affinities below it are next to nothing: an unrelated task reaches a few hundredths."""
_TRAINED, _JUDGED, _BATCH = 512, 128, 16


@dataclass(frozen=True)
class Affinity:
    """What one anchor (or `image`: the photograph itself, for comparison) says about the main task.

    Attributes:
        known: its name.
        error: of the main task where it is known: the task's score, or 1 − score where more is better.
        constant: the error of the best constant prediction for every place, on the same images.
        images: validation images that both are about.
    """

    known: str
    error: float
    constant: float
    images: int

    @property
    def score(self) -> float:
        """Share of the constant's error that knowing it removes: 1 says all; at or below 0 it says nothing."""
        return 1 - self.error / self.constant if self.constant else 0.0


def affinity(
    source: Path,
    main: str,
    anchors: Sequence[str],
    *,
    size: int = AFFINITY_SIZE,
    steps: int = AFFINITY_STEPS,
    seed: int = 0,
) -> list[Affinity]:
    """The affinity of each anchor to the main task, and last that of the image; seconds each on one core.

    The network is deliberately small, and the same for all: affinities compare anchors, and are no bound on what a
    large network could make of them. The relation of Zamir et al., CVPR 2018 (arXiv 1804.08328), who train a network
    from one task's representation to another's, with the label in the representation's place.

    Args:
        source: dataset with labels of all of them. Judged is on val, or on every fifth image where there is none.
        main: a dense task.
        anchors: tasks, each judged on the images that have both labels.
        size: side of the images in pixels.
        steps: of training, for each.
        seed: of weights and batches.

    Raises:
        InputError: a task that is not there, a main task of points, images without both labels, a setting out of range.
    """
    dataset = open_dataset(source)
    wanted, tasks = dataset.task(main), [dataset.task(name) for name in anchors]
    _check(wanted, anchors, size, steps, seed)
    sets = {task.name: _images(dataset, wanted, task, size) for task in tasks}
    first = next(iter(sets.values()))
    constants: dict[tuple[str, ...], float] = {}
    found = []
    trained = len({images.key for images in sets.values()}) + len(sets) + 1
    with progress("guessing the main task", steps * trained) as report, torch.random.fork_rng(devices=[]):
        guesses = _Guesses(wanted, size, steps, seed, report)
        for name, images in [*sets.items(), (IMAGE, first)]:
            if images.key not in constants:
                constants[images.key] = guesses.error(images, None)
            error = guesses.error(images, dataset.tasks.get(name), photograph=name == IMAGE)
            found.append(Affinity(name, error, constants[images.key], len(images.judged[main])))
    return found


def table(found: Sequence[Affinity], main: Task) -> str:
    """For a terminal: the error where nothing is known, then where each anchor is."""
    error = main.score if main.lower_is_better else f"1 − {main.score}"
    meaning = [words(each, found) for each in found]
    meaning = [said.ljust(max(map(len, meaning))) for said in meaning]  # they begin on the left
    rows = [["nothing but the place", f"{found[0].constant:.4g}", "", ""]]
    rows += [
        [each.known, f"{each.error:.4g}", f"{each.score:.2f}", said] for each, said in zip(found, meaning, strict=True)
    ]
    return aligned(
        [f"known of the source's {found[0].images} images", f"{main.name}: {error}", "affinity", ""], rows, 1
    )


def as_json(found: Sequence[Affinity]) -> dict[str, Any]:
    """By what is known, all of it."""
    return {each.known: {**vars(each), "affinity": each.score, "words": words(each, found)} for each in found}


def words(each: Affinity, found: Sequence[Affinity]) -> str:
    """What an affinity means for who wants to use the anchor; that of the image is the measure."""
    image = next(other.score for other in found if other.known == IMAGE)
    if each.known == IMAGE:
        return "the photograph itself, for comparison"
    if each.score < _NOTHING:
        return "says next to nothing: expect it to hurt, a frozen head most"
    if each.score < image:
        return "says less than the photograph shows at a glance: it may help or hurt; compare with a baseline"
    return "says more than the photograph shows at a glance: compare with a baseline all the same"


@dataclass(frozen=True)
class _Images:
    """Images with both labels, compact: those to learn from and those to judge on; `key` says which they are."""

    trained: DomainBatch
    judged: DomainBatch
    key: tuple[str, ...]


def _images(dataset: Dataset, main: Task, anchor: Task, size: int) -> _Images:
    tasks = {task.name: task for task in (main, anchor)}

    def labelled(split: str) -> list[Sample]:
        if not all(dataset.has(split, name) for name in tasks):
            return []
        return [sample for sample in dataset.samples(split, tasks) if len(sample.labels) == len(tasks)]

    train, val = labelled("train"), labelled("val")
    if not val:
        train, val = [s for i, s in enumerate(train) if i % 5], train[::5]
    if not train:
        raise InputError(
            f"{dataset.root}: no two training images have labels of both '{main.name}' and '{anchor.name}'"
        )
    train, val = spread(train, _TRAINED), spread(val, _JUDGED)

    def loaded(samples: list[Sample]) -> DomainBatch:
        return DomainImages(samples, tasks, Canvas(size, size), 0).windows(range(len(samples)), None)

    return _Images(loaded(train), loaded(val), tuple(str(sample.image) for sample in [*train, *val]))


class _Guesses:
    """Trains one network after the other, all in the same way."""

    def __init__(self, main: Task, size: int, steps: int, seed: int, report: Report) -> None:
        self.main, self.size, self.steps, self.seed, self.report = main, (size, size), steps, seed, report
        self.done = 0

    def error(self, images: _Images, known: Task | None, photograph: bool = False) -> float:
        """The error on the images to judge, after training on the others; without `known`, of black or photographs."""
        torch.manual_seed(self.seed)
        guess = _Guess(self.main, self.size)
        optimizer = AdamW(guess.parameters(), lr=TINY_LEARNING_RATE)
        rates = OneCycleLR(optimizer, TINY_LEARNING_RATE, total_steps=self.steps + 1)
        shown, label = self._shown(images.trained, known, photograph), images.trained[self.main.name]
        for step in range(self.steps):
            places = stream_indices(len(label), step * _BATCH, _BATCH, (self.seed, 0))
            loss = self.main.loss(guess(shown[places]), expand(label[places], self.main, self.size))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rates.step()
            self.done += 1
            self.report(self.done, "")
        return self._judged(guess.eval(), self._shown(images.judged, known, photograph), images.judged[self.main.name])

    @torch.no_grad()
    def _judged(self, guess: "_Guess", shown: UInt8[Tensor, "n 3 h w"], label: Tensor) -> float:
        total = own_metric(self.main)
        for start in range(0, len(label), _BATCH):
            part = slice(start, start + _BATCH)
            total.update(self.main.decode(guess(shown[part])), expand(label[part], self.main, self.size))
        score = float(total.compute()[self.main.score])
        return score if self.main.lower_is_better else 1 - score

    def _shown(self, batch: DomainBatch, known: Task | None, photograph: bool) -> UInt8[Tensor, "n 3 h w"]:
        """What the network sees."""
        if known is None:
            return batch[IMAGE] if photograph else torch.zeros_like(batch[IMAGE])
        labels = (expand(label, known, self.size) for label in batch[known.name])
        return torch.stack([torch.from_numpy(np.array(known.render(label))).permute(2, 0, 1) for label in labels])


class _Guess(nn.Module):
    """`tiny`, and a value for every place, which a network of convolutions alone would find hard to give."""

    def __init__(self, main: Task, size: tuple[int, int]) -> None:
        super().__init__()
        self.main, self.network = main.name, build_network(Architecture("tiny"), {main.name: main})
        self.places = nn.Parameter(torch.zeros(1, main.channels, *size))

    def forward(self, shown: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h w"]:
        found = self.network(shown / 255).maps[self.main]
        return enlarged(found, shown.shape[-2:]) + self.places


def _check(main: Task, anchors: Sequence[str], size: int, steps: int, seed: int) -> None:
    if not main.dense:
        raise InputError(f"main is '{main.name}', which is points; affinity is to a task with a value for every pixel")
    if not anchors:
        raise InputError("anchor is empty; give at least one")
    if len(set(anchors)) < len(anchors) or main.name in anchors:
        raise InputError(f"anchor is {','.join(anchors)}; name each once, and not the main task '{main.name}'")
    if not 16 <= size <= 256:
        raise InputError(f"size is {size}; give the side of the images in pixels, 16 … 256")
    if steps < 1:
        raise InputError(f"steps is {steps}; the least is 1")
    if not 0 <= seed <= LARGEST_SEED:
        raise InputError(f"seed is {seed}; seeds are 0 … {LARGEST_SEED}")
