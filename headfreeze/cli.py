"""The command line: finds the command, runs it, says how it ended. A package's commands are in its `commands.py`."""

import os
import sys
import traceback
from pathlib import Path

from jsonargparse import Namespace

from headfreeze.annotate.commands import ANNOTATE
from headfreeze.arguments import Arguments
from headfreeze.command import Command
from headfreeze.comparison.commands import COMPARISON
from headfreeze.data.commands import DATA
from headfreeze.errors import ElsewhereError, InputError, raise_all, unknown
from headfreeze.evaluation.commands import EVALUATION
from headfreeze.first_process import is_first
from headfreeze.imports import import_module_here
from headfreeze.inference.commands import INFERENCE
from headfreeze.selection.commands import SELECTION
from headfreeze.synth.commands import SYNTH
from headfreeze.training.commands import training_commands
from headfreeze.tuning.commands import TUNING


def main() -> None:
    """Entry point: exit 0, 1 for a failure, 2 for bad usage or bad input."""
    # Threads that spin while they wait starve each other as soon as anything else runs; threads that sleep at once wake
    # slowly. On two cores: by default 420 images/s alone and 60 beside another process; asleep at once 350 alone; after
    # 10,000 turns 420 alone and 140 beside another process. GNU's OpenMP reads this once, when torch is loaded.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Runs a command line; gives the exit status."""
    debug = "--debug" in argv
    argv = [word for word in argv if word != "--debug"]
    try:
        return _dispatch_once_said(_with_imports(argv))
    except InputError as error:
        _complain(str(error), debug)
        return 2
    except KeyboardInterrupt:
        print("interrupted; trainings and landmarks go on where they stopped with the same command", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at exit is quiet
        return 1
    except Exception as error:
        _complain(f"{type(error).__name__}: {error}".rstrip(": "), debug, hint="; --debug shows where")
        return 1


def _with_imports(argv: list[str]) -> list[str]:
    """The command line without `--import MODULE`; each module is imported, to register what the user has written.

    Raises:
        InputError: there is no such module, or importing it fails.
    """
    kept: list[str] = []
    words = iter(argv)
    for word in words:
        flag, has_value, value = word.partition("=")
        if flag != "--import":
            kept.append(word)
            continue
        import_module_here(value if has_value else next(words, ""), "--import")
    return kept


def _complain(message: str, debug: bool, hint: str = "") -> None:
    if debug:
        traceback.print_exc()
    print(f"headfreeze: error: {' '.join(message.split())}{hint}", file=sys.stderr)


def _dispatch_once_said(argv: list[str]) -> int:
    """The first of several processes says what befalls all of them; the others end without a word."""
    try:
        return _dispatch(argv)
    except (InputError, ElsewhereError, FloatingPointError, KeyboardInterrupt):
        if is_first():
            raise
        return 0


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        print(_overview(COMMANDS))
        return 0
    if argv[0] == "--version":
        from headfreeze import __version__

        print(__version__)
        return 0
    for length in (2, 1):
        name = " ".join(argv[:length])
        if name in COMMANDS:
            return _run_command(name, COMMANDS[name], argv[length:])
    group = {name: command for name, command in COMMANDS.items() if name.startswith(f"{argv[0]} ")}
    if group and (len(argv) == 1 or argv[1] in ("-h", "--help")):
        print(_overview(group))
        return 0 if len(argv) > 1 else 2
    raise InputError(unknown("command", " ".join(argv[:2] if group else argv[:1]), COMMANDS))


def _run_command(name: str, command: Command, argv: list[str]) -> int:
    arguments = Arguments(f"headfreeze {name}", f"{command.about}\n\nexample: {command.example}")
    command.arguments(arguments)
    values, faults = arguments.parse(argv)
    if values is None:  # --help or --print_config has printed
        return 0
    if faults:
        raise_all(faults + command.problems(values))
    command.run(values)
    return 0


def _overview(commands: dict[str, Command]) -> str:
    width = max(map(len, commands))
    lines = [f"  headfreeze {name:<{width}}  {command.about}" for name, command in commands.items()]
    about = (
        "Synthetic labels, real photographs: adapt a dense-prediction network with an anchor task and a frozen head."
    )
    ending = (
        "`headfreeze COMMAND --help` explains one; --debug shows tracebacks; --import MODULE imports a module of your"
        " own first, such as one that registers a task."
    )
    return "\n".join([about, "", "commands:", *lines, "", ending])


def _said_beside(run: Path, device: str) -> str:
    """For `fit`: training knows nothing of the packages that are built on it."""
    from headfreeze.selection.beside import said_beside

    return said_beside(run, device)


def _recipes(_: Namespace) -> None:
    from headfreeze.recipes import table

    print(table())


def _demo_arguments(arguments: Arguments) -> None:
    arguments.add("--out", Path, "folder of what comes out", Path("runs/demo"))
    arguments.add("--steps", int, "budget of every recipe; 0 means the demo's own", 0)
    arguments.add_list("--seeds", int, "seeds", (0,))


def _demo(values: Namespace) -> None:
    from headfreeze.comparison.table import own_table, verdict
    from headfreeze.demo import demo

    results = demo(values.out, values.steps, values.seeds)
    print(f"{own_table(results)}\n\n{verdict(results)}\n\nReport, for a browser: {values.out / 'report.html'}")
    print(f"Predictions side by side: {values.out / 'figure.png'}; table beside the paper's: {values.out / 'table.md'}")


COMMANDS: dict[str, Command] = {
    "demo": Command(
        "rooms, six recipes, a table and a picture: minutes on two cores", "headfreeze demo", _demo_arguments, _demo
    ),
    **SYNTH,
    **ANNOTATE,
    **DATA,
    **training_commands(_said_beside),
    **COMPARISON,
    **TUNING,
    **SELECTION,
    **EVALUATION,
    **INFERENCE,
    "recipes": Command("list the recipes and the labels each sees", "headfreeze recipes", lambda _: None, _recipes),
}
