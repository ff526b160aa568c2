"""A task of your own, here the brightness around each pixel, a free anchor: `python examples/own_task.py`.

Its data: `headfreeze synth rooms rooms --size 48`. Commands know the task with `--import own_task`, called in examples.
"""

import shutil
from pathlib import Path

import cv2
import torch

from headfreeze import Architecture, Pair, Task, Training, fit
from headfreeze.tasks import AbsoluteErrorMetric, Values, masked_mean, read_png, register, with_extension, write_png


@register
class Brightness(Task):
    """Grey values above 0 and up to 1, from 8-bit PNGs; 0 = invalid. `Task` describes every method."""

    kind, label_type, extensions, channels, score, lower_is_better = "brightness", Values, (".png",), 1, "mae", True

    def loss(self, output, label, vector=None):
        return masked_mean((self.decode(output) - label).abs(), self.valid(label))

    def decode(self, output, vector=None, side=0):
        return output.float().sigmoid()

    def metric(self):
        return AbsoluteErrorMetric()

    def render(self, label, image=None):
        return (255 * label).byte().expand(3, -1, -1).movedim(0, -1).numpy()

    def read(self, path):
        return Values(torch.from_numpy(read_png(path)[..., 0] / 255).float()[None])

    def write(self, label, path):
        write_png((255 * label).round().byte().movedim(0, -1).numpy(), path := with_extension(path, self.extensions))
        return path


if __name__ == "__main__":
    shutil.copytree("rooms", "rooms-bright", dirs_exist_ok=True)
    for image in Path("rooms-bright").glob("*/*/image/*.png"):
        grey = cv2.blur(cv2.imread(str(image), cv2.IMREAD_GRAYSCALE), (9, 9)).clip(1)
        write_png(grey[..., None], image.parents[1] / "brightness" / image.name)
    for domain in ("source", "target"):
        Path("rooms-bright", domain, "dataset.yaml").write_text("tasks: {normals: {}, brightness: {}}")
    pair = Pair("rooms-bright/source", "rooms-bright/target", main="normals", anchor="brightness", size=48)
    fit("mtl-both", pair, "runs/own-task", architecture=Architecture("tiny"), training=Training(steps=400))
