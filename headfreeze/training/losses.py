"""The loss of a phase: a masked mean for every supervised (domain, task), weighted so that magnitudes agree."""

from collections import Counter
from collections.abc import Iterable, Mapping

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


def balancing_weights(losses: Mapping[LabelKey, float], tasks: Iterable[str], main: str) -> dict[str, float]:
    """λ of every task: 1 for the main task, for another what brings its loss to the magnitude of the main task's.

    With several main tasks their first one is meant.

    Args:
        losses: mean of every term over some steps.
        tasks: all tasks; one without a loss gets 1.
        main: the main task; where it has no loss, all get 1.
    """
    means = {task: [loss for (_, name), loss in losses.items() if name == task] for task in tasks}
    magnitude = {task: sum(values) / len(values) for task, values in means.items() if values}
    if main not in magnitude:
        return dict.fromkeys(means, 1.0)
    return {task: magnitude[main] / magnitude[task] if magnitude.get(task) else 1.0 for task in means}
