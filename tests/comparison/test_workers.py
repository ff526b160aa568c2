"""Workers side by side: the numbers of one, whoever dies; what goes wrong in one is said once."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from headfreeze.comparison.compare import compare
from headfreeze.comparison.executors.processes import Processes, spread_over_gpus, thread_environment
from headfreeze.comparison.graph import PhaseNode, Stretch
from headfreeze.comparison.results import Results
from headfreeze.comparison.work import Job, Setup, outcome
from headfreeze.errors import InputError, WorkerLostError
from headfreeze.recipes import RECIPES
from headfreeze.settings import Compute, Training
from tests.runs import TINY, pair_of, phase_records, settings_of, training_of
from tests.worlds import TinyPair

pytestmark = pytest.mark.usefixtures("unrendered")

SECONDS = 120.0


def compare_tiny(tiny: TinyPair, out: Path, workers: int, **training: object) -> Results:
    return compare(
        pair_of(tiny),
        out,
        recipes=("mtl-finetune", "headfreeze"),
        seeds=(0,),
        architecture=TINY,
        training=training_of(**{"steps": 30, "batch_size": 2, "checkpoint_every": 0.0} | training),
        compute=Compute(workers=workers),
    )


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """In workers, too: the number of threads changes the order of additions."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def kill_the_first_worker(store: Path, killed: list[str]) -> None:
    """Kills, for real, the process that trains the first phase with a checkpoint."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and not killed:
        for path in store.glob("**/state.pt"):
            with suppress(OSError):  # the phase has ended this moment
                told = json.loads(path.with_name("progress.json").read_text())
                killed.append(f"{path.parent.name} {told['worker']}")
                os.kill(int(told["worker"].rpartition(":")[2]), signal.SIGKILL)
                return
        time.sleep(0.01)


def test_two_workers_one_of_which_is_killed_find_the_numbers_of_one(tiny_pair: TinyPair, tmp_path: Path) -> None:
    compare_tiny(tiny_pair, tmp_path / "one/out", workers=1)
    killed: list[str] = []
    killer = threading.Thread(target=kill_the_first_worker, args=(tmp_path / "two/phases", killed))
    killer.start()
    compare_tiny(tiny_pair, tmp_path / "two/out", workers=2)
    killer.join()
    assert len(killed) == 1
    assert not killed[0].endswith(f":{os.getpid()}")
    for file in ("results.csv", "table.md", "figure.png"):
        assert (tmp_path / "one/out" / file).read_bytes() == (tmp_path / "two/out" / file).read_bytes()
    assert phase_records(tmp_path / "one/phases") == phase_records(tmp_path / "two/phases")
    written = json.loads((tmp_path / "two/out/progress.json").read_text())
    assert (written["state"], written["trained"], written["without_sharing"]) == ("done", 3, 4)
    assert {row["state"] for row in written["phases"]} == {"finished"}
    assert not [path for path in tmp_path.rglob(".*") if ".tmp-" in path.name], "nothing half-written is left"


def test_what_goes_wrong_in_a_worker_is_raised_here(tiny_pair: TinyPair, tmp_path: Path) -> None:
    with pytest.raises(
        FloatingPointError, match=r"the loss is not finite at step .*; lower lr, or set precision to 32"
    ):
        compare_tiny(tiny_pair, tmp_path / "out", workers=2, lr=1e12, clip=0.0, steps=20)
    assert json.loads((tmp_path / "out/progress.json").read_text())["state"] == "failed"


def test_an_error_is_given_back_as_it_is_with_where_it_came_from(tiny_pair: TinyPair, tmp_path: Path) -> None:
    broken = tiny_pair.copy(tmp_path)
    (broken.source / "train/normals/0003.png").write_bytes(b"no picture")
    recipe = RECIPES["baseline"]
    job = Job(PhaseNode((), 0), recipe)
    given = outcome(Setup(settings_of(broken), str(tmp_path / "phases")), job)
    assert isinstance(given, InputError | ValueError | IndexError)
    read = pickle.loads(pickle.dumps(given))
    assert str(read) == str(given)
    assert "Traceback" in "".join(read.__notes__)


@dataclass(frozen=True)
class Deadly(Setup):
    """Whoever reads it dies: at once, before PyTorch is imported, which takes seconds."""

    how: Callable[[int], object] = os._exit
    number: int = 0

    def __reduce__(self) -> tuple:
        return self.how, (self.number,)


@pytest.mark.parametrize(
    ("how", "number", "retries", "says"),
    [
        (signal.raise_signal, signal.SIGKILL, 0, "died once, the last time by SIGKILL; where memory is short"),
        (os._exit, 9, 1, "died 2 times, the last time with exit status 9; where memory is short"),
    ],
)
def test_a_job_whose_workers_die_again_and_again_is_given_up_in_a_line(
    how: Callable[[int], object], number: int, retries: int, says: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    with Processes(Deadly(settings_of(tiny_pair), str(tmp_path), how=how, number=number), 1, retries) as processes:
        phase = Stretch(RECIPES["baseline"].phases[0], steps=2, last=True)
        future = processes.submit(Job(PhaseNode((phase,), 3), RECIPES["baseline"]))
        with pytest.raises(WorkerLostError, match=rf"baseline seed 3 phase 1/1: its worker {says}"):
            future.result(SECONDS)


@pytest.mark.parametrize("last", [b"", pickle.dumps("half a job")[:-3]])
def test_a_worker_ends_when_nobody_gives_it_work_any_more(last: bytes) -> None:
    words = [sys.executable, "-m", "headfreeze.comparison.executors.worker"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        process.communicate(last, timeout=SECONDS)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("device", "count", "workers", "devices"),
    [
        ("auto", 2, 3, ["cuda:0", "cuda:1", "cuda:0"]),
        ("cuda", 4, 2, ["cuda:0", "cuda:1"]),
        ("cuda:1", 4, 2, ["cuda:1", "cuda:1"]),
        ("auto", 0, 2, ["auto", "auto"]),
        ("cpu", 4, 2, ["cpu", "cpu"]),
    ],
)
def test_workers_are_spread_over_the_gpus(device: str, count: int, workers: int, devices: list[str]) -> None:
    assert spread_over_gpus(device, count, workers) == devices


def test_workers_share_the_cores_unless_threads_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert thread_environment(2)["OMP_NUM_THREADS"] == "1", "as this test's environment says"
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)), raising=False)
    for workers, threads in ((1, "12"), (5, "2"), (40, "1")):
        environment = thread_environment(workers)
        assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == threads


def test_what_does_not_go_together_is_said(tiny_pair: TinyPair, tmp_path: Path) -> None:
    for compute, devices, says in (
        (Compute(workers=0), 1, "workers is 0; the least is 1"),
        (Compute(retries=-1), 1, "retries is -1; the least is 0"),
        (Compute(ray="auto", workers=3), 1, "workers is 3, but ray decides how many there are"),
        (Compute(workers=3), 2, "devices is 2 and workers is 3; phases either share devices"),
        (Compute(ray="auto"), 2, "devices is 2 and ray is auto; phases either share devices"),
        (Compute(gpus=-0.5), 1, "gpus is -0.5; give GPUs or a part of one"),
        (Compute(cpus=0, memory_gb=float("inf")), 1, "cpus is 0; the least is 1"),
        (Compute(memory_gb=float("inf")), 1, "memory_gb is inf; it cannot be negative or infinite"),
    ):
        assert re.match(says, next(compute.problems(Training(devices=devices))))
    with pytest.raises(InputError, match="workers is 0; the least is 1"):
        compare_tiny(tiny_pair, tmp_path / "out", workers=0)
