"""A mean teacher: a moving average of the network labels the target's main tasks for the network.

Tarvainen & Valpola, NeurIPS 2017 (arXiv 1703.01780); as a way to adapt: French et al., ICLR 2018 (arXiv 1706.05208).
The teacher sees the image before its light was changed and the network after. Where it contradicts itself on the
mirrored image, it gives no label. It begins late: labels of a network that has learnt little teach its mistakes.

A teacher that is `checked` also gives none where its prediction of an anchor is not the anchor that is known: where
one task is wrong, the other likely is. Wang et al., CorDA, ICCV 2021 (arXiv 2104.13613), weight pseudo-labels so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as transform

from headfreeze.data.batch import DeviceBatch
from headfreeze.models.network import Outputs, enlarged
from headfreeze.tasks.base import Task
from headfreeze.training.average import averaged
from headfreeze.training.parts.base import Part, Weights, late, relative

_DECAY = 0.99
_AGREES = 0.25
"""Largest disagreement, as a share of the error at which maps of errors are brightest."""


class Teacher(Part):
    """The target's main tasks, as the average of the network's weights sees them, are one more loss.

    Args:
        network: whose weights are averaged, over about the last hundred steps.
        mains: the main tasks; they have an error of every pixel, which says where two predictions agree.
        anchors: the anchors, likewise, whose known labels check the teacher's; none: nothing does.
    """

    def __init__(self, network: nn.Module, mains: Sequence[Task], anchors: Sequence[Task] = ()) -> None:
        self.network, self.mains, self.anchors = network, mains, anchors
        self.average = averaged(network, _DECAY).eval()

    def losses(self, outputs: Outputs, batch: DeviceBatch, progress: float, weights: Weights) -> dict[str, Tensor]:
        """The main tasks' losses on the target against the teacher's labels; by λ relative to the first one's."""
        target, rows = batch.only("target"), batch.rows("target")
        strength = late(progress)
        if not strength:
            return {"loss_teacher": batch.image.new_zeros((), dtype=torch.float32)}
        assert target.clean is not None
        labels = self.labels(target.clean, {task.name: target.labels["target", task.name] for task in self.anchors})
        losses, shares = [], relative(weights, self.mains)
        for task in self.mains:
            output = enlarged(outputs.maps[task.name][rows], labels[task.name].shape[-2:])
            losses.append(shares[task.name] * task.loss(output, labels[task.name]))
        return {"loss_teacher": strength * torch.stack(losses).sum()}

    @torch.no_grad()
    def labels(self, image: Float[Tensor, "b 3 h w"], known: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """The teacher's labels (b, k, h, w) for target images, by task; invalid where the mirrored image gets others.

        Args:
            image: of the target.
            known: the anchors' labels of these images, by task, which the teacher's are checked by.
        """
        size = (image.shape[-2], image.shape[-1])
        seen, mirrored = self._outputs(image), self._outputs(image.flip(-1))
        confirmed = self._confirmed(seen, known, size) if known else None
        found = {}
        for task in self.mains:
            label, other = self._decoded(seen, task, size), self._decoded(mirrored, task, size)
            other = torch.stack([transform.horizontal_flip(task.wrap(one, size)).as_subclass(Tensor) for one in other])
            agreed = _agree(task, label, other)
            if confirmed is not None:
                agreed &= confirmed
            invalid = task.invalid(*size).to(label).as_subclass(Tensor)
            found[task.name] = task.wrap(torch.where(agreed, label, invalid), size)
        return found

    def _confirmed(self, seen: Outputs, known: Mapping[str, Tensor], size: tuple[int, int]) -> Bool[Tensor, "b 1 h w"]:
        """Where an anchor is known, and all that are known there are as the teacher predicts them."""
        valid = torch.stack([task.valid(known[task.name]).as_subclass(Tensor) for task in self.anchors])
        right = [_agree(task, self._decoded(seen, task, size), known[task.name]) for task in self.anchors]
        return (torch.stack(right) | ~valid).all(0) & valid.any(0)

    def _outputs(self, image: Tensor) -> Outputs:
        self.average.module.domain = "target"  # type: ignore[assignment]  # of `TwoDomains`
        outputs: Outputs = self.average(image.contiguous(memory_format=torch.channels_last))
        return outputs

    def _decoded(self, outputs: Outputs, task: Task, size: tuple[int, int]) -> Tensor:
        return task.decode(enlarged(outputs.maps[task.name], size).float())

    def stepped(self, progress: float) -> None:
        """Follows the network, from the first step on."""
        del progress
        self.average.update_parameters(self.network)
        self.average.eval()

    def state_dict(self) -> dict[str, Any]:
        """The average."""
        return self.average.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with it."""
        self.average.load_state_dict(state)


def _agree(task: Task, prediction: Tensor, label: Tensor) -> Bool[Tensor, "b 1 h w"]:
    """Where two labels (b, k, h, w) of a task say the same; not where the second is invalid."""
    assert task.error is not None
    error = torch.stack([task.errors(*both) for both in zip(prediction, label, strict=True)])
    return error[:, None] <= _AGREES * task.error.brightest
