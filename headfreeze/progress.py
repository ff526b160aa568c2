"""Progress for people: a bar with an ETA on a terminal, a line every few seconds elsewhere (logs of a cluster)."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

Report = Callable[[int, str], None]
"""Called with how much is done and a short text about it."""

_SECONDS_BETWEEN_LINES = 10.0
_RECENT_SECONDS = 30.0
"""By what was done in them the rest is estimated: what a comparison finds done at its start took no time."""

_hushed = False


def silent(count: int, text: str) -> None:  # a Report
    """The report that nobody sees."""


def hush() -> None:
    """From here on this process shows nothing: another one speaks for it."""
    global _hushed
    _hushed = True


@contextmanager
def progress(what: str, total: int, done: int = 0) -> Iterator[Report]:
    """Shows how `total` things get done, `done` of them at the start; the block calls what it gets after each."""
    if _hushed:
        yield silent
    elif sys.stderr.isatty():
        with _bar(what, total, done) as report:
            yield report
    else:
        yield _lines(what, total, done)


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """The same for work that says how much there is only when it begins: the block hands on (done, total)."""
    with ExitStack() as stack:
        reports: list[Report] = []

        def report(done: int, total: int) -> None:
            if not reports:
                reports.append(stack.enter_context(progress(what, total)))
            reports[0](done, "")

        yield report


@contextmanager
def _bar(what: str, total: int, done: int) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as bar:
        task = bar.add_task(what, total=total, completed=done, text="")
        yield lambda count, text: bar.update(task, completed=count, text=text)


def _lines(what: str, total: int, done: int) -> Report:
    start = last = time.monotonic()
    seen = deque([(start, done)])

    def report(count: int, text: str) -> None:
        nonlocal last
        now = time.monotonic()
        if len(seen) == 1 and count > done:  # the first ones may have been there, or taken long
            seen.append((now, count))
        if count < total and now - last < _SECONDS_BETWEEN_LINES:
            return
        last = now
        while len(seen) > 1 and count > seen[1][1] and (seen[0][0] == start or now - seen[1][0] >= _RECENT_SECONDS):
            seen.popleft()
        then, before = seen[0]
        left = (now - then) / max(count - before, 1) * (total - count)
        if count > seen[-1][1]:
            seen.append((now, count))
        ending = f"took {now - start:.0f} s" if count >= total else f"ETA {left:.0f} s"
        print(f"{what}: {count}/{total}, {ending}{', ' if text else ''}{text}", file=sys.stderr, flush=True)

    return report
