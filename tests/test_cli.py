"""The command line: help, exit codes, one line for every fault, nothing half-written, commands for real."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from jsonargparse import Namespace

from headfreeze import __version__, cli
from headfreeze.errors import InputError
from headfreeze.run import RunCard
from tests.runs import same_bits, weights_of
from tests.worlds import COUNTS, TinyPair

Run = Callable[..., tuple[int, str, str]]
SMALL = ("--backbone", "tiny", "--width", "8", "--size", "32", "--batch_size", "2", "--steps", "2", "--device", "cpu")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: exit code, standard output, standard error."""

    def run_it(*words: object) -> tuple[int, str, str]:
        code = cli.run([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_it


def roots(tiny: TinyPair) -> tuple[str, ...]:
    return ("--source", str(tiny.source), "--target", str(tiny.target), "--main", "normals", "--anchor", "segmentation")


def fault(error: str) -> str:
    """The one line that a fault is, without its start."""
    assert error.count("\n") == 1, error
    assert error.startswith("headfreeze: error: "), error
    return error.removeprefix("headfreeze: error: ").rstrip("\n")


def test_help_and_the_list_of_recipes_are_there_at_once_and_import_no_torch() -> None:
    """Time of the processor, not of the clock: other things may run beside."""
    program = (
        "import sys, time\n"
        "from headfreeze import cli\n"
        "code = max(cli.run([*name.split(), '--help']) for name in ['', *cli.COMMANDS])\n"
        "code = max(code, cli.run(['recipes']), cli.run(['--version']))\n"
        "heavy = {'torch', 'timm', 'lightning', 'torchmetrics', 'cv2', 'scipy'} & set(sys.modules)\n"
        "print(code, sorted(heavy), time.process_time(), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    code, heavy, seconds = done.stderr.split(maxsplit=1)[0], *done.stderr.split(maxsplit=1)[1].rsplit(maxsplit=1)
    assert (code, heavy) == ("0", "[]")
    assert float(seconds) < 1.5, "twelve helps, one after the other"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_help_of_every_command_has_an_example_of_itself(name: str, run: Run) -> None:
    code, out, err = run(*name.split(), "--help")
    assert (code, err) == (0, "")
    assert f"example: headfreeze {name}" in out
    assert cli.COMMANDS[name].about in out
    assert "--config FILE" in out


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_example_of_every_command_is_understood(name: str) -> None:
    from headfreeze.arguments import Arguments

    command = cli.COMMANDS[name]
    arguments = Arguments(name, "")
    command.arguments(arguments)
    values, faults = arguments.parse(command.example.split()[1 + len(name.split()) :])
    assert faults == []
    assert values is not None


def test_every_module_of_commands_is_part_of_the_command_line() -> None:
    """So that what is said here of all commands, such as that their help imports no torch, is said of each module."""
    package = Path(cli.__file__).parent
    found = {".".join(path.relative_to(package.parent).with_suffix("").parts) for path in package.rglob("commands.py")}
    assert len(found) == 9
    assert {command.arguments.__module__ for command in cli.COMMANDS.values()} == found | {cli.__name__}


def test_without_a_command_all_of_them_are_listed(run: Run) -> None:
    for words in ((), ("--help",), ("-h",)):
        code, out, _ = run(*words)
        assert code == 0
        assert all(f"headfreeze {name}" in out for name in cli.COMMANDS)
    assert run("--version") == (0, f"{__version__}\n", "")
    code, out, _ = run("synth")
    assert code == 2
    assert "headfreeze synth rooms" in out
    assert "headfreeze fit" not in out
    assert run("synth", "--help")[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("fitt",), "unknown command 'fitt': did you mean 'fit'?"),
        (("synth", "room"), "unknown command 'synth room': did you mean 'synth rooms'?"),
        (("frobnicate",), "unknown command 'frobnicate': choose from"),
        (("fit",), "missing: RECIPE, --out, --source, --target, --main, --anchor (see --help)"),
        (("recipes", "all"), "unexpected argument 'all' (see --help)"),
        (("evaluate", "nowhere", "--data", "nowhere"), "nowhere: no such folder"),
        (("predict", "nowhere", "a.jpg", "--out", "out"), "nowhere: no run here (no run.json)"),
        (("demo", "--steps", "-4"), "steps is -4; give a budget of at least 2"),
        (("demo", "--steps", "x", "--seeds", "y"), "2 problems: (1) steps is 'x'; expected a whole number; (2) seeds"),
        (("data", "check", "nowhere"), "listed above; mend them and check again"),
        (("annotate", "edges", "nowhere"), "nowhere: no such folder"),
        (("annotate", "landmarks", "nowhere"), "nowhere: no such folder"),
        (("annotate", "lines", "nowhere"), "nowhere: no such folder"),
        (("annotate", "lines", ".", "--fov_deg", "200"), "fov_deg is 200.0; give the angle of view"),
        (("annotate", "depth", "nowhere"), "nowhere: no such folder"),
        (("annotate", "segmentation", "nowhere"), "nowhere: no such folder"),
        (("annotate", "normals", "nowhere"), "nowhere: no such folder"),
        (("annotate", "landmarks", ".", "--detector", "dlib"), "unknown detector 'dlib': choose from face-alignment"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(words: tuple[str, ...], message: str, run: Run, tmp_path: Path) -> None:
    code, _, err = run(*words)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_three_faults_of_three_kinds_are_in_one_line_and_nothing_is_made(
    tiny_pair: TinyPair, run: Run, tmp_path: Path
) -> None:
    out = ("--out", tmp_path / "run")
    code, _, err = run("fit", "headfreez", *roots(tiny_pair), *out, *SMALL, "--lr", "banana", "--size", "0")
    assert code == 2
    line = fault(err)
    assert line.startswith("3 problems: (1) lr is 'banana'; expected a number; (2) unknown recipe 'headfreez': did you")
    assert "(3) size is 0; the smallest training resolution is 16 pixels" in line
    code, _, err = run(
        "compare", *roots(tiny_pair), *out, *SMALL, "--seeds", "0,x", "--recipes", "oraclle", "--steps", "0"
    )
    assert code == 2
    line = fault(err)
    assert line.startswith("3 problems: (1) seeds is '0,x'; give values separated by commas")
    assert "unknown recipe 'oraclle': did you mean 'oracle'?" in line
    assert line.endswith("steps is 0; the least is 1")
    code, _, err = run("compare", *roots(tiny_pair), *out, *SMALL, "--lr", "banana", "--seeds", "0,0")
    assert code == 2
    assert fault(err).startswith("2 problems: (1) lr is 'banana'; expected a number; (2) seeds is 0,0; each may be na")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("fit", "baseline"), ("compare",), ("search", "baseline")])
@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ("{}/file/phases", "{0}/file/phases: {0}/file is a file, not a folder; choose another folder"),
        ("nosuch://bucket", "phases is 'nosuch://bucket': Protocol not known: nosuch; give a folder or a URL such as"),
    ],
)
def test_a_store_that_cannot_be_is_a_fault_among_others(
    command: tuple[str, ...], phases: str, message: str, tiny_pair: TinyPair, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    words = (*roots(tiny_pair), *SMALL, "--out", tmp_path / "run", "--lr", "banana")
    code, _, err = run(*command, *words, "--phases", phases.format(tmp_path))
    assert code == 2
    assert "lr is 'banana'; expected a number" in err
    assert message.format(tmp_path) in err


def test_a_failure_is_one_line_and_exit_1_and_debug_shows_where(tiny_pair: TinyPair, run: Run, tmp_path: Path) -> None:
    words = ("fit", "baseline", *roots(tiny_pair), "--out", tmp_path / "run", *SMALL, "--steps", "6")
    words = (*words, "--lr", "1e30", "--clip", "0", "--optimizer", "sgd", "--schedule", "constant")
    code, _, err = run(*words)
    assert code == 1
    line = fault(err.splitlines(keepends=True)[-1])
    assert line.startswith("FloatingPointError: the loss is not finite at step ")
    assert line.endswith("; lower lr, or set precision to 32; --debug shows where")
    assert "Traceback" not in err
    code, _, err = run("--debug", *words)
    assert code == 1
    assert "Traceback (most recent call last)" in err
    assert "in _book" in err
    code, _, err = run("evaluate", "nowhere", "--data", "nowhere", "--debug")
    assert code == 2
    assert "Traceback" in err


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (
            KeyboardInterrupt(),
            130,
            "interrupted; trainings and landmarks go on where they stopped with the same command\n",
        ),
        (InputError("a\nb  c"), 2, "headfreeze: error: a b c\n"),
        (RuntimeError("odd\nthing"), 1, "headfreeze: error: RuntimeError: odd thing; --debug shows where\n"),
        (MemoryError(), 1, "headfreeze: error: MemoryError; --debug shows where\n"),
    ],
)
def test_every_end_has_its_code_and_its_line(
    raised: BaseException, code: int, message: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Namespace) -> None:
        raise raised

    monkeypatch.setitem(cli.COMMANDS, "recipes", replace(cli.COMMANDS["recipes"], run=fail))
    assert run("recipes") == (code, "", message)


