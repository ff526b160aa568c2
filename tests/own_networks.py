"""Networks as a user might write them, good and bad, for tests of `--backbone tests.own_networks:NAME`."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from headfreeze.models.network import Outputs, OutputSpec

STRIDE = 4


class Plain(nn.Module):
    """A body at a quarter of the resolution, and a map for each task; nothing that is optional."""

    def __init__(self, outputs: Mapping[str, OutputSpec]) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 4, STRIDE, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.maps = nn.ModuleDict({task: nn.Conv2d(8, spec.channels, 1) for task, spec in outputs.items()})

    def forward(self, image: Tensor) -> object:
        return self.given(self.body(image))

    def given(self, body: Tensor) -> object:
        neck = self.neck(body)
        return {task: layer(neck) for task, layer in self.maps.items()}


class Staged(Plain):
    @property
    def stages(self) -> dict[str, list[nn.Module]]:
        return {"body": [self.body], "neck": [self.neck], "maps": [self.maps]}


class Featured(Staged):
    def given(self, body: Tensor) -> object:
        neck = self.neck(body)
        return Outputs({task: layer(neck) for task, layer in self.maps.items()}, {}, {"body": body, "neck": neck})


class Spotted(nn.Module):
    """Sees every point at row 3, column 5 of its map."""

    def __init__(self, outputs: Mapping[str, OutputSpec]) -> None:
        super().__init__()
        self.outputs = dict(outputs)
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, image: Tensor) -> Outputs:
        height, width = (side // STRIDE for side in image.shape[-2:])
        maps, vectors = {}, {}
        for task, spec in self.outputs.items():
            maps[task] = image.new_zeros(len(image), spec.channels, height, width) + self.bias
            maps[task][..., 3, 5] += 1
            if spec.vector_channels:
                vectors[task] = image.new_zeros(len(image), spec.vector_channels)
        return Outputs(maps, vectors, {})


def plain(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    return Plain(outputs)


def staged(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    return Staged(outputs)


def featured(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    return Featured(outputs)


def spotted(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    return Spotted(outputs)


def drawing(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    class Drawing(Plain):
        def given(self, body: Tensor) -> object:
            return super().given(body + 0 * torch.rand_like(body))

    return Drawing(outputs)


def listing(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    class Listing(Plain):
        def given(self, body: Tensor) -> object:
            return [body]

    return Listing(outputs)


def forgetful(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    return Plain(dict(list(outputs.items())[:1]))


def narrow(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    return Plain({task: OutputSpec(7) for task in outputs})


def flat(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    class Flat(Plain):
        def given(self, body: Tensor) -> object:
            return {task: body.mean((-2, -1)) for task in self.maps}

    return Flat(outputs)


def picky(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    class Picky(Plain):
        def given(self, body: Tensor) -> object:
            raise RuntimeError("wrong input shape")

    return Picky(outputs)


def failing(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    raise KeyError("no such layer")


def number(outputs: Mapping[str, OutputSpec]) -> int:
    return len(outputs)


def other_argument(channels: int) -> nn.Module:
    raise AssertionError("never called")


VALUE = 3
