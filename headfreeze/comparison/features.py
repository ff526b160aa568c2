"""Do both domains look alike to the head? Features at the same places of both, and how far apart they lie.

Places are keypoints, or the classes of a segmentation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
import torch.nn.functional as nnf
from jaxtyping import Float, Integer
from torch import Tensor

from headfreeze.data.canvas import resized
from headfreeze.data.folder import Dataset, Sample
from headfreeze.data.images import read_image
from headfreeze.models.margin import Margin
from headfreeze.pictures import spread
from headfreeze.recipes import DOMAINS, Domain
from headfreeze.run import Run
from headfreeze.tasks.base import Task
from headfreeze.tasks.keypoints import KeypointsTask
from headfreeze.tasks.point_orders import MULTI_PIE
from headfreeze.tasks.points import Points
from headfreeze.tasks.segmentation import SegmentationTask

IMAGES = 60
_MOST_PLACES = 8
_NO_CLASS = -1
_FACE = {8: "chin", 30: "nose", 36: "right eye", 45: "left eye", 48: "right of mouth", 54: "left of mouth"}


@dataclass(frozen=True)
class PlacedFeatures:
    """Features of a network at places that both domains have.

    Attributes:
        values: n features of c channels.
        place: which place each is from.
        domain: which domain, an index into DOMAINS.
        names: of the places.
    """

    values: Float[np.ndarray, "n c"]
    place: Integer[np.ndarray, " n"]
    domain: Integer[np.ndarray, " n"]
    names: Mapping[int, str]

    def __add__(self, other: Self) -> "PlacedFeatures":
        return PlacedFeatures(
            np.concatenate([self.values, other.values]),
            np.concatenate([self.place, other.place]),
            np.concatenate([self.domain, other.domain]),
            self.names,
        )

    def plane(self) -> Float[np.ndarray, "n 2"]:
        """The features along their two principal components."""
        centred = self.values - self.values.mean(0)
        _, _, directions = np.linalg.svd(centred, full_matrices=False)
        plane: np.ndarray = centred @ directions[:2].T
        return plane

    def domain_distance(self) -> float:
        """How far apart the domains' means at a place are, over how far apart the means of different places are.

        0: the domains coincide; 1: they differ as much as the places do. NaN where fewer than two places are in both.
        """
        means = {
            (place, domain): self.values[chosen].mean(0)
            for place in self.names
            for domain in range(len(DOMAINS))
            if (chosen := (self.place == place) & (self.domain == domain)).any()
        }
        both = [place for place in self.names if (place, 0) in means and (place, 1) in means]
        if len(both) < 2:
            return float("nan")
        across = np.mean([np.linalg.norm(means[place, 0] - means[place, 1]) for place in both])
        pairs = [(a, b) for a in both for b in both if a < b]
        between = np.mean([np.linalg.norm(means[a, d] - means[b, d]) for a, b in pairs for d in range(len(DOMAINS))])
        return float(across / between) if between else float("nan")


def places(task: Task) -> dict[int, str]:
    """The places that labels of this task name, a few of them where there are many; none for other kinds of task."""
    if isinstance(task, KeypointsTask):
        if task.order is MULTI_PIE:
            return dict(_FACE)
        return {int(i): f"point {i}" for i in spread(range(task.order.count), _MOST_PLACES)}
    if isinstance(task, SegmentationTask):
        return dict(list(enumerate(task.classes))[:_MOST_PLACES])
    return {}


def placing(anchors: Sequence[Task]) -> Task:
    """The first of the anchors that names places; the first of all where none does."""
    return next((anchor for anchor in anchors if places(anchor)), anchors[0])


def features_of(
    runs: Mapping[str, Run], datasets: Mapping[Domain, Dataset], anchor: str, stage: str
) -> dict[str, PlacedFeatures]:
    """Features of every run at the places that the anchor's labels of both domains name; empty where they name none.

    Of each domain the first split of val, test and train that has such labels.
    """
    if any(stage not in run.network.channels for run in runs.values()):
        return {}  # a network of the user's that gives no features
    samples = {domain: _labelled(dataset, anchor) for domain, dataset in datasets.items()}
    if not all(samples.values()) or not places(datasets["source"].task(anchor)):
        return {}
    found = {}
    for name, run in runs.items():
        source, target = (
            placed_features(run, samples[domain], dataset.task(anchor), stage, domain)
            for domain, dataset in datasets.items()
        )
        if len(source.values) and len(target.values):
            found[name] = source + target
    return found


def _labelled(dataset: Dataset, task: str) -> list[Sample]:
    for split in ("val", "test", "train"):
        if dataset.has(split, task):
            return dataset.samples(split, [task])
    return []


def placed_features(run: Run, samples: Sequence[Sample], task: Task, stage: str, domain: Domain) -> PlacedFeatures:
    """Features of a stage of the network, see `Outputs.features`, at the places of up to 60 labelled images."""
    names = places(task)
    values: list[np.ndarray] = []
    where: list[int] = []
    for sample in spread([s for s in samples if task.name in s.labels], IMAGES):
        features = run.outputs(read_image(sample.image), domain).features[stage].float().cpu()
        label = sample.label(task)
        around = run.margin(sample.height, sample.width)
        kept = resized(label, (around.height, around.width))
        for place, value in _at(features, kept, run.network.strides[stage], names, around):
            values.append(value.numpy())
            where.append(place)
    channels = run.network.channels[stage]
    stacked = np.stack(values) if values else np.empty((0, channels), np.float32)
    return PlacedFeatures(stacked, np.array(where, int), np.full(len(where), DOMAINS.index(domain)), names)


def _at(
    features: Float[Tensor, "1 c h w"], label: Tensor, stride: int, names: Mapping[int, str], around: Margin
) -> list[tuple[int, Tensor]]:
    """The feature of each place that the label, of the size at which the network saw the image, shows."""
    if isinstance(label, Points):
        height, width = label.canvas_size
        place = label.as_subclass(Tensor)[list(names), :2]
        inside = ((place >= 0) & (place <= torch.tensor([width, height]))).all(-1)
        covered = stride * torch.tensor(features.shape[:-3:-1])  # across and down; may reach beyond the image
        seen = place + torch.tensor([around.left, around.top])
        grid = (2 * seen / covered - 1).nan_to_num()[None, None]
        found = nnf.grid_sample(features, grid, padding_mode="border", align_corners=False)[0, :, 0].T  # k c
        return [(name, value) for name, value, there in zip(names, found, inside, strict=True) if there]
    size = features.shape[-2:]
    wide = (around.left, around.right, around.top, around.bottom)
    shown = nnf.pad(label.as_subclass(Tensor)[None].float(), wide, value=_NO_CLASS)
    classes = nnf.interpolate(shown, size=size, mode="nearest-exact")[0, 0]
    return [(name, features[0, :, classes == name].mean(1)) for name in names if bool((classes == name).any())]
