"""A real process, killed for real: called again it ends with the bits of one that was left alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from headfreeze import cli
from tests.runs import phase_records, same_bits, weights_of
from tests.worlds import TinyPair

_SECONDS = 60.0


def words(tiny: TinyPair, out: Path) -> list[str]:
    pair = f"--source {tiny.source} --target {tiny.target} --main normals --anchor segmentation --size 32 --seed 5"
    network = "--backbone tiny --width 8 --batch_size 2 --steps 300 --checkpoint_every 0 --device cpu --workers 0"
    return f"fit headfreeze {pair} {network} --out {out} --phases {out}-phases".split()


def kill_once_it_has_saved(command: list[str], store: Path, after: float) -> None:
    """Starts the command, waits for a new checkpoint and some seconds more, and kills the process."""
    known = {path: path.stat().st_mtime_ns for path in store.glob("*/state.pt")}
    program = "import sys; from headfreeze.cli import run; sys.exit(run(sys.argv[1:]))"
    process = subprocess.Popen([sys.executable, "-c", program, *command], env=os.environ | {"OMP_NUM_THREADS": "1"})
    end = time.monotonic() + _SECONDS
    while not any(path.stat().st_mtime_ns != known.get(path) for path in store.glob("*/state.pt")):
        assert time.monotonic() < end, "no checkpoint was written"
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.005)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_killed_twice_and_called_again_a_fit_gives_the_bits_of_one_that_was_left_alone(
    tiny_pair: TinyPair, tmp_path: Path
) -> None:
    assert cli.run(words(tiny_pair, tmp_path / "whole")) == 0
    broken = words(tiny_pair, tmp_path / "broken")
    for after in np.random.default_rng().uniform(0, 1, 2):
        kill_once_it_has_saved(broken, tmp_path / "broken-phases", after)
        assert not (tmp_path / "broken").exists()
    assert cli.run(broken) == 0
    assert same_bits(weights_of(tmp_path / "whole"), weights_of(tmp_path / "broken"))
    assert phase_records(tmp_path / "whole-phases") == phase_records(tmp_path / "broken-phases")
    assert not [path for path in tmp_path.rglob(".*") if ".tmp-" in path.name], "nothing half-written is left"
