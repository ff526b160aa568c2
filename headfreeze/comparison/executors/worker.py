"""The process of a worker: jobs come in, pickled, on its standard input; results go out on its standard output.

It ends when its input does, whatever it is doing: nobody is there then to whom the result would go.
"""

import os
import pickle
import queue
import signal
import threading
from typing import Any, BinaryIO


def main() -> None:
    """Does jobs until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the one that gives the jobs decides
    jobs, results = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what is printed is for people
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs, waiting), daemon=True).start()
    while True:
        setup, job = waiting.get()
        from headfreeze.comparison.work import outcome  # here, where what it costs to import it is paid already

        pickle.dump(outcome(setup, job), results)
        results.flush()


def _listen(jobs: BinaryIO, waiting: "queue.SimpleQueue[Any]") -> None:
    while True:
        try:
            waiting.put(pickle.load(jobs))
        except Exception:  # its end, or half a job of a parent that was killed
            os._exit(0)


if __name__ == "__main__":
    main()