def test_a_reader_that_goes_away_is_no_error() -> None:
    program = "import sys; from headfreeze.cli import main; sys.argv = ['headfreeze', 'recipes']; main()"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() in (0, 1)


def test_flags_and_a_file_train_the_same_and_flags_win(tiny_pair: TinyPair, run: Run, tmp_path: Path) -> None:
    words = ("fit", "mtl-target", *roots(tiny_pair), *SMALL, "--seed", "3")
    code, printed, err = run(*words, "--out", tmp_path / "elsewhere", "--print_config")
    assert (code, err) == (0, "")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "fit.yaml").write_text(printed)
    settings = yaml.safe_load(printed)
    assert (settings["recipe"], settings["steps"], settings["seed"], settings["phases"]) == ("mtl-target", 2, 3, None)
    code, out, _ = run(*words, "--out", tmp_path / "a", "--phases", tmp_path / "phases-a")
    assert code == 0
    assert out.startswith("phase 1: 2 steps at ")
    assert f"next: headfreeze predict {tmp_path / 'a'}" in out
    assert run("fit", "--config", tmp_path / "fit.yaml", "--out", tmp_path / "b")[0] == 0
    assert same_bits(weights_of(tmp_path / "a"), weights_of(tmp_path / "b"))
    cards = [RunCard.read(tmp_path / name) for name in "ab"]
    assert cards[0].settings == cards[1].settings
    assert not (tmp_path / "elsewhere").exists()


