"""TensorBoard shows what metrics.csv holds, after an interruption, too."""

import csv
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.runs import KilledError, fit_tiny, watched
from tests.worlds import TinyPair


def test_event_files_hold_every_number_of_the_history_at_its_step(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"steps": 4, "validate_every": 1, "checkpoint_every": 0.0, "tensorboard": True}
    with watched(monkeypatch, 1, saved_at=2, dies_at=4), pytest.raises(KilledError):
        fit_tiny("mtl-source", tiny_pair, tmp_path / "run", **settings)
    card = fit_tiny("mtl-source", tiny_pair, tmp_path / "run", **settings)
    events = EventAccumulator(str(tmp_path / f"run-phases/{card.phases[0]['key']}/tensorboard")).Reload()
    with (tmp_path / "run/metrics.csv").open() as f:
        rows = list(csv.DictReader(f))
    names = set(rows[0]) - {"step"}
    assert set(events.Tags()["scalars"]) == names
    for name in names:
        shown = {event.step: event.value for event in events.Scalars(name)}
        assert shown == pytest.approx({int(float(row["step"])): float(row[name]) for row in rows}, rel=1e-6)
