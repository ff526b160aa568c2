"""Nine recipes with three seeds on two workers, killed at random: the numbers of a comparison that was left alone."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headfreeze.cli import run
from tests.runs import phase_records

SECONDS = 900.0
NINE = "baseline,mtl-source,mtl-target,mtl-both,mtl-finetune,headfreeze,baseline-da,headfreeze-da,oracle"
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1"}


def command(rooms: Path, out: Path) -> list[str]:
    pair = f"--source {rooms}/source --target {rooms}/target --main normals --anchor segmentation --size 32"
    network = "--backbone tiny --width 8 --batch_size 4 --steps 24 --checkpoint_every 0 --device cpu"
    words = f"-m headfreeze compare {pair} {network} --recipes {NINE} --seeds 0,1,2 --workers 2 --out {out}"
    return [sys.executable, *words.split()]


def workers(store: Path) -> list[int]:
    """The processes that have told of a step."""
    told = []
    for path in store.glob("*/progress.json"):
        try:
            told.append(int(json.loads(path.read_text())["worker"].rpartition(":")[2]))
        except OSError:  # the phase has ended this moment
            continue
    return told


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def until(done: object, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + SECONDS
    while not done():  # type: ignore[operator]
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_killed_three_times_a_comparison_of_nine_recipes_gives_the_numbers_of_one_left_alone(tmp_path: Path) -> None:
    rooms = tmp_path / "rooms"
    assert run(f"synth rooms {rooms} --source 24 --target 24 --size 32 --workers 1".split()) == 0
    whole = subprocess.run(
        command(rooms, tmp_path / "whole/out"), env=ONE_THREAD, capture_output=True, text=True, timeout=SECONDS
    )
    assert whole.returncode == 0, whole.stderr
    assert "trained 30 phases; without sharing it would have been 36" in whole.stderr
    out, store = tmp_path / "broken/out", tmp_path / "broken/phases"
    broken = subprocess.Popen(command(rooms, out), env=ONE_THREAD, start_new_session=True)
    for number in (3, 8):  # one worker, and another one later: both are replaced
        until(lambda: len(list(store.glob("*/result.json"))) >= number and workers(store), broken)  # noqa: B023
        time.sleep(random.uniform(0, 1))
        until(lambda: [pid for pid in workers(store) if alive(pid)], broken)
        os.kill(random.choice([pid for pid in workers(store) if alive(pid)]), signal.SIGKILL)
    until(lambda: len(list(store.glob("*/result.json"))) >= 14 and workers(store), broken)
    time.sleep(random.uniform(0, 1))
    os.killpg(broken.pid, signal.SIGKILL)
    assert broken.wait() == -signal.SIGKILL
    again = subprocess.run(command(rooms, out), env=ONE_THREAD, capture_output=True, text=True, timeout=SECONDS)
    assert again.returncode == 0, again.stderr
    for file in ("results.csv", "table.md"):
        assert (out / file).read_bytes() == (tmp_path / "whole/out" / file).read_bytes()
    assert phase_records(store) == phase_records(tmp_path / "whole/phases")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
@pytest.mark.parametrize(("kill", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_where_the_command_ends_its_workers_end(kill: signal.Signals, status: int, tmp_path: Path) -> None:
    rooms, store = tmp_path / "rooms", tmp_path / "broken/phases"
    assert run(f"synth rooms {rooms} --source 24 --target 24 --size 32 --workers 1".split()) == 0
    process = subprocess.Popen(
        [*command(rooms, tmp_path / "broken/out"), "--steps", "20000"], env=ONE_THREAD, stderr=subprocess.PIPE
    )
    until(lambda: len(workers(store)) == 2, process)
    there = workers(store)
    process.send_signal(kill)
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == status
    end = time.monotonic() + 30
    while any(map(alive, there)):
        assert time.monotonic() < end, "a worker goes on alone"
        time.sleep(0.05)
    assert (kill == signal.SIGKILL) or b"interrupted; the same command goes on where it stopped" in said
