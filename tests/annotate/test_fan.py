"""FAN through both generations of its package's interface, imitated: the package itself needs its weights."""

import importlib
import sys
import urllib.error
import warnings
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from headfreeze.annotate.fan import Fan
from headfreeze.errors import InputError

URL = "https://example.org/weights"
CPU = torch.device("cpu")
IMAGE = np.zeros((40, 50, 3), np.uint8)


class OldKinds(IntEnum):
    _2D = 1
    _2halfD = 2
    _3D = 3


class NewKinds(IntEnum):
    TWO_D = 1
    TWO_HALF_D = 2
    THREE_D = 3


class Model:
    """What both generations share; `faces` is what the next image has."""

    faces: list[np.ndarray] | None = None
    error: Exception | None = None

    def __init__(self, landmarks_type: IntEnum, device: str, compiled: bool) -> None:
        if Model.error:
            raise Model.error
        self.landmarks_type, self.device, self.compiled = int(landmarks_type), device, compiled

    def get_landmarks_from_image(self, _: np.ndarray) -> list[np.ndarray] | None:
        if not Model.faces:
            warnings.warn("No faces were detected.", stacklevel=1)
            return None
        return [face[:, : 3 if self.landmarks_type == 3 else 2] for face in Model.faces]


class OldModel(Model):
    def __init__(self, landmarks_type: IntEnum, device: str = "cuda") -> None:
        super().__init__(landmarks_type, device, False)


class NewModel(Model):
    def __init__(self, landmarks_type: IntEnum, device: str = "cuda", compile: bool = True) -> None:
        super().__init__(landmarks_type, device, compile)


def module(monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> None:
    made = ModuleType(name)
    vars(made).update(content)
    monkeypatch.setitem(sys.modules, name, made)


@pytest.fixture(params=["old", "new"])
def package(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A stand-in for face-alignment up to 1.3.4, or for 1.5.0."""
    monkeypatch.setattr(Model, "faces", None)
    monkeypatch.setattr(Model, "error", None)
    networks = {name: f"{URL}/{name}.zip" for name in ("2DFAN-4", "3DFAN-4", "depth")}
    old = request.param == "old"
    api = {"default_model_urls": networks, "models_urls": {"1.6": {}}} if old else {"models_urls": networks}
    module(monkeypatch, "face_alignment.api", **api)
    module(monkeypatch, "face_alignment.detection")
    module(monkeypatch, "face_alignment.detection.sfd")
    detector = "face_alignment.detection.sfd.sfd_detector"
    module(monkeypatch, detector, models_urls={"s3fd": f"{URL}/s3fd.pth"})
    sys.modules["face_alignment.detection.sfd"].__dict__["sfd_detector"] = sys.modules[detector]
    content = {"LandmarksType": OldKinds, "FaceAlignment": OldModel}
    if not old:
        content = {"LandmarksType": NewKinds, "FaceAlignment": NewModel}
    module(monkeypatch, "face_alignment", api=sys.modules["face_alignment.api"], **content)
    return str(request.param)


def whole_pixels() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.concatenate([rng.integers(0, 40, (68, 2)), rng.normal(30, 20, (68, 1))], 1).astype(np.float32)


def test_three_dimensions_become_ours(package: str) -> None:
    face = whole_pixels()
    Model.faces = [face, face + 100]
    detected = Fan(3, CPU)(IMAGE)
    assert len(detected) == 2
    assert detected[0].shape == (68, 4)
    assert detected[0].dtype == np.float32
    np.testing.assert_allclose(detected[0][:, :2], face[:, :2] + 0.5)  # the middle of the pixel
    np.testing.assert_allclose(detected[0][:, 2], face[:, 2] - face[:, 2].mean(), atol=1e-4)
    assert (detected[0][:, 3] == 1).all()


def test_two_dimensions_have_no_depth(package: str) -> None:
    face = whole_pixels()
    Model.faces = [face]
    (detected,) = Fan(2, CPU)(IMAGE)
    np.testing.assert_allclose(detected, face[:, :2] + 0.5)


def test_no_face_is_an_empty_list_without_a_warning(package: str) -> None:
    assert Fan(3, CPU)(IMAGE) == []


def test_nothing_is_compiled_and_the_device_is_handed_on(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Fan(2, torch.device("cuda:1"))._model
    assert (made.landmarks_type, made.device, made.compiled) == (1, "cuda:1", False)
    assert Fan(3, CPU)._model.landmarks_type == 3


def test_missing_weights_are_named(package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    Model.error = urllib.error.URLError("Name or service not known")
    folder = tmp_path / "hub/checkpoints"
    expected = (
        r"face-alignment's weights cannot be downloaded \(.*Name or service not known.*\): fetch"
        rf" {URL}/s3fd\.pth and {URL}/2DFAN-4\.zip elsewhere and put them into {folder}, or choose the detector"
    )
    with pytest.raises(InputError, match=expected):
        Fan(2, CPU)
    folder.mkdir(parents=True)
    (folder / "s3fd.pth").touch()
    (folder / "3DFAN-4.zip").touch()
    with pytest.raises(InputError, match=rf"fetch {URL}/depth\.zip elsewhere and put it into {folder}"):
        Fan(3, CPU)
    (folder / "depth.zip").touch()
    with pytest.raises(
        InputError, match=rf"cannot load its weights from {folder} \(.*\): remove them there, and try ag"
    ):
        Fan(3, CPU)


def test_without_the_package_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "face_alignment", None)
    with pytest.raises(ImportError):
        importlib.import_module("face_alignment")
    with pytest.raises(
        InputError, match=r"face-alignment needs its package \(.*\): pip install face-alignment, or choose"
    ):
        Fan(3, CPU)
