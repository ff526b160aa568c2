"""The command `headfreeze fit`, and the arguments of all commands and scripts that train.

What it needs is imported when it runs: `--help` does not wait for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from jsonargparse import Namespace

from headfreeze.arguments import Arguments
from headfreeze.command import Command
from headfreeze.errors import InputError
from headfreeze.first_process import is_first
from headfreeze.settings import Adversarial, Architecture, Pair, Settings, Training

_T = TypeVar("_T")

SaidBeside = Callable[[Path, str], str]
"""What a run just trained, and the device, let one say of its anchor by other runs in its folder; empty for nothing."""

EXAMPLE_PAIR = "--source rooms/source --target rooms/target --main normals --anchor segmentation"
"""Flags of a pair, for the examples in the help."""


def training_arguments(arguments: Arguments, own_workers: bool = False, own_anchor: bool = False) -> None:
    """Everything that says how to train, for commands and scripts that do.

    With `own_workers`, --workers is something else, and the processes that decode images are chosen; with `own_anchor`,
    the anchor comes from elsewhere.
    """
    arguments.add("--out", Path, "folder of what comes out")
    about = (
        "store of trained phases, shared by all commands that name it: a folder, or a URL such as s3://bucket/phases"
    )
    arguments.add("--phases", str | None, about, None)
    skipped = {Training: ("workers",) if own_workers else (), Pair: ("anchor",) if own_anchor else ()}
    for settings in (Pair, Architecture, Training, Adversarial):
        arguments.add_settings(settings, skip=skipped.get(settings, ()))


def settings_of(values: Namespace) -> Settings:
    """What `training_arguments` gave."""
    others = ("workers",) if "ray" in values else ()  # a comparison's workers are not those that decode images
    return Settings(
        part_of(Pair, values),
        part_of(Architecture, values),
        part_of(Training, values, skip=others),
        part_of(Adversarial, values),
    )


def how_to_train(values: Namespace) -> dict[str, Any]:
    """How to train, as `fit`, `compare` and `search` take it beside the pair: keyword arguments."""
    settings = settings_of(values)
    return {
        "architecture": settings.architecture,
        "training": settings.training,
        "adversarial": settings.adversarial,
        "phases": values.phases,
    }


def part_of(kind: type[_T], values: Namespace, skip: tuple[str, ...] = ()) -> _T:
    """The settings of one kind among the values; those to skip keep their defaults."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # a dataclass
    return kind(**{name: values[name] for name in names if name not in skip})


def store_of(values: Namespace) -> Path | str:
    """Where phases are to lie: as `fit`, `compare` and `search` choose it."""
    return values.phases or values.out.parent / "phases"


def training_problems(values: Namespace, recipes: Sequence[str]) -> list[str]:
    """What is wrong with how to train these recipes, a line each."""
    from headfreeze.training.session import Session

    try:
        return Session(settings_of(values), store_of(values)).problems(recipes)
    except InputError as error:  # no store can be there
        return [str(error)]


def _fit_arguments(arguments: Arguments) -> None:
    arguments.add("recipe", str, "what to train: a name that `headfreeze recipes` lists")
    training_arguments(arguments)


def _fit(values: Namespace, said_beside: SaidBeside) -> None:
    from headfreeze.training.fit import fit

    card = fit(
        values.recipe,
        part_of(Pair, values),
        values.out,
        **how_to_train(values),
    )
    if not is_first():
        return
    for number, phase in enumerate(card.phases, 1):
        losses = (f"{k.removeprefix('val_')} {v:.3f}" for k, v in phase["validation"].items() if k.startswith("val_"))
        print(
            f"phase {number}: {phase['steps']} steps at {phase['images_per_second']:.0f} images/s,"
            f" validation losses: {', '.join(losses) or 'no val split'}"
        )
        if turned := phase.get("source_pitch_deg"):
            print(f"  the source's cameras were turned {'up' if turned > 0 else 'down'} by {abs(turned):g}°")
        elif turned is not None:
            print("  the source's cameras were not turned: the anchor tells no difference to the target's")
        if "adversary" in phase:
            print(f"  {phase['adversary']['verdict']}")
    if said := said_beside(values.out, values.device):
        print(said)
    if "snapshots" in card.phases[-1]:
        print(f"snapshots: {values.out}/snapshots   to choose among them: headfreeze select {values.out}")
    print(f"run: {values.out}   next: headfreeze predict {values.out} IMAGES --out DIR")


def training_commands(said_beside: SaidBeside) -> dict[str, Command]:
    """The commands by name; what runs say beside each other is known further up, where runs are selected."""
    return {
        "fit": Command(
            "train one recipe on a source and a target",
            f"headfreeze fit headfreeze {EXAMPLE_PAIR} --out runs/rooms",
            _fit_arguments,
            lambda values: _fit(values, said_beside),
            lambda values: training_problems(values, [values.recipe]),
        ),
    }
