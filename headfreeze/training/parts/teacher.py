"""A mean teacher: a moving average of the network labels the target's main task for the network.

Tarvainen & Valpola, NeurIPS 2017 (arXiv 1703.01780); as a way to adapt: French et al., ICLR 2018 (arXiv 1706.05208).
The teacher sees the image before its light was changed and the network after. Where it contradicts itself on the
mirrored image, it gives no label. It begins late: labels of a network that has learnt little teach its mistakes.

A teacher that is `checked` also gives none where its prediction of the anchor is not the anchor that is known: where
one task is wrong, the other likely is. Wang et al., CorDA, ICCV 2021 (arXiv 2104.13613), weight pseudo-labels so.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as transform

from headfreeze.data.batch import DeviceBatch
from headfreeze.models.network import Outputs, enlarged
from headfreeze.tasks.base import Task
from headfreeze.training.average import averaged
from headfreeze.training.parts.base import Part, Weights, late

_DECAY = 0.99
_AGREES = 0.25
"""Largest disagreement, as a share of the error at which maps of errors are brightest."""


class Teacher(Part):
    """The target's main task, as the average of the network's weights sees it, is one more loss.

    Args:
        network: whose weights are averaged, over about the last hundred steps.
        main: the main task; it has an error of every pixel, which says where two predictions agree.
        anchor: the anchor, likewise, whose known labels check the teacher's; None: nothing does.
    """

    def __init__(self, network: nn.Module, main: Task, anchor: Task | None = None) -> None:
        self.network, self.main, self.anchor = network, main, anchor
        self.average = averaged(network, _DECAY).eval()

    def losses(self, outputs: Outputs, batch: DeviceBatch, progress: float, weights: Weights) -> dict[str, Tensor]:
        """The main task's loss on the target against the teacher's labels."""
        del weights
        target = batch.only("target")
        output = outputs.maps[self.main.name][batch.rows("target")]
        strength = late(progress)
        if not strength:
            return {"loss_teacher": output.new_zeros((), dtype=torch.float32)}
        assert target.clean is not None
        known = target.labels["target", self.anchor.name] if self.anchor else None
        label = self.labels(target.clean, known)
        loss = self.main.loss(enlarged(output, label.shape[-2:]), label)
        return {"loss_teacher": strength * loss}

    @torch.no_grad()
    def labels(self, image: Float[Tensor, "b 3 h w"], known: Tensor | None = None) -> Float[Tensor, "b k h w"]:
        """The teacher's labels for target images; invalid where the mirrored image gets others.

        Args:
            image: of the target.
            known: the anchor's labels of these images, which the teacher's are checked by.
        """
        size = (image.shape[-2], image.shape[-1])
        seen, mirrored = self._outputs(image), self._outputs(image.flip(-1))
        label, other = self._decoded(seen, self.main, size), self._decoded(mirrored, self.main, size)
        other = torch.stack([transform.horizontal_flip(self.main.wrap(one, size)).as_subclass(Tensor) for one in other])
        agreed = _agree(self.main, label, other)
        if self.anchor and known is not None:
            agreed &= _agree(self.anchor, self._decoded(seen, self.anchor, size), known)
        invalid = self.main.invalid(*size).to(label).as_subclass(Tensor)
        return self.main.wrap(torch.where(agreed, label, invalid), size)

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
