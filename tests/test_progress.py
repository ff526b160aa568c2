"""The lines that a log gets."""

import re

import pytest

import headfreeze.progress as module
from headfreeze.progress import progress


class Clock:
    """Stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: False, raising=False)
    return clock


def left(capsys: pytest.CaptureFixture[str]) -> int:
    found = re.search(r"ETA (\d+) s", capsys.readouterr().err.splitlines()[-1])
    assert found
    return int(found[1])


def test_a_line_every_ten_seconds_and_one_at_the_end(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress("rooms", 100) as report:
        for count in range(1, 101):
            clock.now += 1.0
            report(count, "fast" if count % 2 else "")
    assert capsys.readouterr().err.splitlines() == [
        *(f"rooms: {count}/100, ETA {100 - count} s" for count in range(10, 100, 10)),
        "rooms: 100/100, took 100 s",
    ]


def test_what_was_there_at_the_start_makes_nobody_hope(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty of thirty phases were trained before, and are found in two seconds: from then on the ETA is right."""
    with progress("30 runs", 3000) as report:
        clock.now += 2.0
        report(2000, "")
        for _ in range(60):
            clock.now += 1.0
            report(2000 + round(clock.now - 1002.0) * 2, "")
            if clock.now == 1010.0:
                assert left(capsys) == (3000 - 2016) / 2
    assert left(capsys) == (3000 - 2116) / 2  # as of the line before the last two seconds


def test_slow_steps_are_estimated_by_the_last_one_done(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress("phase", 10, done=4) as report:
        for second in range(1, 201):
            clock.now += 1.0
            report(4 + second // 100, "")
    assert left(capsys) == 4 * 100
