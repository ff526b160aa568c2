"""Where a comparison is carried out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from headfreeze.settings.checks import negative, too_small
from headfreeze.settings.training import Training


@dataclass(frozen=True)
class Compute:
    """Where the phases of a comparison are trained, and its runs evaluated.

    Args:
        workers: processes of this machine that train phases side by side and share its cores and GPUs; 1: this process
            alone.
        ray: address of a Ray cluster that does it instead: auto (the one this machine belongs to), local (one that is
            started here, for the duration), or HOST:PORT.
        retries: how often a phase is taken up again whose worker has died.
        cpus: cores for a phase on Ray.
        gpus: GPUs for a phase on Ray, or a part of one; -1 means one where the cluster has any and device allows it.
        memory_gb: main memory in GiB for a phase on Ray; 0 asks for none.
    """

    workers: int = 1
    ray: str = ""
    retries: int = 3
    cpus: int = 1
    gpus: float = -1.0
    memory_gb: float = 0.0

    def problems(self, training: Training) -> Iterator[str]:
        """What is wrong with the settings themselves, a line each."""
        yield from too_small(self, workers=1, retries=0, cpus=1)
        if self.gpus != -1 and not 0 <= self.gpus < math.inf:
            yield f"gpus is {self.gpus}; give GPUs or a part of one, 0 for none, or -1"
        yield from negative(self, "memory_gb")
        if self.ray and self.workers > 1:
            yield f"workers is {self.workers}, but ray decides how many there are; leave one of them out"
        if training.devices > 1 and (self.ray or self.workers > 1):
            beside = f"ray is {self.ray}" if self.ray else f"workers is {self.workers}"
            yield (
                f"devices is {training.devices} and {beside}; phases either share devices one after the other or are"
                " trained side by side: leave one of them out"
            )
