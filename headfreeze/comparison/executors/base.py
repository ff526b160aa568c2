"""What all executors can, and the one that does every job at once, in this process."""

from abc import ABC, abstractmethod
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from headfreeze.comparison.work import Job, Shop
from headfreeze.evaluation.evaluate import Scores


class Executor(ABC):
    """Does jobs; what fails in a worker is raised by its future. Leaving its block ends its workers."""

    workers: int
    """How many jobs are done at a time."""
    limit: int
    """How many jobs to hand over at a time: those that wait can still be overtaken by more urgent ones."""
    sees_runs: bool = True
    """Whether its workers see the folder of the comparison."""

    @abstractmethod
    def submit(self, job: Job) -> "Future[Scores | None]":
        """Begins a job; gives its result, once there is one."""

    def close(self) -> None:  # noqa: B027  # not every executor has some
        """Ends the workers, whatever they are doing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Here(Executor):
    """Does every job in this process, and in those that train with it."""

    workers = limit = 1

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def submit(self, job: Job) -> "Future[Scores | None]":
        """Does the job."""
        future: Future[Scores | None] = Future()
        future.set_result(self._shop.do(job))
        return future
