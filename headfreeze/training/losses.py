"""The loss of a phase: a masked mean for every supervised (domain, task), weighted so that magnitudes agree."""

from collections import Counter
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from headfreeze.data.batch import DeviceBatch, LabelKey
from headfreeze.models.network import Outputs, enlarged
from headfreeze.tasks.base import Task


def loss_terms(outputs: Outputs, batch: DeviceBatch, tasks: Mapping[str, Task]) -> dict[LabelKey, Float[Tensor, ""]]:
    """One loss for each label of the batch whose task has a map; of a dense task at the label's resolution."""
    terms = {}
    for (domain, name), label in batch.labels.items():
        if name in outputs.maps:
            rows = batch.rows(domain)
            output, vector = outputs.maps[name][rows], outputs.vectors.get(name)
            if tasks[name].dense:
                output = enlarged(output, label.shape[-2:])
            terms[domain, name] = tasks[name].loss(output, label, None if vector is None else vector[rows])
    return terms


def loss_name(key: LabelKey) -> str:
    """What a label's loss is called among the numbers of a step."""
    return f"loss_{key[0]}_{key[1]}"


def total_loss(terms: Mapping[LabelKey, Tensor], weights: Mapping[str, float | Tensor]) -> Float[Tensor, ""]:
    """The weighted sum over the tasks, 0 of none; a task's loss is its mean over the domains that have labels of it."""
    if not terms:
        return torch.zeros(())
    domains = Counter(name for _, name in terms)
    return torch.stack([weights[name] / domains[name] * term for (_, name), term in terms.items()]).sum()


def task_losses(terms: Mapping[LabelKey, Tensor]) -> dict[str, Float[Tensor, ""]]:
    """Each task's loss: its mean over the domains that have labels of it."""
    tasks = {name: [term for (_, other), term in terms.items() if other == name] for _, name in terms}
    return {name: torch.stack(found).mean() for name, found in tasks.items()}
