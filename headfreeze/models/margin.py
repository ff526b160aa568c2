"""A margin around images of other shapes than those of training, so that the network's levels divide them alike.

A network that was trained on 64 × 64 pixels with strides up to 16 has never met a level whose last pixels lie half
beyond the image. A photograph of 64 × 73 is therefore seen with 3 and 4 more rows above and below, in the colours of
its border, and what the network says of them is cut off.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


class Margin(NamedTuple):
    """Where an image lies in the larger one that the network sees, in pixels."""

    height: int
    width: int
    """Of the image."""
    top: int
    left: int
    bottom: int
    right: int

    def around(self, image: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        """The image with its margin, in which the colours of its border go on."""
        return F.pad(image, (self.left, self.right, self.top, self.bottom), mode="replicate")

    def inside(
        self, output: Float[Tensor, "b c h w"], size: tuple[int, int], stride: int
    ) -> Float[Tensor, "b c h2 w2"]:
        """What a map says of the image itself, interpolated bilinearly to a size (height, width).

        Args:
            output: of the image with its margin.
            size: what is wanted.
            stride: pixels of the image for one of the map; it may reach beyond the image.
        """
        rows = self.places(torch.arange(size[0], device=output.device), size[0], self.height, self.top)
        columns = self.places(torch.arange(size[1], device=output.device), size[1], self.width, self.left)
        y = 2 * rows / (stride * output.shape[-2]) - 1
        x = 2 * columns / (stride * output.shape[-1]) - 1
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).to(output.dtype)  # h2 w2 (x, y)
        grid = grid.expand(output.shape[0], *grid.shape)  # `len` would be a number where the network is exported
        return F.grid_sample(output, grid, "bilinear", "border", align_corners=False)

    @staticmethod
    def places(index: Tensor, count: int, side: int, before: int) -> Tensor:
        """Where the centres of `count` pixels across the image lie, in pixels of the image with its margin."""
        return (index + 0.5) * side / count + before


def margin(height: int, width: int, trained: tuple[int, int], stride: int) -> Margin:
    """The smallest margin with which an image is the training resolution and a whole number of strides larger.

    Args:
        height: of the image.
        width: of the image.
        trained: height and width of the training images.
        stride: the largest of the network's.
    """
    down, across = (trained[0] - height) % stride, (trained[1] - width) % stride
    return Margin(height, width, down // 2, across // 2, down - down // 2, across - across // 2)
