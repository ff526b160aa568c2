"""Snapshots: the network as it was at equal distances within the last phase, to choose among afterwards.

RUN/snapshots/step-000600/   a run of its own: whatever reads a run reads it; the last one is RUN itself once more
"""

import shutil
from dataclasses import replace
from pathlib import Path

from headfreeze.errors import InputError
from headfreeze.run import RunCard
from headfreeze.training.store import PhaseFolder, snapshot_name

FOLDER = "snapshots"


def steps_before_the_end(steps: int, count: int) -> tuple[int, ...]:
    """After which of a phase's steps the network is kept, for `count` states with the one after the last step."""
    return tuple(steps * number // count for number in range(1, count))


def write_snapshots(card: RunCard, last: PhaseFolder, run: Path) -> None:
    """Writes the snapshots of a run, each as a run; none where the run has none.

    The card of each says what was found after its step, counted from the beginning of the last phase. It has a key of
    its own, so that what is kept of one network, such as scores, is not taken for another's.

    Args:
        card: of the run.
        last: the folder of its last phase, which is finished.
        run: the folder of the run.

    Raises:
        InputError: the phase's folder has lost a snapshot.
    """
    *before, phase = card.phases
    if "snapshots" not in phase:
        return
    end = {name: value for name, value in phase.items() if name != "snapshots"}
    states = [
        (found | {"key": f"{phase['key']}-{found['steps']}"}, last.snapshot_path(found["steps"]))
        for found in phase["snapshots"]
    ]
    for found, weights in [*states, (end, last.weights_path)]:
        if not weights.is_file():
            raise InputError(f"{weights}: not there any more; remove {last.path} to train this phase again")
        folder = run / FOLDER / snapshot_name(found["steps"])
        folder.mkdir(parents=True)
        shutil.copyfile(weights, folder / "weights.safetensors")
        replace(card, phases=[*before, found]).write(folder)
