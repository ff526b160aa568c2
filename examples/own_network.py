"""A network of your own, a U-Net of segmentation-models-pytorch, adapted: `python examples/own_network.py`.

Its data: `headfreeze synth rooms rooms --size 48`. On the command line, in examples: `--backbone own_network:unet`.
"""

from collections.abc import Mapping

import segmentation_models_pytorch as smp
from torch import Tensor, nn

from headfreeze import Architecture, OutputSpec, Pair, Predictor, Training, fit


class UNet(nn.Module):
    """One U-Net for all tasks: its last layer gives the channels of each, one after the other."""

    def __init__(self, outputs: Mapping[str, OutputSpec]) -> None:
        super().__init__()
        self.channels = {task: output.channels for task, output in outputs.items()}
        self.unet = smp.Unet("resnet18", encoder_weights=None, classes=sum(self.channels.values()))

    @property
    def stages(self) -> dict[str, list[nn.Module]]:
        """What can be frozen after what, from the input to the outputs; every parameter is in one of them."""
        *blocks, last = self.unet.decoder.blocks
        return {"encoder": [self.unet.encoder], "decoder": blocks, "head": [last, self.unet.segmentation_head]}

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """RGB in [0, 1], of any size, to a map for each task; the encoder wants sides that 32 divides."""
        height, width = image.shape[-2:]
        padded = nn.functional.pad(image, (0, -width % 32, 0, -height % 32))
        maps = self.unet(padded)[..., :height, :width].split(list(self.channels.values()), dim=1)
        return dict(zip(self.channels, maps, strict=True))


def unet(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    """What `backbone` names: builds the network for the tasks that are trained."""
    return UNet(outputs)


if __name__ == "__main__":
    pair = Pair("rooms/source", "rooms/target", main="normals", anchor="segmentation", size=48)
    training = Training(steps=400, freeze_after="decoder")
    fit("headfreeze", pair, "runs/own-network", architecture=Architecture("own_network:unet"), training=training)
    Predictor("runs/own-network").write(["rooms/target/test/image"], "predictions/own-network")
