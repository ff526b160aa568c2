"""`--import MODULE`: what the user has written is known to a command."""

from pathlib import Path

import pytest

from headfreeze.cli import run
from headfreeze.tasks import TASKS


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/nowhere"])
    return tmp_path


@pytest.mark.parametrize("words", [["--import", "a_kind_of_mine"], ["--import=a_kind_of_mine"]])
def test_a_module_of_the_working_folder_is_imported_first(
    words: list[str], here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(TASKS, "kept", TASKS["depth"])
    (here / "a_kind_of_mine.py").write_text("from headfreeze.tasks import TASKS\nTASKS['mine'] = TASKS['depth']\n")
    monkeypatch.delitem(__import__("sys").modules, "a_kind_of_mine", raising=False)
    assert run([*words, "recipes"]) == 0
    assert "headfreeze" in capsys.readouterr().out
    assert TASKS.pop("mine") is TASKS["depth"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--import", "no_such_module"],
            "--import: there is no module no_such_module; call from the folder",
        ),
        (["--import", "a-b"], "--import: 'a-b' is no module's name"),
        (["recipes", "--import"], "--import: '' is no module's name"),
        (["--import", "broken_module"], "--import: importing broken_module failed (ValueError: spoilt)"),
    ],
)
def test_a_module_that_cannot_be_imported_is_bad_input(
    words: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "broken_module.py").write_text("raise ValueError('spoilt')\n")
    assert run(words) == 2
    assert message in capsys.readouterr().err
