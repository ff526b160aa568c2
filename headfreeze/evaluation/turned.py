"""The source as cameras that are held like the target's see it: else its judges prefer networks for its own cameras."""

from functools import lru_cache
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from headfreeze.data.batch import DeviceBatch
from headfreeze.data.folder import open_dataset
from headfreeze.data.geometric import pitched
from headfreeze.data.pair import OpenPair
from headfreeze.data.pitch import notable, pitches_between
from headfreeze.run import Run
from headfreeze.tasks.base import Task

Image = UInt8[Tensor, "h w 3"]


def pitch_of(pair: OpenPair, run: Run) -> float:
    """How much further up the target's cameras look, in degrees, as the anchors tell; 0 where it is next to none.

    The cameras have the angle of view that the run was trained for.
    """
    source, target = (pair.datasets[domain].root for domain in ("source", "target"))
    return _pitch_of(source, target, tuple(anchor.name for anchor in pair.anchors), _fov_deg(run))


@lru_cache(maxsize=4)
def _pitch_of(source: Path, target: Path, anchors: tuple[str, ...], fov_deg: float) -> float:
    return notable(pitches_between(open_dataset(source), open_dataset(target), anchors, fov_deg))


def turned(image: Image, label: Tensor, task: Task, pitch_deg: float, run: Run) -> tuple[Image, Tensor]:
    """An image of the source and its label as a camera sees them that looks further up.

    Beyond the image's border its colours go on, and the label is invalid.
    """
    size = (image.shape[0], image.shape[1])
    batch = DeviceBatch(image.permute(2, 0, 1)[None].float(), {("source", task.name): task.wrap(label[None], size)}, 1)
    seen = pitched(batch, _fov_deg(run), pitch_deg)
    return seen.image[0].permute(1, 2, 0).round().byte(), seen.labels["source", task.name][0]


def _fov_deg(run: Run) -> float:
    return float(run.card.settings["pair"]["fov_deg"])
