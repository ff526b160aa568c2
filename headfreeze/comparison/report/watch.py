"""A report that is written again as runs come in, with a line of progress each time."""

import time
from collections.abc import Iterator
from pathlib import Path

from headfreeze.comparison.card import ComparisonCard
from headfreeze.comparison.report.progress import read_progress
from headfreeze.comparison.report.write import write_report
from headfreeze.evaluation.kept import EVALUATED

_SECONDS_BETWEEN_LOOKS = 2.0
_SECONDS_BETWEEN_STEPS = 30.0
"""Steps alone are no news: between two runs, the report is written as often as this at most."""
_OVER = ("done", "failed")


def watch_report(folder: Path, look_every: float = _SECONDS_BETWEEN_LOOKS) -> Iterator[str]:
    """Gives a line each time that the report was written: at once, for every new run, and now and then in between.

    Ends when the comparison is done or has failed.

    Raises:
        InputError: no comparison lies there, or one of its files is damaged.
    """
    seen: tuple[object, object] | None = None
    last = 0.0
    while True:
        runs, steps = _changes(folder, "runs"), _changes(folder, "progress.json")
        waited = time.monotonic() - last > _SECONDS_BETWEEN_STEPS
        if seen is None or runs != seen[0] or (steps != seen[1] and waited):
            progress = read_progress(write_report(folder))
            seen, last = (runs, steps), time.monotonic()
            yield progress.line
            if progress.state in _OVER:
                return
        time.sleep(look_every)


def _changes(folder: Path, what: str) -> list[tuple[str, int]]:
    """What differs when a run is evaluated, or when the comparison has something to say."""
    card = ComparisonCard.read(folder)
    evaluated = [run / "evaluation" / card.evaluation / EVALUATED for _, _, run in card.runs(folder)]
    files = [folder / "comparison.json", *evaluated] if what == "runs" else [folder / what]
    return [(str(path), path.stat().st_mtime_ns) for path in files if path.is_file()]
