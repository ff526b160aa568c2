"""Workers on a Ray cluster: every job is a task with the cores, GPUs and memory it needs.

Machines of the cluster have the same headfreeze installed and see the data under the same paths.
"""

import logging
import re
import socket
from concurrent.futures import Future
from typing import Any

from headfreeze.comparison.executors.base import Executor
from headfreeze.comparison.work import Job, Setup, outcome
from headfreeze.errors import InputError, WorkerLostError
from headfreeze.evaluation.evaluate import Scores
from headfreeze.settings import Compute

_MANY = 1_000_000
_SECONDS_TO_ANSWER = 10.0


class RayCluster(Executor):
    """Tasks of a Ray cluster. A task whose worker has died is begun again by Ray, and goes on from its checkpoint.

    Args:
        setup: what all jobs have in common.
        compute: the cluster's address, what a job needs, and how often it is begun again.

    Raises:
        InputError: Ray is not installed, the cluster cannot be reached, or it has not what a job needs.
    """

    limit = _MANY  # what waits is known to the cluster, so that it can grow
    sees_runs = False

    def __init__(self, setup: Setup, compute: Compute) -> None:
        self._setup, self._compute = setup, compute
        self._ray, self._own = _connected(compute.ray)
        self._tasks: set[Any] = set()
        try:
            self._needs, self.workers = self._checked()
        except InputError:
            self.close()
            raise
        memory = int(self._needs["memory"]) or None
        task = self._ray.remote(
            num_cpus=compute.cpus, num_gpus=self._needs["GPU"], memory=memory, max_retries=compute.retries
        )
        self._remote = task(_done)

    def _checked(self) -> tuple[dict[str, float], int]:
        """What a job needs, and how many of them the cluster can do at a time as it is now."""
        compute, has = self._compute, self._ray.cluster_resources()
        gpus = compute.gpus
        if gpus < 0:
            gpus = float(has.get("GPU", 0.0) >= 1 and self._setup.settings.training.device in ("auto", "cuda"))
        needs = {"CPU": float(compute.cpus), "GPU": gpus, "memory": compute.memory_gb * 2**30}
        return needs, max(1, int(min(has.get(name, 0.0) // need for name, need in needs.items() if need)))

    def submit(self, job: Job) -> "Future[Scores | None]":
        """Hands the job to the cluster."""
        task = self._remote.options(name=str(job)).remote(self._setup, job, self._compute.cpus)
        self._tasks.add(task)
        future: Future[Scores | None] = Future()
        task.future().add_done_callback(lambda done: self._settle(future, job, task, done))
        return future

    def _settle(self, future: "Future[Scores | None]", job: Job, task: Any, done: "Future[Any]") -> None:
        self._tasks.discard(task)
        if error := done.exception():
            future.set_exception(WorkerLostError(self._lost(job, error)))
        elif isinstance(done.result(), BaseException):
            future.set_exception(done.result())
        else:
            future.set_result(done.result())

    def _lost(self, job: Job, error: BaseException) -> str:
        why = _first_line(error)
        return (
            f"{job}: its worker on Ray was lost, and {self._compute.retries} that followed it ({why}); the same command"
            " goes on where it stopped"
        )

    def close(self) -> None:
        """Ends the tasks that are left, and the cluster if it was started here."""
        for task in list(self._tasks):
            self._ray.cancel(task, force=True)
        if self._own:
            self._ray.shutdown()


def _done(setup: Setup, job: Job, threads: int) -> Scores | Exception | None:
    import torch

    torch.set_num_threads(threads)
    return outcome(setup, job)


def _connected(address: str) -> tuple[Any, bool]:
    """Ray, and whether the connection was made here: a program that has one already keeps it."""
    try:
        import ray
    except ImportError:
        raise InputError(f"ray is '{address}', but Ray is not installed: pip install 'headfreeze[ray]'") from None
    if ray.is_initialized():
        return ray, False
    try:
        if match := re.fullmatch(r"(?:ray://)?([\w.-]+):(\d+)", address):  # Ray itself would try for minutes
            socket.create_connection((match[1], int(match[2])), _SECONDS_TO_ANSWER).close()
        elif address not in ("auto", "local"):
            raise ValueError("no address")
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # of many kinds
        raise InputError(
            f"ray is '{address}', where no cluster answers ({_first_line(error)}); start one with `ray start --head`,"
            " or give auto, local or HOST:PORT"
        ) from None
    return ray, True


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
