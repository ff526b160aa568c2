"""The models out of the wheel: fetched once, verified, and one line that says what to do where they cannot be had."""

import shutil
import zipfile
from pathlib import Path

import pytest

from headfreeze.annotate import face_models as module
from headfreeze.errors import InputError

NAMES = ("face_detection_short_range.tflite", "face_landmark.tflite")
FOLDERS = ("mediapipe/modules/face_detection", "mediapipe/modules/face_landmark")


def pretend_wheel(models: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """pip "downloads" a wheel with these models; gives the folders it was asked to put them in, as they come."""
    asked: list[Path] = []

    def download(folder: Path) -> str:
        asked.append(folder)
        with zipfile.ZipFile(folder / "mediapipe.whl", "w") as wheel:
            for name, place in zip(NAMES, FOLDERS, strict=True):
                wheel.write(models / name, f"{place}/{name}")
        return ""

    monkeypatch.setattr(module, "_download", download)
    return asked


def test_what_is_there_is_verified_and_fetched_once(
    face_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = pretend_wheel(face_models, monkeypatch)
    folder = module.face_models(tmp_path / "a/models")
    assert folder == tmp_path / "a/models"
    assert "fetching the models of mediapipe==0.10.21 from PyPI (36 MB, once)" in capsys.readouterr().err
    assert [(folder / name).read_bytes() for name in NAMES] == [(face_models / name).read_bytes() for name in NAMES]
    module.face_models(folder)
    assert len(asked) == 1
    (folder / NAMES[1]).write_bytes(b"damaged")
    module.face_models(folder)
    assert len(asked) == 2
    assert (folder / NAMES[1]).read_bytes() == (face_models / NAMES[1]).read_bytes()


def test_other_models_are_refused(face_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forged = tmp_path / "forged"
    forged.mkdir()
    shutil.copy(face_models / NAMES[0], forged)
    (forged / NAMES[1]).write_bytes(b"other")
    pretend_wheel(forged, monkeypatch)
    with pytest.raises(InputError, match=r"face_landmark\.tflite: not the model of mediapipe==0\.10\.21 \(another che"):
        module.face_models(tmp_path / "models")


def test_without_a_connection_one_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_NO_CACHE_DIR": "1",
    }.items():
        monkeypatch.setenv(name, value)
    message = (
        r"the models of mediapipe==0\.10\.21 cannot be fetched \(.*No matching distribution.*\): run this once where"
        rf" PyPI can be reached, or copy {NAMES[0]} and {NAMES[1]} from mediapipe/modules in its wheel to .*/models"
    )
    with pytest.raises(InputError, match=message) as error:
        module.face_models(tmp_path / "models")
    assert "\n" not in str(error.value)


def test_without_pip_the_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"cannot be fetched \(pip is missing; .*python.* -m ensurepip installs it\)"):
        module.face_models(tmp_path / "models")


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/models: .*/file is a file, not a folder"):
        module.face_models(tmp_path / "file/models")