def test_compare_evaluate_and_predict_from_the_command_line(tiny_pair: TinyPair, run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("seeds: 0\nrecipes: [baseline, mtl-both]\nsteps: 2\n")
    words = ("compare", *roots(tiny_pair), *SMALL, "--config", tmp_path / "c.yaml", "--out", tmp_path / "out")
    code, out, _ = run(*words)
    assert code == 0
    assert "| baseline" in out
    assert "| mtl-both" in out
    folder = tmp_path / "out/runs/mtl-both-seed0"
    code, out, _ = run("evaluate", folder, "--data", tiny_pair.target, "--split", "val", "--device", "cpu")
    assert code == 0
    assert [line.split(":")[0] for line in out.splitlines()] == ["normals", "segmentation"]
    assert (folder / "evaluation/target-val/metrics.json").is_file()
    code, out, _ = run("predict", folder, tiny_pair.target / "test/image", "--out", tmp_path / "p", "--device", "cpu")
    assert code == 0
    assert out == f"{COUNTS['test']} images predicted; labels and pictures are in {tmp_path / 'p'}\n"
    code, out, _ = run("evaluate", tmp_path / "p", "--data", tiny_pair.target)
    assert code == 0
    assert json.loads((tmp_path / "p/metrics.json").read_text()).keys() == {"normals", "segmentation"}


def test_a_yes_or_no_flag_may_stand_before_an_argument(tiny_pair: TinyPair, run: Run, tmp_path: Path) -> None:
    copy = tiny_pair.copy(tmp_path)
    assert run("annotate", "edges", copy.target)[0] == 0
    for words, code in ((("--overwrite",), 0), (("--overwrite=yes",), 0), (("--overwrite", "false"), 2), ((), 2)):
        assert run("annotate", "edges", *words, copy.target)[0] == code


def test_seeds_and_recipes_are_lists_or_single_values(
    tiny_pair: TinyPair, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[list[str], list[int]]] = []
    command = replace(cli.COMMANDS["compare"], run=lambda v: seen.append((v.recipes, v.seeds)))
    monkeypatch.setitem(cli.COMMANDS, "compare", command)
    usual = ["baseline", "mtl-both", "mtl-finetune", "headfreeze", "oracle"]
    for words, file, expected in (
        ((), "", (usual, [0, 1, 2])),
        (("--seeds", "0"), "", (usual, [0])),
        (("--seeds=4,5", "--recipes", "oracle"), "", (["oracle"], [4, 5])),
        ((), "seeds: [7, 8]\nrecipes: [oracle, baseline]", (["oracle", "baseline"], [7, 8])),
        ((), "seeds: 7\nrecipes: oracle", (["oracle"], [7])),
        ((), "seeds: 7,8\nrecipes: oracle,baseline", (["oracle", "baseline"], [7, 8])),
        (("--seeds", "1"), "seeds: [7, 8]", (usual, [1])),
    ):
        (tmp_path / "c.yaml").write_text(file)
        assert (
            run("compare", *roots(tiny_pair), "--out", tmp_path / "o", "--config", tmp_path / "c.yaml", *words)[0] == 0
        )
        assert seen.pop() == expected
