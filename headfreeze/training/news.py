"""How far a phase is, told to whoever looks into its folder."""

import time

from headfreeze.training.store import PhaseFolder

_SECONDS_BETWEEN_NEWS = 2.0
_SECONDS_BETWEEN_NEWS_ELSEWHERE = 10.0


class News:
    """Keeps the phase's progress.json up to date, every few seconds and no more often.

    Args:
        folder: of the phase.
        images: that a step sees.
    """

    def __init__(self, folder: PhaseFolder, images: int) -> None:
        self._folder, self._images = folder, images
        self._every = _SECONDS_BETWEEN_NEWS_ELSEWHERE if folder.mirror else _SECONDS_BETWEEN_NEWS
        self._began: tuple[float, int] | None = None
        self._told = 0.0

    def report(self, step: int) -> None:
        """Called after steps."""
        now = time.monotonic()
        start, first = self._began = self._began or (now, step)
        if step == first or now - self._told >= self._every:
            # in all, validation and checkpoints included: the time that is left is made of the same
            rate = (step - first) * self._images / (now - start) if step > first else 0.0
            self._folder.tell(step, rate)
            self._told = now
