import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from headfreeze.annotate.dense import (
    annotate_depth,
    annotate_normals,
    annotate_segmentation,
    gives_metres,
    shares_of_median,
)
from headfreeze.cli import run
from headfreeze.data.folder import open_dataset
from headfreeze.data.normals_from_depth import normals_from_depth
from headfreeze.errors import InputError
from tests.annotate.small_models import depth_model, segmentation_model

HEIGHT, WIDTH = 48, 64


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models `metric`, `relative` and `classes`. Read only: copy one to damage it."""
    transformers.logging.disable_progress_bar()
    folder = tmp_path_factory.mktemp("models")
    depth_model(folder / "metric", "metric")
    depth_model(folder / "relative", "relative")
    segmentation_model(folder / "classes")
    return folder


def picture(number: int) -> np.ndarray:
    rng = np.random.default_rng(number)
    small = Image.fromarray(rng.integers(0, 255, (6, 8, 3)).astype(np.uint8))
    return np.asarray(small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split, key, number in (("train", "a", 0), ("train", "b", 1), ("val", "walk/c", 2)):
        path = tmp_path / "photos" / split / "image" / f"{key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(number)).save(path)
    return tmp_path / "photos"


def by_hand(folder: Path, kind: str, image: np.ndarray) -> torch.Tensor:
    """The model's own output (channels, height, width), interpolated to the image's size without the library's help."""
    network = getattr(transformers, f"AutoModelFor{kind}").from_pretrained(folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    with torch.no_grad():
        outputs = network(**processor(images=Image.fromarray(image), return_tensors="pt"))
    raw = outputs.logits if "logits" in outputs else outputs.predicted_depth[:, None]
    mode = "bilinear" if "logits" in outputs else "bicubic"
    return torch.nn.functional.interpolate(raw, (HEIGHT, WIDTH), mode=mode, align_corners=False)[0]


def test_metres_are_kept_as_the_model_gives_them(models: Path, root: Path) -> None:
    assert annotate_depth(root, model=str(models / "metric"), device="cpu") == (3, "depth")
    expected = by_hand(models / "metric", "DepthEstimation", picture(2))[0].numpy()
    assert expected.std() > 0.1
    assert expected.max() < 20
    task = open_dataset(root).task("depth")
    assert task.options() == {}
    np.testing.assert_allclose(task.read(root / "val/depth/walk/c.npy")[0], expected, rtol=1e-4)


def test_labels_of_the_other_ending_are_replaced_too(models: Path, root: Path) -> None:
    metric = str(models / "metric")
    for annotate, name, old, new in (
        (annotate_depth, "depth", ".png", ".npy"),
        (annotate_normals, "normals", ".npy", ".png"),
    ):
        for split, key in (("train", "a"), ("val", "walk/c")):
            path = root / split / name / f"{key}{old}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"old")
        annotate(root, model=metric, overwrite=True, device="cpu")
        samples = open_dataset(root).samples("val", [name])
        assert [sample.labels[name].name for sample in samples] == [f"c{new}"]


def test_inverse_depth_becomes_shares_of_the_median_under_another_name(models: Path, root: Path) -> None:
    assert annotate_depth(root, model=str(models / "relative"), device="cpu") == (3, "relative_depth")
    inverse = by_hand(models / "relative", "DepthEstimation", picture(0))[0].numpy()
    assert inverse.std() > 0.01
    dataset = open_dataset(root)
    assert dataset.task("relative_depth").options() == {"kind": "depth"}
    label = dataset.task("relative_depth").read(root / "train/relative_depth/a.npy")[0].numpy()
    seen = label > 0
    assert seen.mean() > 0.3
    assert np.median(label[seen]) == pytest.approx(1, rel=0.05)
    product = label[seen] * inverse[seen]
    np.testing.assert_allclose(product, product[0], rtol=1e-3)  # one scale, no shift
    assert (seen == (inverse > np.median(inverse[inverse > 0]) / 100)).mean() > 0.99


def test_shares_of_the_median_know_no_scale_and_no_sky() -> None:
    inverse = np.array([[0.0, 0.5, 1.0], [-1.0, 1.0, 4.0]], np.float32)
    expected = [[0, 2, 1], [0, 1, 0.25]]
    for scale in (1e-4, 1, 300):
        np.testing.assert_allclose(shares_of_median(inverse * np.float32(scale)), expected, rtol=1e-5)
    assert not shares_of_median(np.zeros((3, 4), np.float32)).any()


def test_what_the_user_says_that_a_model_gives_counts(models: Path, root: Path) -> None:
    assert annotate_depth(root, model=str(models / "metric"), gives="inverse", device="cpu")[1] == "relative_depth"
    with pytest.raises(InputError, match=r"unknown value of gives 'inches': .*choose from auto, inverse, metres"):
        annotate_depth(root, model=str(models / "metric"), gives="inches")


def test_classes_are_those_of_the_highest_score(models: Path, root: Path) -> None:
    assert annotate_segmentation(root, model=str(models / "classes"), device="cpu") == 3
    expected = by_hand(models / "classes", "SemanticSegmentation", picture(1)).argmax(0).numpy()
    assert len(np.unique(expected)) > 1
    task = open_dataset(root).task("segmentation")
    assert task.options() == {"classes": ["wall", "floor", "wall 2"]}  # the second wall keeps apart
    np.testing.assert_array_equal(task.read(root / "train/segmentation/b.png")[0].numpy(), expected)


def test_normals_are_those_of_the_depth(models: Path, root: Path) -> None:
    assert annotate_normals(root, model=str(models / "metric"), fov_deg=90, device="cpu") == 3
    depth = by_hand(models / "metric", "DepthEstimation", picture(0))[0].numpy()
    expected = normals_from_depth(depth, (WIDTH / 2, WIDTH / 2))  # tan 45° = 1
    label = open_dataset(root).task("normals").read(root / "train/normals/a.png").numpy().transpose(1, 2, 0)
    assert expected.any(-1).mean() > 0.2
    cosines = (label * expected).sum(-1)[expected.any(-1)]
    assert np.quantile(cosines, 0.01) > math.cos(math.radians(1))


def test_normals_of_inverse_depth_are_refused(models: Path, root: Path) -> None:
    with pytest.raises(InputError, match=r"gives inverse depth, whose unknown shift would turn every normal; choose"):
        annotate_normals(root, model=str(models / "relative"), device="cpu")
    assert not (root / "train/normals").exists()
    assert not (root / "dataset.yaml").exists()


def copy(models: Path, name: str, to: Path) -> Path:
    to.mkdir()
    for path in (models / name).iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def _without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"evil": torch.ones(1)}, folder / "pytorch_model.bin")


