"""Workers on this machine: processes that share its cores and GPUs. One that dies is replaced."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue

from headfreeze.comparison.executors.base import Executor
from headfreeze.comparison.work import Job, Setup
from headfreeze.errors import WorkerLostError
from headfreeze.evaluation.evaluate import Scores
from headfreeze.side_by_side import cores


class Processes(Executor):
    """As many processes as there are workers.

    Args:
        setup: what all jobs have in common.
        workers: how many.
        retries: how often a job is begun again whose worker has died.
    """

    def __init__(self, setup: Setup, workers: int, retries: int) -> None:
        self.workers = self.limit = workers
        devices = spread_over_gpus(setup.settings.training.device, gpu_count(), workers)
        self._places = [_Place(_placed(setup, device, workers), thread_environment(workers)) for device in devices]
        self._free: SimpleQueue[_Place] = SimpleQueue()
        for place in self._places:
            self._free.put(place)
        self._pool = ThreadPoolExecutor(workers)
        self._retries = retries

    def submit(self, job: Job) -> "Future[Scores | None]":
        """Begins the job as soon as a worker is free."""
        return self._pool.submit(self._done, job)

    def _done(self, job: Job) -> Scores | None:
        place = self._free.get()
        try:
            return place.do(job, self._retries)
        finally:
            self._free.put(place)

    def close(self) -> None:
        """Ends the processes, whatever they are doing."""
        for place in self._places:
            place.close()
        self._pool.shutdown(cancel_futures=True)
        for place in self._places:
            place.forget()


class _Place:
    """Where one process at a time works."""

    def __init__(self, setup: Setup, environment: dict[str, str]) -> None:
        self._setup, self._environment = setup, environment
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._lock = threading.Lock()

    def do(self, job: Job, retries: int) -> Scores | None:
        """Gives the job to the process, or to the one that replaces it.

        Raises:
            WorkerLostError: it has died more often than it is replaced.
        """
        for _ in range(retries + 1):
            process = self._started()
            try:
                pickle.dump((self._setup, job), process.stdin)  # type: ignore[arg-type]  # a pipe, as are the others
                process.stdin.flush()  # type: ignore[union-attr]
                outcome: Scores | BaseException | None = pickle.load(process.stdout)  # type: ignore[arg-type]
            except (EOFError, OSError, pickle.UnpicklingError):
                died = _how(process.wait())
                self.forget()
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome
        times = "once" if retries == 0 else f"{retries + 1} times"
        raise WorkerLostError(
            f"{job}: its worker died {times}, the last time {died}; where memory is short use fewer workers or a"
            " smaller cache_gb; the same command goes on where it stopped"
        )

    def _started(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._closed:
                raise WorkerLostError("the comparison has ended")
            if self._process is None:
                words = [sys.executable, "-P", "-m", "headfreeze.comparison.executors.worker"]
                pipe = subprocess.PIPE
                self._process = subprocess.Popen(words, stdin=pipe, stdout=pipe, env=self._environment)
            return self._process

    def forget(self) -> None:
        """Closes what led to a process that has died."""
        with self._lock:
            for pipe in (self._process.stdin, self._process.stdout) if self._process else ():
                with suppress(OSError):  # what it did not read is lost
                    pipe.close()  # type: ignore[union-attr]
            self._process = None

    def close(self) -> None:
        """Kills the process: all that it keeps is in checkpoints."""
        with self._lock:
            self._closed = True
            if self._process:
                self._process.kill()
                self._process.wait()


def spread_over_gpus(device: str, count: int, workers: int) -> list[str]:
    """The device of each worker, where a machine has `count` GPUs: in turn, unless one device alone is asked for."""
    if device == "auto" and count:
        device = "cuda"
    return [f"cuda:{k % count}" if device == "cuda" and count else device for k in range(workers)]


def gpu_count() -> int:
    """Visible CUDA devices."""
    import torch

    return torch.cuda.device_count()


def thread_environment(workers: int) -> dict[str, str]:
    """The environment of a worker that has its part of the cores, or as many as OMP_NUM_THREADS says.

    Libraries read it once, when they are loaded; threads of all workers together must not be more than there are cores.
    """
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, cores() // workers))
    path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
    own = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "PYTHONPATH": path}
    return os.environ | own


def _placed(setup: Setup, device: str, workers: int) -> Setup:
    training = replace(setup.settings.training, device=device)
    return replace(setup, settings=replace(setup.settings, training=training), beside=workers)


def _how(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"with exit status {status}"
