"""Exported files, run by onnxruntime and torch.export, against `Predictor`; what they say of themselves; errors."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from headfreeze import __version__, cli
from headfreeze.errors import InputError
from headfreeze.inference.export import METADATA_FILE, Export, export
from headfreeze.inference.exported import ExportedRun
from headfreeze.inference.predictor import Predictor
from headfreeze.models.network import OutputSpec
from headfreeze.run import Run
from headfreeze.settings import Architecture, Pair
from headfreeze.training.fit import fit
from tests.own_networks import Plain
from tests.runs import TINY, fit_tiny, pair_of, training_of
from tests.training.test_keypoints import CONFIG as DOTS
from tests.training.test_keypoints import write as write_dots
from tests.worlds import CLASSES, TinyPair, draw_view


def photos(count: int, height: int, width: int) -> np.ndarray:
    """Views of the target, cut or enlarged to a size: (count, height, width, 3) uint8."""
    views = [draw_view("target", "test", k, max(height, width)).image[:height, :width] for k in range(count)]
    return (np.stack(views) * 255).astype(np.uint8)


def as_input(images: np.ndarray) -> np.ndarray:
    """By a user's own arithmetic, as docs/export.md has it."""
    return images.transpose(0, 3, 1, 2).astype(np.float32) / 255