def _cut_off(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def _without_a_head(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith("head.")}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def _without_a_processor(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()


def _without_a_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _of_another_kind(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "segformer"}))


def _with_code_of_its_own(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModelForDepthEstimation": "evil.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(folder / 'ran')!r}, 'w').close()\n")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without_weights, "cannot be used (Error no file named model.safetensors"),
        (_pickled, "cannot be used (Error no file named model.safetensors"),
        (_cut_off, "cannot be used (Error while deserializing header"),
        (_without_a_head, "it has no weights for 6 of the tensors of DepthAnythingForDepthEstimation, such as head."),
        (_without_a_processor, "cannot be used ("),
        (_without_a_config, "no model here (no config.json); give a folder that `save_pretrained` wrote"),
        (_of_another_kind, "cannot be used (Unrecognized configuration class"),
        (_with_code_of_its_own, "cannot be used ("),
    ],
)
def test_models_that_will_not_do_are_one_line(
    damage: Callable[[Path], None],
    message: str,
    models: Path,
    root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = copy(models, "metric", tmp_path / "damaged")
    damage(folder)
    for command in ("depth", "normals"):
        assert run(["annotate", command, str(root), "--model", str(folder), "--device", "cpu"]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert str(folder) in error
        assert error.count("\n") == 1
    assert not (folder / "ran").exists()
    assert sorted(path.name for path in root.iterdir()) == ["train", "val"]
    assert [path.name for path in (root / "train").iterdir()] == ["image"]


@pytest.mark.parametrize("command", ["depth", "segmentation", "normals"])
def test_a_model_that_is_not_here_and_no_connection(
    command: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["annotate", command, str(root), "--model", "nobody/no-such-model"]) == 2
    assert capsys.readouterr().err == (
        "headfreeze: error: model 'nobody/no-such-model': no such folder, not in the cache of Hugging Face, and the"
        " hub does not answer: connect once to fetch it, or give the folder of a copy\n"
    )


def test_no_name_is_not_the_working_folder(root: Path) -> None:
    with pytest.raises(InputError, match="model is ''; give a name on Hugging Face's hub, or a folder"):
        annotate_depth(root, model="")


@pytest.mark.parametrize("command", ["depth", "segmentation", "normals"])
def test_without_transformers(
    command: str, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert run(["annotate", command, str(root)]) == 2
    error = capsys.readouterr().err
    assert "needs the package transformers (" in error
    assert "): pip install 'headfreeze[annotate]'\n" in error
    assert error.count("\n") == 1


def test_a_model_that_does_not_say_what_it_gives() -> None:
    with pytest.raises(
        InputError,
        match="model 'them/it' does not say whether it gives metres or inverse depth; say it: --gives metres",
    ):
        gives_metres(transformers.PretrainedConfig(), "them/it")
    assert gives_metres(transformers.GLPNConfig(), "")
    assert not gives_metres(transformers.DPTConfig(), "")


def test_the_commands_say_what_they_wrote(models: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command, model, name in (
        ("depth", "relative", "relative_depth"),
        ("segmentation", "classes", "segmentation"),
        ("normals", "metric", "normals"),
    ):
        assert run(["annotate", command, str(root), "--model", str(models / model), "--device", "cpu"]) == 0
        assert f"3 maps of {command.replace('segmentation', 'classes')} written to {root}/*/{name}" in (
            capsys.readouterr().out
        )
        assert run(["annotate", command, str(root), "--model", str(models / model), "--device", "cpu"]) == 2
        assert "labels are there already; choose another name, or set overwrite" in capsys.readouterr().err
