"""The loss of a phase: a masked mean for every supervised (domain, task), weighted so that magnitudes agree."""

from collections.abc import Iterable, Mapping

import torch
import torch.nn.functional as nnf
from jaxtyping import Float
from torch import Tensor, nn

from headfreeze.data.augment import DeviceBatch, LabelKey
from headfreeze.tasks.base import Task


def loss_terms(
    maps: Mapping[str, Float[Tensor, "b c h w"]], batch: DeviceBatch, tasks: Mapping[str, Task]
) -> dict[LabelKey, Float[Tensor, ""]]:
    """One loss for each label of the batch, at the label's resolution."""
    terms = {}
    for (domain, name), label in batch.labels.items():
        output = maps[name][batch.rows(domain)]
        terms[domain, name] = tasks[name].loss(upsampled(output, label.shape[-2:]), label)
    return terms


def upsampled(output: Float[Tensor, "b c h w"], size: tuple[int, int] | torch.Size) -> Tensor:
    """A network's output at the resolution of the label that it is compared with."""
    if output.shape[-2:] == torch.Size(size):
        return output
    return nnf.interpolate(output, size=list(size), mode="bilinear", align_corners=False)


def total_loss(terms: Mapping[LabelKey, Tensor], weights: Mapping[str, float]) -> Float[Tensor, ""]:
    """The weighted sum over all (domain, task)."""
    return torch.stack([weights[name] * term for (_, name), term in terms.items()]).sum()


@torch.no_grad()
def measured_weights(
    network: nn.Module, batches: Iterable[DeviceBatch], tasks: Mapping[str, Task], main: str
) -> dict[str, float]:
    """λ of every task: 1 for the main task, for another what brings its loss to the magnitude of the main task's.

    Measured with the network as it is, over some batches; `network` is only read if it has no batch statistics to
    update, so hand over a copy. A task whose labels do not occur gets 1.
    """
    sums: dict[str, list[float]] = {name: [] for name in tasks}
    for batch in batches:
        for (_, name), term in loss_terms(network(batch.image, batch.n_source).maps, batch, tasks).items():
            sums[name].append(float(term))
    means = {name: sum(values) / len(values) for name, values in sums.items() if values}
    if main not in means:
        return dict.fromkeys(tasks, 1.0)
    return {name: means[main] / means[name] if means.get(name) else 1.0 for name in tasks}