def run_onnx(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": as_input(images)}), strict=True))


def run_module(run: Path, images: np.ndarray) -> dict[str, Tensor]:
    """The module alone, not exported: for what the containers have no part in."""
    loaded = Run(run, "cpu")
    tasks = [loaded.tasks[name] for name in loaded.trained]
    with torch.no_grad():
        values = ExportedRun(loaded, tasks, images.shape[1:3])(torch.from_numpy(as_input(images)))
    return {task.name: value for task, value in zip(tasks, values, strict=True)}


def assert_predicted(found: Mapping[str, np.ndarray | Tensor], run: Path, images: np.ndarray, atol: float) -> None:
    """Whether these are what the Predictor says, up to the share of pixels that lies between two classes."""
    predictor = Predictor(run, "cpu")
    for k, image in enumerate(images):
        labels = predictor(image)
        for name, values in found.items():
            value, label = torch.as_tensor(values[k]), labels[name].as_subclass(Tensor)
            if predictor.run.tasks[name].kind == "segmentation":
                assert value.sum(0).numpy() == pytest.approx(1, abs=1e-5), "probabilities"
                assert (value.argmax(0) != label[0]).float().mean() <= 0.01
            else:
                assert value.shape == label.shape
                torch.testing.assert_close(value, label, rtol=0, atol=atol, equal_nan=True)


@pytest.fixture(scope="module")
def normals_file(normals_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    return export(normals_run, tmp_path_factory.mktemp("export") / "model.onnx", anchors=True)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_batch_of_any_number_gives_what_the_predictor_does(
    count: int, normals_file: Export, normals_run: Path
) -> None:
    images = photos(count, 32, 32)
    found = run_onnx(normals_file.path, images)
    assert list(found) == ["normals", "segmentation"]
    assert found["normals"].dtype == found["segmentation"].dtype == np.float32
    assert np.linalg.norm(found["normals"], axis=1) == pytest.approx(1, abs=1e-5)
    assert_predicted(found, normals_run, images, atol=1e-4)


def test_a_file_says_what_it_takes_and_gives(normals_file: Export) -> None:
    session = onnxruntime.InferenceSession(normals_file.path, providers=["CPUExecutionProvider"])
    said = session.get_modelmeta().custom_metadata_map
    assert said == normals_file.metadata
    assert said["headfreeze_version"] == __version__
    assert (said["recipe"], said["training_size"], said["resize"]) == ("headfreeze", "32x32", "crop")
    assert (json.loads(said["main"]), json.loads(said["anchor"])) == (["normals"], ["segmentation"])
    taken, given = json.loads(said["input"]), json.loads(said["outputs"])
    assert (taken["name"], taken["type"], taken["shape"]) == ("image", "float32", ["batch", 3, 32, 32])
    assert "RGB in 0 … 1" in taken["meaning"]
    assert "x right, y up, z toward the viewer" in given["normals"]["meaning"]
    assert given["segmentation"]["classes"] == list(CLASSES)
    for value in (*session.get_inputs(), *session.get_outputs()):
        described = taken if value.name == "image" else given[value.name]
        assert value.shape[1:] == described["shape"][1:]
        assert isinstance(value.shape[0], str), "any number of images"
    assert 0 <= normals_file.difference["normals"] < 1e-5
    assert min(normals_file.milliseconds) > 0


@pytest.mark.slow
def test_images_of_another_size_are_resized_with_a_margin_inside_and_anchors_are_left_out(
    depth_run: Path, tmp_path: Path
) -> None:
    export(depth_run, tmp_path / "model.onnx", size="50x77")
    images = photos(3, 50, 77)
    found = run_onnx(tmp_path / "model.onnx", images)
    assert list(found) == ["depth"]
    assert_predicted(found, depth_run, images, atol=0.02)


@pytest.mark.slow
def test_a_timm_backbone_with_norms_of_each_domain_gives_the_targets(tiny_pair: TinyPair, tmp_path: Path) -> None:
    architecture = Architecture("resnet10t", pretrained=False, width=8, norm="per_domain")
    fit_tiny("mtl-both", tiny_pair, tmp_path / "run", architecture, steps=4)
    export(tmp_path / "run", tmp_path / "model.onnx")
    images = photos(2, 32, 32)
    found = run_onnx(tmp_path / "model.onnx", images)
    assert_predicted(found, tmp_path / "run", images, atol=1e-3)
    source = Run(tmp_path / "run", "cpu").outputs(images[0], "source").maps["normals"]
    target = Run(tmp_path / "run", "cpu").outputs(images[0], "target").maps["normals"]
    assert not torch.equal(source, target), "else the test could not fail"


@pytest.mark.parametrize("recipe", ["baseline", "mtl-both+adabn", "mtl-both+reading", "transfer"])
@pytest.mark.parametrize("size", [(32, 32), (45, 32), (70, 51), (20, 24)])
def test_the_module_of_every_recipe_gives_what_the_predictor_does(
    recipe: str, size: tuple[int, int], tiny_pair: TinyPair, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "modules" / recipe  # trained once for all sizes
    if not folder.exists():
        fit_tiny(recipe, tiny_pair, folder, steps=4)
    images = photos(2, *size)
    assert_predicted(run_module(folder, images), folder, images, atol=1e-4 if 32 in size else 0.1)


def test_points_come_in_pixels_of_the_images(tmp_path: Path) -> None:
    for domain in ("source", "target"):
        for split in ("train", "val"):
            for index in range(6):
                rng = np.random.default_rng(index)
                write_dots(tmp_path / domain / split, f"{index:03d}", rng, deep=domain == "source")
        (tmp_path / domain / "dataset.yaml").write_text(DOTS)
    pair = Pair(tmp_path / "source", tmp_path / "target", main="dots", anchor="parts", size=32)
    fit("baseline", pair, tmp_path / "run", architecture=TINY, training=training_of(steps=2))
    images = photos(2, 32, 40)  # with a margin, but not resized: equal heights of two peaks stay equal
    assert_predicted(run_module(tmp_path / "run", images), tmp_path / "run", images, atol=1e-2)


def test_the_command_writes_a_program_of_torch_where_the_name_says_so(
    normals_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.pt2"
    assert cli.run(["export", str(normals_run), str(path), "--size", "40x32"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert re.search(r"in   image +float32 \(batch, 3, 40, 32\)  RGB in 0 … 1", printed.out)
    assert re.search(r"out  normals +float32 \(batch, 3, 40, 32\)  unit vectors", printed.out)
    assert "segmentation" not in printed.out
    assert re.search(r"torch\.export \d+\.\d ms, headfreeze predict \d+\.\d ms", printed.out)
    assert f"{path}: " in printed.out
    extra = {METADATA_FILE: ""}
    program = torch.export.load(path, extra_files=extra)
    assert json.loads(json.loads(extra[METADATA_FILE])["input"])["shape"] == ["batch", 3, 40, 32]
    images = photos(3, 40, 32)
    (normals,) = program.module()(torch.from_numpy(as_input(images)))
    assert_predicted({"normals": normals}, normals_run, images, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("model.tflite", {}, r"model\.tflite: unknown suffix '\.tflite'; give a name that ends in \.onnx or \.pt2"),
        ("model", {}, r"model: unknown suffix ''; give a name"),
        ("there.onnx", {}, r"there\.onnx: exists already; choose another name, or set overwrite to replace it"),
        ("folder.onnx", {"overwrite": True}, r"folder\.onnx: is a folder; give the name of a file"),
        ("there.onnx/model.onnx", {}, r"there\.onnx: .*there\.onnx is a file, not a folder"),
        ("model.onnx", {"size": "0"}, "size is '0'; give PX or HxW in pixels, for example 480x640"),
        ("model.onnx", {"size": "4x5x6"}, "size is '4x5x6'; give PX or HxW"),
    ],
)
def test_what_cannot_be_written_is_said_and_nothing_is_made(
    name: str, settings: dict[str, object], message: str, normals_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "there.onnx").write_bytes(b"mine")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(InputError, match=message):
        export(normals_run, tmp_path / name, **settings)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.onnx", "there.onnx"]
    assert (tmp_path / "there.onnx").read_bytes() == b"mine"


def test_a_run_that_is_none_and_anchors_that_were_not_trained_are_named(tiny_pair: TinyPair, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: no run here \(no run.json\)"):
        export(tmp_path / "nowhere", tmp_path / "model.onnx")
    fit_tiny("baseline", tiny_pair, tmp_path / "run", steps=2)
    with pytest.raises(InputError, match="recipe baseline has trained no anchor; export without anchors"):
        export(tmp_path / "run", tmp_path / "model.onnx", anchors=True)
    card = json.loads((tmp_path / "run/run.json").read_text())
    (tmp_path / "run/run.json").write_text(json.dumps(card | {"recipe": "mine", "trained": ["segmentation"]}))
    with pytest.raises(InputError, match="recipe mine has trained no main task; export its anchors"):
        export(tmp_path / "run", tmp_path / "model.onnx")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_named(normals_run: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(InputError, match=r"no permission to write to .*closed"):
        export(normals_run, tmp_path / "closed/model.onnx")


def test_the_extra_is_named_where_it_is_missing(
    normals_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headfreeze.inference.export.find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(InputError, match=r"needs the packages onnxscript: pip install 'headfreeze\[export\]'"):
        export(normals_run, tmp_path / "model.onnx")


class Drawing(Plain):
    """Another answer at every call."""

    def given(self, body: Tensor) -> object:
        return super().given(body + 10 * torch.randn_like(body))


class Branching(Plain):
    """Looks at a value: nothing that can be exported."""

    def given(self, body: Tensor) -> object:
        return super().given(body if body.mean() > 0 else -body)


class Foreign(Plain):
    """Computes what ONNX does not know."""

    def given(self, body: Tensor) -> object:
        return super().given(torch.special.bessel_j0(body))


def foreign(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    return Foreign(outputs)


def drawing(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    return Drawing(outputs)


def branching(outputs: Mapping[str, OutputSpec]) -> nn.Module:
    return Branching(outputs)


@pytest.mark.parametrize(
    ("builder", "name", "message"),
    [
        pytest.param(
            *("foreign", "model.onnx", r"ONNX has no counterpart of .* \(.*bessel.*\); export it as \.pt2"),
            marks=pytest.mark.slow,
        ),
        ("drawing", "model.pt2", r"not written, for \d+\.\d% of its values of 'normals' are not what the run gives"),
        ("branching", "model.pt2", r"torch\.export cannot follow this network's code \(\w+: "),
    ],
)
def test_a_network_that_is_not_itself_in_a_file_replaces_nothing(
    builder: str,
    name: str,
    message: str,
    tiny_pair: TinyPair,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    own = Architecture(f"tests.inference.test_export:{builder}")
    fit("baseline", pair_of(tiny_pair), tmp_path / "run", architecture=own, training=training_of(steps=2))
    (tmp_path / name).write_bytes(b"an older one")
    names = sorted(p.name for p in tmp_path.iterdir())
    capfd.readouterr()
    with pytest.raises(InputError, match=message):
        export(tmp_path / "run", tmp_path / name, overwrite=True)
    assert capfd.readouterr() == ("", ""), "one line is enough; torch would print its graph"
    assert (tmp_path / name).read_bytes() == b"an older one"
    assert sorted(p.name for p in tmp_path.iterdir()) == names
