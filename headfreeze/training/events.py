"""TensorBoard event files of a phase, for those who watch a training there."""

from collections.abc import Mapping
from pathlib import Path


class EventFiles:
    """Scalars by step in one folder; rows of an interrupted run that are written again replace the earlier ones.

    Args:
        folder: where the event files go; `tensorboard --logdir` on it or on a folder above it shows them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, row: Mapping[str, float]) -> None:
        """Writes every number of a row under its name, at the row's step."""
        from torch.utils.tensorboard import SummaryWriter  # seconds to import, and only few want it

        step = int(row["step"])
        with SummaryWriter(str(self._folder), purge_step=step) as writer:
            for name, value in row.items():
                if name != "step":
                    writer.add_scalar(name, value, step)
