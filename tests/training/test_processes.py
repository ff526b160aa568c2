"""Several processes train a phase together: the numbers are those of one, and they end as one."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from headfreeze.data.batch import DeviceBatch
from headfreeze.data.loader import DomainImages, TrainingSteps
from headfreeze.errors import InputError
from headfreeze.run import RunCard
from headfreeze.training import checks
from tests.corridor import write_corridors
from tests.runs import fit_tiny, same_bits, session_of, training_of, watched, weights_of
from tests.training.phases import untrained
from tests.training.together import CASES, train
from tests.worlds import TinyPair

SECONDS = 120.0
STEPS = 40
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1"}
NUMBERS = {"rtol": 1e-5, "atol": 1e-6}
"""float32 rounds to 6e-8 of a value; six steps carry that on."""
OF_PARTS = {"rtol": 3e-4, "atol": 1e-6}
"""Some have a network of their own, whose Adam enlarges what rounding makes of small gradients."""
WEIGHTS = {"rtol": 1e-4, "atol": 1e-5}
"""After steps of SGD: AdamW divides by the size of a gradient, and what rounding becomes then depends on the CPU."""


class Both:
    """What one process and two made of the same trainings."""

    def __init__(self, tiny: TinyPair, folder: Path) -> None:
        self.one, self.two = folder / "one", folder / "two"
        corridors = write_corridors(folder / "corridors")
        pairs = (f"{pair.source}:{pair.target}" for pair in (tiny, corridors))
        words = [sys.executable, "-m", "tests.training.together", *pairs, self.two, "2"]
        subprocess.run(words, env=ONE_THREAD, timeout=SECONDS, check=True)
        train(tiny, corridors, self.one, 1)
        self.known: list[dict[str, Any]] = [torch.load(self.two / f"{rank}.pt", weights_only=False) for rank in (0, 1)]


def near(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, **WEIGHTS, msg=lambda text, name=name: f"{name}: {text}")


def history(run: Path) -> list[dict[str, float]]:
    with (run / "metrics.csv").open() as f:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(f)]


def test_two_processes_train_as_one_does(tiny_pair: TinyPair, tmp_path: Path) -> None:
    """All in one test: the processes take seconds to start."""
    both = Both(tiny_pair, tmp_path)
    for case in CASES:
        two_processes_give_the_numbers_of_one(case, both)
    both_processes_have_the_same_bits_of_network_and_discriminators_and_nearly_those_of_one(both)
    each_process_trains_on_its_part_of_the_very_batches_of_one(both)
    what_the_first_finds_all_have_and_what_one_is_missing_all_say(both)
    the_first_process_alone_writes(both)


def two_processes_give_the_numbers_of_one(case: str, both: Both) -> None:
    one, two = history(both.one / case), history(both.two / case)
    assert [list(row) for row in one] == [list(row) for row in two]
    for ours, theirs in zip(one, two, strict=True):
        np.testing.assert_allclose(
            list(theirs.values()), list(ours.values()), **(OF_PARTS if case == "parts" else NUMBERS)
        )
    near(weights_of(both.two / case), weights_of(both.one / case))
    kept = [sorted((folder / case).glob("snapshots/*")) for folder in (both.one, both.two)]
    assert len(kept[0]) == CASES[case][1].get("snapshots", 0)
    for ours, theirs in zip(*kept, strict=True):
        assert theirs.name == ours.name
        near(weights_of(theirs), weights_of(ours))
    cards = [RunCard.read(folder / case) for folder in (both.one, both.two)]
    assert [phase["key"] for phase in cards[0].phases] == [phase["key"] for phase in cards[1].phases]
    for ours, theirs in zip(cards[0].phases, cards[1].phases, strict=True):
        assert theirs["weights"] == pytest.approx(ours["weights"], rel=1e-5), "λ"
        assert theirs.get("source_pitch_deg") == ours.get("source_pitch_deg")
        assert ("source_pitch_deg" in ours) == (case == "aligned"), "where cameras differ"


def both_processes_have_the_same_bits_of_network_and_discriminators_and_nearly_those_of_one(both: Both) -> None:
    first, second = both.known
    alone = torch.load(both.one / "0.pt", weights_only=False)
    for part in ("network", "adversary"):
        assert same_bits(first[part], second[part])
        near(first[part], alone[part])


def each_process_trains_on_its_part_of_the_very_batches_of_one(both: Both) -> None:
    for number, whole in enumerate(torch.load(both.one / "0.pt", weights_only=False)["batches"]):
        for rank in (0, 1):
            part, given = DeviceBatch(**whole).part(rank, 2), DeviceBatch(**both.known[rank]["batches"][number])
            assert torch.equal(given.image, part.image)
            assert given.image.is_contiguous(memory_format=torch.channels_last)
            assert given.n_source == part.n_source == 2
            assert given.labels.keys() == part.labels.keys()
            for key, label in part.labels.items():
                assert torch.equal(given.labels[key], label)
                assert type(given.labels[key]) is type(label)


def test_parts_are_those_of_the_whole_and_nothing_else_is_decoded(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = untrained(tiny_pair, tmp_path, "mtl-both", size="32x40", cache_gb=0.0).supply.steps
    decode, decoded = DomainImages._decode, []

    def noted(self: DomainImages, index: int) -> dict[str, np.ndarray]:
        decoded.append(index)
        return decode(self, index)

    monkeypatch.setattr(DomainImages, "_decode", noted)
    parts = [TrainingSteps(whole.domains, whole.batch_size, whole.seed, True, part, 2)[7] for part in (0, 1)]
    assert len(decoded) == 8, "four images of each domain"
    for domain, values in whole[7].items():
        for name, value in values.items():
            assert torch.equal(torch.cat([part[domain][name] for part in parts]), value)


def what_the_first_finds_all_have_and_what_one_is_missing_all_say(both: Both) -> None:
    for known in both.known:
        assert known["given by the first"] == 0
        for failing in (0, 1):
            assert known[f"where {failing} fails"] == f"process {failing} met a damaged file"


def the_first_process_alone_writes(both: Both) -> None:
    for case in CASES:
        ours, theirs = (
            [len(list(folder.rglob("*.tfevents*"))) for folder in sorted((root / f"{case}-phases").glob("*/"))]
            for root in (both.one, both.two)
        )
        assert ours == theirs
    assert not [path for path in both.two.rglob(".*") if ".tmp-" in path.name]


def until(done: Callable[[], object], otherwise: str) -> None:
    end = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)


def processes() -> dict[int, int]:
    """The living processes of this machine, and the parent of each."""
    lines = subprocess.run(["ps", "-e", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    found = (line.split() for line in lines.splitlines())
    return {int(pid): int(parent) for pid, parent, state in found if not state.startswith("Z")}


def command(tiny: TinyPair, out: Path, devices: int, more: str = "", what: str = "fit mtl-both") -> list[str]:
    pair = f"--source {tiny.source} --target {tiny.target} --main normals --anchor segmentation --size 32"
    network = "--backbone tiny --width 8 --batch_size 4 --device cpu" + (
        " --workers 0" if what.startswith("fit") else ""
    )
    words = f"-m headfreeze {what} {pair} {network} --out {out} --devices {devices} {more}"
    return [sys.executable, *words.split()]


def finished(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, env=ONE_THREAD, capture_output=True, text=True, timeout=SECONDS, check=False)


def test_the_command_says_everything_once(tiny_pair: TinyPair, tmp_path: Path) -> None:
    done = finished(command(tiny_pair, tmp_path / "run", 2, "--steps 2"))
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"phase 1: 2 steps at .*\nwhether the anchor helps .*\nrun: .*\n", done.stdout)
    assert re.fullmatch(r"mtl-both seed 0 phase 1/1: 2/2, took .*\n", done.stderr)


@pytest.mark.slow
def test_bad_input_that_shows_while_processes_run_is_one_line_and_exit_2(tiny_pair: TinyPair, tmp_path: Path) -> None:
    broken = tiny_pair.copy(tmp_path)
    (broken.target / "train/segmentation/0003.png").write_bytes(b"no picture")
    done = finished(command(broken, tmp_path / "run", 2, "--steps 2"))
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"headfreeze: error: .*segmentation/0003.png: .*\n", done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_where_one_process_is_killed_the_other_ends_and_one_alone_can_go_on(
    killed: int, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = command(tiny_pair, tmp_path / "run", 2, f"--steps {STEPS} --checkpoint_every 0 --optimizer sgd")
    first = subprocess.Popen(words, env=ONE_THREAD, stderr=subprocess.DEVNULL)
    until(lambda: list(tmp_path.glob("phases/*/state.pt")), "no checkpoint was written")
    (second,) = (pid for pid, parent in processes().items() if parent == first.pid)
    os.kill((first.pid, second)[killed], signal.SIGKILL)
    assert first.wait(SECONDS) in ((-signal.SIGKILL,) if killed == 0 else (1, -signal.SIGKILL))
    until(lambda: second not in processes(), "the second process hangs")
    settings = {"phases": tmp_path / "phases", "steps": STEPS, "optimizer": "sgd"}
    with watched(monkeypatch) as watch:
        fit_tiny("mtl-both", tiny_pair, tmp_path / "run", **settings)
    assert 0 < len(watch.steps["mtl-both seed 0 phase 1/1"]) < STEPS
    fit_tiny("mtl-both", tiny_pair, tmp_path / "alone", **settings | {"phases": tmp_path / "others"})
    near(weights_of(tmp_path / "run"), weights_of(tmp_path / "alone"))


@pytest.mark.slow
def test_a_comparison_has_the_same_scores(tiny_pair: TinyPair, tmp_path: Path) -> None:
    for devices in (1, 2):
        more = "--recipes baseline,headfreeze --seeds 0 --steps 4 --optimizer sgd"
        done = finished(command(tiny_pair, tmp_path / f"{devices}/out", devices, more, "compare"))
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("# normals on the target's test images") == 1
    tables = [(tmp_path / f"{devices}/out/results.csv").read_text().split() for devices in (1, 2)]
    for one, two in zip(*tables, strict=True):
        numbers = [[float(x) if re.match(r"-?\d", x) else x for x in row.split(",")] for row in (one, two)]
        for ours, theirs in zip(*numbers, strict=True):
            assert theirs == (pytest.approx(ours, rel=1e-3, abs=1e-3) if isinstance(ours, float) else ours)


@pytest.mark.parametrize(
    ("device", "devices", "started", "says"),
    [
        ("cpu", 1, "2", "devices is 1, but this is one of 2 processes; set devices to 2"),
        ("cuda:1", 2, "2", "devices is 2, but device cuda:1 is one alone; choose cuda or cpu"),
        ("mps", 2, "2", "devices is 2, but device mps is one alone; choose cuda or cpu"),
        ("cuda", 4, "4", "devices is 4, but this machine has 3 GPUs; set no more"),
    ],
)
def test_devices_that_are_not_there_are_said(
    device: str, devices: int, started: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "choose_device", torch.device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setenv("WORLD_SIZE", started)
    with pytest.raises(InputError, match=re.escape(says)):
        checks.check_device(training_of(device=device, devices=devices, batch_size=4))


@pytest.mark.parametrize("devices", [2, 3, 8])
def test_a_batch_that_cannot_be_shared_equally_is_refused(devices: int, tiny_pair: TinyPair, tmp_path: Path) -> None:
    problems = session_of(tiny_pair, tmp_path, batch_size=5, devices=devices).problems(["baseline"])
    assert problems == [f"batch_size is 5, which {devices} devices cannot share equally; give a multiple of {devices}"]
