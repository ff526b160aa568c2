"""Flags, files and their faults: every value where it belongs, every fault in words, all of them at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headfreeze.arguments import Arguments
from headfreeze.errors import InputError


@dataclass
class Oven:
    """How to bake.

    Args:
        degrees: temperature in °C.
        mode: where the heat comes from.
        fan: blow.
        tin: what it is baked in.
    """

    tin: Path
    degrees: float = 180.0
    mode: Literal["top", "bottom"] = "top"
    fan: bool = False
    minutes: int = 40


def arguments() -> Arguments:
    made = Arguments("bake", "bakes\n\nexample: bake cake")
    made.add("cake", str, "what to bake")
    made.add("guests", list[Path], "who gets it")
    made.add("--note", Path | None, "where to write it down", None)
    made.add_list("--layers", int, "sizes", (3, 2))
    made.add_settings(Oven)
    return made


def parsed(*argv: str) -> dict[str, Any]:
    values, faults = arguments().parse([*argv])
    assert values is not None
    assert faults == []
    return {**vars(values)}


def faults_of(*argv: str) -> str:
    """What is wrong, whether or not anything is left to check further."""
    try:
        _, faults = arguments().parse([*argv])
    except InputError as error:
        return str(error)
    return "; ".join(faults)


WHOLE = ("torte", "anna", "ben", "--tin", "round")
USUAL = {
    "cake": "torte", "guests": [Path("anna"), Path("ben")], "note": None, "layers": [3, 2],
    "tin": Path("round"), "degrees": 180.0, "mode": "top", "fan": False, "minutes": 40,
}  # fmt: skip


def test_what_is_not_said_has_its_default() -> None:
    assert parsed(*WHOLE) == USUAL


@pytest.mark.parametrize(
    ("argv", "changed"),
    [
        (("--degrees", "200"), {"degrees": 200.0}),
        (("--degrees=-3.5e1",), {"degrees": -35.0}),
        (("--degrees", "-35"), {"degrees": -35.0}),
        (("--minutes", "5", "--minutes", "6"), {"minutes": 6}),  # the last one counts
        (("--mode", "bottom"), {"mode": "bottom"}),
        (("--fan",), {"fan": True}),
        (("--fan", "--minutes", "1"), {"fan": True, "minutes": 1}),
        (("--fan", "true"), {"fan": True}),
        (("--fan", "yes"), {"fan": True}),
        (("--fan=false",), {"fan": False}),
        (("--fan", "no"), {"fan": False}),
        (("--note", "-x"), {"note": Path("-x")}),
        (("--note", "a=b"), {"note": Path("a=b")}),
        (("--layers", "5"), {"layers": [5]}),
        (("--layers", "5,4, 3,"), {"layers": [5, 4, 3]}),
        (("--layers", "-1,2"), {"layers": [-1, 2]}),
        (("--layers="), {"layers": []}),
    ],
)
def test_a_flag_sets_its_value(argv: tuple[str, ...] | str, changed: dict[str, Any]) -> None:
    words = (argv,) if isinstance(argv, str) else argv
    assert parsed(*WHOLE, *words) == USUAL | changed


@pytest.mark.parametrize(
    "argv",
    [
        ("--tin", "round", "torte", "anna", "ben"),
        ("torte", "--tin", "round", "anna", "ben"),
        ("torte", "anna", "--tin=round", "ben"),
        ("--fan", "torte", "anna", "ben", "--tin", "round", "--fan", "false"),
    ],
)
def test_flags_and_arguments_stand_in_any_order(argv: tuple[str, ...]) -> None:
    assert parsed(*argv) == USUAL


FILE = {"cake": "bun", "guests": ["carl"], "tin": "flat", "layers": [1, 1], "fan": True, "degrees": 150}


def test_a_file_says_the_same_as_flags_and_flags_win_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "bake.yaml"
    path.write_text(yaml.safe_dump(FILE))
    expected = USUAL | FILE | {"guests": [Path("carl")], "tin": Path("flat")}
    assert parsed("--config", str(path)) == expected
    assert parsed(f"--config={path}", "--degrees", "170", "--fan", "no") == expected | {"degrees": 170.0, "fan": False}
    assert parsed("roll", "--degrees", "170", "--config", str(path)) == expected | {"cake": "roll", "degrees": 170.0}


def test_a_later_file_wins_over_an_earlier_one_and_an_empty_one_says_nothing(tmp_path: Path) -> None:
    for name, text in (("a", yaml.safe_dump(FILE)), ("b", "degrees: 90\n"), ("c", "# nothing yet\n")):
        (tmp_path / name).write_text(text)
    values = parsed(*(word for name in "abc" for word in ("--config", str(tmp_path / name))))
    assert (values["cake"], values["degrees"]) == ("bun", 90.0)


def test_null_in_a_file_means_that_nothing_was_chosen(tmp_path: Path) -> None:
    path = tmp_path / "bake.yaml"
    path.write_text("note: null\ncake: null\n")
    assert parsed(*WHOLE, "--config", str(path)) == USUAL
    path.write_text("degrees: null\nlayers: null\n")
    assert faults_of(*WHOLE, "--config", str(path)) == (
        "degrees is 'null'; expected a number; layers is 'null'; give values separated by commas, such as 0,1,2"
    )


def test_the_printed_settings_are_a_file_that_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = (*WHOLE, "--layers", "7,8", "--fan", "--degrees", "1e2", "--note", "n.txt")
    assert arguments().parse([*said, "--print_config"]) == (None, [])
    path = tmp_path / "printed.yaml"
    path.write_text(capsys.readouterr().out)
    assert parsed("--config", str(path)) == parsed(*said)
    assert arguments().parse(["--config", str(path), "--print_config"]) == (None, [])
    assert capsys.readouterr().out == path.read_text()


def test_settings_are_printed_before_the_required_ones_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert arguments().parse(["--print_config", "--minutes", "5"]) == (None, [])
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed == {**USUAL, "cake": None, "guests": None, "tin": None, "minutes": 5}
    with pytest.raises(InputError, match="minutes is 'five'; expected a whole number"):
        arguments().parse(["--print_config", "--minutes", "five"])


@pytest.mark.parametrize("argv", [("-h",), ("--help",), ("--minutes", "five", "--help"), ("--nonsense", "--help")])
def test_help_is_given_whatever_else_is_said(argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert arguments().parse(argv) == (None, [])
    shown = capsys.readouterr().out
    assert "example: bake cake" in shown
    assert "temperature in °C" in shown
    assert "--layers+" not in shown


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--degrees", "hot"), "degrees is 'hot'; expected a number"),
        (("--degrees="), "degrees is ''; expected a number"),
        (("--degrees",), "degrees needs a value; expected a number"),
        (("--degrees", "--fan"), "degrees needs a value; expected a number"),
        (("--minutes", "1.5"), "minutes is '1.5'; expected a whole number"),
        (("--minutes", "1e3"), "minutes is '1e3'; expected a whole number"),
        (("--mode", "side"), "mode is 'side'; expected one of top, bottom"),
        (("--fan=maybe",), "fan is 'maybe'; expected true or false"),
        (("--note", ""), "note is ''; expected a path"),
        (("--tin", ""), "tin is ''; expected a path"),
        (("--layers", "1,two"), "layers is '1,two'; give values separated by commas, such as 0,1,2"),
        (("--layers", "0.5"), "layers is '0.5'; give values separated by commas, such as 0,1,2"),
        (("--degres", "5"), "unknown setting 'degres': did you mean 'degrees'?"),
        (("--degree", "5"), "unknown setting 'degree': did you mean 'degrees'?"),
        (("--degres",), "unknown setting 'degres': did you mean 'degrees'?"),
        (("--zzz", "5"), "unknown setting 'zzz' (see --help)"),
        (("--oven.degrees", "5"), "unknown setting 'oven.degrees': did you mean 'degrees'?"),
        (("-d", "5"), "unknown flag '-d': flags begin with two dashes (see --help)"),
        (("--",), "unexpected argument '--' (see --help)"),
        (("--config",), "config needs a value; expected a YAML file"),
        (("--config", "nowhere.yaml"), "config is 'nowhere.yaml'; no such file"),
        (("--config", "/"), "config is '/'; is a directory"),
    ],
)
def test_a_fault_is_said_in_words(argv: tuple[str, ...] | str, message: str) -> None:
    words = (argv,) if isinstance(argv, str) else argv
    assert faults_of(*WHOLE, *words) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("degrees: {a: 1}", "degrees is '{'a': 1}'; expected a number"),
        ("degrees: [1]", "degrees is '[1]'; expected a number"),
        ("minutes: true", "minutes is 'True'; expected a whole number"),
        ("fan: 1", "fan is '1'; expected true or false"),
        ("guests: anna", "guests is 'anna'; expected a list, each a path"),
        ("guests: [1, {a: 2}]", "guests is '[1, {'a': 2}]'; expected a list, each a path"),
        ("layers: [1, x]", "layers is '[1, 'x']'; give values separated by commas, such as 0,1,2"),
        ("oven: {degrees: 5}", "unknown setting 'oven' (see --help)"),
        ("1: 2", "unknown setting '1' (see --help)"),
        ("config: other.yaml", "unknown setting 'config' (see --help)"),
        ("[1, 2]", "no settings by name; write lines such as 'steps: 1000'"),
        ("hello", "no settings by name; write lines such as 'steps: 1000'"),
        ("degrees: [1", "not valid YAML (while parsing a flow sequence"),
        ("a: !!python/object:os.system {}", "not valid YAML (could not determine a constructor"),
        ("\x00", "not valid YAML ("),
    ],
)
def test_a_fault_in_a_file_is_said_in_words(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bake.yaml"
    path.write_text(text)
    said = ("torte", "--tin", "round") if "guests" in text else WHOLE
    found = faults_of(*said, "--config", str(path))
    assert message in found
    assert "\n" not in found


def test_all_faults_and_all_that_is_missing_are_in_one_message() -> None:
    assert faults_of("--minutes", "five", "--moode", "top", "--fan=maybe") == (
        "4 problems: (1) minutes is 'five'; expected a whole number; (2) unknown setting 'moode': did you mean 'mode'?;"
        " (3) fan is 'maybe'; expected true or false; (4) missing: CAKE, GUESTS, --tin (see --help)"
    )


def test_with_faults_the_other_values_are_there_to_be_checked() -> None:
    values, faults = arguments().parse([*WHOLE, "--minutes", "five", "--degrees", "-3"])
    assert faults == ["minutes is 'five'; expected a whole number"]
    assert values is not None
    assert (values.degrees, values.minutes) == (-3.0, 40)


def test_too_many_arguments_are_named() -> None:
    made = Arguments("bake", "bakes")
    made.add("cake", str, "what to bake")
    _, faults = made.parse(["torte", "pie", "--x"])
    assert faults == ["unexpected argument 'pie' (see --help)", "unknown setting 'x' (see --help)"]


@given(
    st.lists(st.one_of(st.text(max_size=8), st.sampled_from(["--tin", "--fan", "--layers", "--degrees=", "-1", "--"])))
)
def test_whatever_is_typed_is_either_understood_or_said_to_be_wrong_in_one_line(words: list[str]) -> None:
    if {"-h", "--help"} & set(words) or any(w.startswith(("--config", "--print_config")) for w in words):
        return
    try:
        values, _ = arguments().parse(words)
    except InputError:
        return
    assert values is not None
