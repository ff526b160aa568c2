"""The store of phases: one phase at a time, damage said in one line."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from headfreeze.errors import InputError
from headfreeze.training.store import PhaseStore
from tests.runs import KilledError, fit_tiny, watched
from tests.worlds import TinyPair


def test_the_key_is_the_hash_of_the_specification_in_any_order(tmp_path: Path) -> None:
    store = PhaseStore(tmp_path)
    key = store.folder({"a": 1, "b": [1, 2]}).key
    assert key == store.folder({"b": [1, 2], "a": 1}).key
    assert key != store.folder({"a": 1, "b": [2, 1]}).key
    assert key != store.folder({"a": 1.5, "b": [1, 2]}).key
    assert not any(tmp_path.iterdir()), "asking makes nothing"


@pytest.mark.parametrize("file", ["state.pt", "result.json", "weights.safetensors"])
def test_a_damaged_file_of_the_store_is_named_with_the_repair(
    file: str, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched(monkeypatch, 2, dies_at=2), pytest.raises(KilledError):
        fit_tiny("headfreeze", tiny_pair, tmp_path / "run", checkpoint_every=0.0)
    (path,) = (tmp_path / "run-phases").glob(f"*/{file}")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=rf"{path}: damaged; remove {path.parent} to train this phase again"):
        fit_tiny("headfreeze", tiny_pair, tmp_path / "run")


def test_a_phase_that_another_process_trains_is_waited_for(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = fit_tiny("baseline", tiny_pair, tmp_path / "first", steps=1).phases[0]["key"]
    store = PhaseStore(tmp_path / "second-phases")
    (tmp_path / "second-phases").mkdir()
    hold = "import sys, filelock\nwith filelock.FileLock(sys.argv[1]): print('held', flush=True); input()"
    held = subprocess.Popen(
        [sys.executable, "-c", hold, str(store.root / f".{key}.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert held.stdout is not None
    assert held.stdin is not None
    try:
        assert held.stdout.readline() == "held\n"
        with watched(monkeypatch) as watch:
            trained = threading.Thread(
                target=fit_tiny, args=("baseline", tiny_pair, tmp_path / "second"), kwargs={"steps": 1}
            )
            trained.start()
            while f"phase {key} is being trained by another process; waiting for it" not in capsys.readouterr().out:
                assert trained.is_alive()
                time.sleep(0.02)
            # meanwhile the other process finishes the phase
            (tmp_path / f"first-phases/{key}").rename(store.root / key)
            held.communicate("\n")
            trained.join(30)
    finally:
        held.kill()
        held.wait()
    assert watch.trained == [], "it was taken from the store, not trained a second time"
    assert (tmp_path / "second/weights.safetensors").is_file()
