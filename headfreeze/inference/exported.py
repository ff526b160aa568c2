"""A run as one `nn.Module`, from an image to labels of the image's own size: what is exported.

The same steps as `Run.predict`, for batches of float images and of one size, which is fixed when the module is made: so
resizing, margin and grids are constants, and nothing in `forward` depends on data.
"""

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from headfreeze.models.network import Outputs
from headfreeze.run import Run
from headfreeze.tasks.base import Task
from headfreeze.tasks.points import scaled
from headfreeze.tasks.segmentation import SegmentationTask

_LEVELS = 255


class ExportedRun(nn.Module):
    """Images (b, 3, height, width) to one tensor for each task, in the order of `tasks`.

    Normals, depth and the like are what `Predictor` gives, (b, k, height, width); points are (b, k, 4). Of a
    segmentation it is the probability of each class, (b, classes, height, width).

    Args:
        run: on the CPU; it stays as it is.
        tasks: what to give, tasks that the run was trained on.
        size: height and width of the images, in pixels.
    """

    def __init__(self, run: Run, tasks: Sequence[Task], size: tuple[int, int]) -> None:
        super().__init__()
        self.network = copy.deepcopy(run.network).to(memory_format=torch.contiguous_format)
        self.network.domain = "target"
        self.tasks, self.size = tuple(tasks), size
        self._scaled = run.canvas.size_for(*size)
        self._trained_side = min(run.canvas.height, run.canvas.width)
        self._margin = run.margin(*size)
        self.eval().requires_grad_(False)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """For RGB images in 0 … 1."""
        if self._scaled != self.size:
            image = _resized(image, self._scaled)
        outputs: Outputs = self.network(self._margin.around(image))
        return tuple(self._label(task, outputs) for task in self.tasks)

    def _label(self, task: Task, outputs: Outputs) -> Tensor:
        output, around = outputs.maps[task.name], self._margin
        stride = round((around.top + around.height + around.bottom) / output.shape[-2])
        if isinstance(task, SegmentationTask):
            return task.soft(around.inside(output, self.size, stride))
        if task.dense:
            return task.decode(around.inside(output, self.size, stride))
        points = task.decode(output, outputs.vectors.get(task.name), self._trained_side / stride)
        points = points - torch.tensor([around.left / stride, around.top / stride, 0, 0])
        height, width = self.size
        return scaled(points, height * stride / around.height, width * stride / around.width)


def _resized(image: Float[Tensor, "b 3 h w"], size: tuple[int, int]) -> Float[Tensor, "b 3 h2 w2"]:
    """As 8-bit images are resized: first across, then down, rounded to whole levels after each.

    A run is trained and predicts on images resized so. Rounded once, a seventh of the values is a level off; rounded
    twice, a hundredth.
    """
    for step in ((image.shape[-2], size[1]), size):
        image = F.interpolate(image, size=step, mode="bilinear", antialias=True)
        image = (image * _LEVELS).round() / _LEVELS
    return image
