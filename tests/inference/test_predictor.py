"""A run on photographs of every kind: the outputs' sizes, files that `evaluate` reads, the same bytes every time."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from headfreeze.data.images import read_image
from headfreeze.errors import InputError
from headfreeze.evaluation.evaluate import evaluate
from headfreeze.inference.predictor import Predictor, expand_inputs
from headfreeze.run import Run, RunCard
from headfreeze.settings import Architecture
from tests.runs import fit_tiny
from tests.worlds import CLASSES, COUNTS, TinyPair

RNG = np.random.default_rng(0)


@pytest.fixture
def predictor(normals_run: Path) -> Predictor:
    return Predictor(normals_run, "cpu")


def photo(height: int, width: int) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), np.uint8)


def write_video(path: Path, frames: int) -> list[np.ndarray]:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 40))
    for k in range(frames):
        writer.write(np.full((40, 64, 3), 40 * k, np.uint8))
    writer.release()
    video = cv2.VideoCapture(str(path))
    return [cv2.cvtColor(video.read()[1], cv2.COLOR_BGR2RGB) for _ in range(frames)]


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (7, 5), (32, 32), (33, 47), (90, 41), (100, 100)])
def test_a_photograph_of_any_size_gets_labels_of_its_own_size(size: tuple[int, int], predictor: Predictor) -> None:
    labels = predictor(photo(*size))
    assert list(labels) == ["normals", "segmentation"]
    assert labels["normals"].shape == (3, *size)
    assert torch.allclose(labels["normals"].norm(dim=0), torch.tensor(1.0), atol=1e-5)
    assert labels["segmentation"].shape == (1, *size)
    assert labels["segmentation"].max() < len(CLASSES)


def test_at_training_resolution_a_prediction_is_the_network_on_the_image_enlarged_and_decoded(
    normals_run: Path,
) -> None:
    run, image = Run(normals_run, "cpu"), photo(32, 32)
    with torch.no_grad():
        maps = run.network(torch.from_numpy(image).permute(2, 0, 1)[None] / 255).maps
    found = run.predict(image)
    enlarged = {name: functional.interpolate(value, (32, 32), mode="bilinear") for name, value in maps.items()}
    assert torch.allclose(found["normals"], functional.normalize(enlarged["normals"])[0], atol=1e-5)
    assert torch.equal(found["segmentation"][0].long(), enlarged["segmentation"][0].argmax(0))


@pytest.mark.parametrize(("height", "width"), [(32, 45), (43, 32), (32, 62)])
def test_a_photograph_of_another_shape_is_predicted_as_if_its_border_went_on(
    height: int, width: int, normals_run: Path
) -> None:
    run, image = Run(normals_run, "cpu"), photo(height, width)
    rows, columns = -height % 16, -width % 16
    before = (rows // 2, columns // 2)
    wider = np.pad(image, ((before[0], rows - before[0]), (before[1], columns - before[1]), (0, 0)), mode="edge")
    found, expected = run.predict(image)["normals"], run.predict(wider)["normals"]
    cut = expected[:, before[0] : before[0] + height, before[1] : before[1] + width]
    assert torch.allclose(found, cut, atol=1e-4)


def test_a_run_predicts_in_eval_mode_and_one_image_at_a_time_does_not_matter(normals_run: Path) -> None:
    run, image = Run(normals_run, "cpu"), photo(40, 30)
    first = run.predict(image)
    run.predict(photo(64, 64))
    assert not run.network.training
    assert all(torch.equal(value, first[name]) for name, value in run.predict(image).items())


def test_every_kind_of_file_is_the_photograph_it_shows(predictor: Predictor, tmp_path: Path) -> None:
    image = photo(30, 50)
    grey = image[..., 0]
    Image.fromarray(image).save(tmp_path / "rgb.png")
    Image.fromarray(np.dstack([image, grey])).save(tmp_path / "rgba.png")
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    turned = Image.fromarray(np.rot90(image).copy())
    exif = turned.getexif()
    exif[0x0112] = 6  # "turn me a quarter to the right"
    turned.save(tmp_path / "turned.png", exif=exif)
    shown = {"rgb": image, "rgba": image, "grey": np.dstack([grey] * 3), "deep": np.dstack([grey] * 3), "turned": image}
    for name, expected in shown.items():
        own, other = predictor(tmp_path / f"{name}.png"), predictor(expected)
        assert all(torch.equal(own[task], other[task]) for task in own), name
    assert predictor.write([tmp_path], tmp_path / "out") == len(shown)
    assert {p.stem for p in (tmp_path / "out/normals").iterdir()} == set(shown)


@pytest.mark.parametrize("run", ["normals_run", "depth_run"])
def test_written_labels_evaluate_as_the_run_does_but_for_rounding(
    run: str, tiny_pair: TinyPair, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = shutil.copytree(request.getfixturevalue(run), tmp_path / "run")
    count = Predictor(folder, "cpu").write([tiny_pair.target / "test/image"], tmp_path / "out")
    assert count == COUNTS["test"]
    direct = evaluate(folder, tiny_pair.target, "test", "cpu").metrics
    stored = evaluate(tmp_path / "out", tiny_pair.target, "test").metrics
    assert direct.keys() == stored.keys()
    for task, metrics in direct.items():
        assert stored[task] == pytest.approx(metrics, rel=2e-3, abs=2e-3, nan_ok=True), task
    assert json.loads((tmp_path / "out/metrics.json").read_text()) == stored


def test_depth_beyond_what_a_png_can_say_is_written_as_npy_and_replaces_the_png(
    depth_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor, out = Predictor(depth_run, "cpu"), tmp_path / "out"
    Image.fromarray(photo(20, 24)).save(tmp_path / "a.png")
    for depth, ending in ((120.0, ".npy"), (2.5, ".png"), (120.0, ".npy")):
        monkeypatch.setattr(predictor.run, "predict", lambda _, d=depth: {"depth": torch.full((1, 20, 24), d)})
        predictor.write([tmp_path / "a.png"], out)
        assert [path.name for path in (out / "depth").iterdir()] == [f"a{ending}"]
        assert (predictor.run.tasks["depth"].read(out / f"depth/a{ending}") == depth).all()


def test_the_same_bytes_are_written_every_time(
    predictor: Predictor, normals_run: Path, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    predictor.write([tiny_pair.target / "val/image"], tmp_path / "a")
    Predictor(normals_run, "cpu").write([tiny_pair.target / "val/image"], tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert sorted({name.split("/")[0] for name in files(tmp_path / "a")}) == ["normals", "pictures", "segmentation"]


def test_ids_keep_their_folders_and_dots(predictor: Predictor, tmp_path: Path) -> None:
    names = ("plain", "v1.2 final", "shot.png", "shot", "room/a.b/01", "image.jpg")
    for name in names:
        path = tmp_path / f"photos/{name}.webp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo(20, 24)).save(path)
    (tmp_path / "photos/.hidden.png").write_bytes(b"")
    (tmp_path / "photos/notes.txt").write_text("no photograph")
    assert predictor.write([tmp_path / "photos"], tmp_path / "out") == len(names)
    expected = {f"{folder}/{name}.png" for folder in ("normals", "segmentation", "pictures") for name in names}
    assert set(files(tmp_path / "out")) == expected


def test_a_video_is_predicted_frame_by_frame(predictor: Predictor, tmp_path: Path) -> None:
    frames = write_video(tmp_path / "clip.avi", 3)
    assert predictor.write([tmp_path / "clip.avi"], tmp_path / "out") == 3
    assert sorted(p.name for p in (tmp_path / "out/normals").iterdir()) == [f"clip_{k:06d}.png" for k in (1, 2, 3)]
    for number, frame in enumerate(frames, 1):
        with Image.open(tmp_path / f"out/pictures/clip_{number:06d}.png") as picture:
            assert np.array_equal(np.asarray(picture), predictor.picture(frame, predictor(frame)))
            assert picture.size == (3 * 64, 40), "the photograph and two predictions"


def test_files_folders_and_globs_mix_and_each_file_is_predicted_once(predictor: Predictor, tmp_path: Path) -> None:
    for name in ("a/01.png", "a/02.png", "b/03.png", "photo[1].png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(photo(20, 20)).save(path)
    inputs = [tmp_path / "a", f"{tmp_path}/a/*.png", f"{tmp_path}/**/03.png", tmp_path / "photo[1].png"]
    assert list(expand_inputs(inputs)) == ["01", "02", "03", "photo[1]"]
    assert predictor.write(inputs, tmp_path / "out") == 4


def test_what_cannot_be_predicted_is_named(predictor: Predictor, tmp_path: Path) -> None:
    for folder in ("a", "b", "empty"):
        (tmp_path / folder).mkdir()
    for folder in ("a", "b"):
        Image.fromarray(photo(20, 20)).save(tmp_path / f"{folder}/01.png")
    out = tmp_path / "out"
    for inputs, message in (
        ([tmp_path / "c"], r"/c: no such file or folder, and nothing matches it"),
        ([f"{tmp_path}/*.tif"], r"\*\.tif: no such file or folder, and nothing matches it"),
        ([tmp_path / "empty"], "empty: no images or videos in it"),
        ([tmp_path / "a", tmp_path / "b"], "b/01.png: same name as .*a/01.png; predict them into two folders"),
        ([f"{tmp_path}/*/01.png"], "b/01.png: same name as .*a/01.png; predict them into two folders"),
    ):
        with pytest.raises(InputError, match=message):
            predictor.write(inputs, out)
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match=r"clip.mp4: cannot be read as a video; convert it to MP4"):
        predictor.write([tmp_path / "clip.mp4"], out)
    (tmp_path / "cut.png").write_bytes((tmp_path / "a/01.png").read_bytes()[:200])
    with pytest.raises(InputError, match=r"cut.png: cannot be read as an image"):
        predictor.write([tmp_path / "cut.png"], out)
    assert not out.exists()
    with pytest.raises(InputError, match=r"a/01.png: .*01.png is a file, not a folder"):
        predictor.write([tmp_path / "b"], tmp_path / "a/01.png")


def test_a_run_that_is_none_or_damaged_is_named(normals_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no run here"):
        Predictor(tmp_path / "nowhere")
    damage = {
        "{": "run.json: damaged; train the run again",
        "[]": "run.json: damaged",
        '{"format": 1}': "run.json: damaged",
        '{"format": 7, "spirit": "new"}': "run.json: written in format 7, this version reads 1; update headfreeze",
    }
    card = json.loads((normals_run / "run.json").read_text())
    for name in ("settings", "tasks", "trained"):
        damage[json.dumps(card | {name: 5})] = "run.json: damaged"
        damage[json.dumps(card | {name: {}})] = "run.json: damaged"
    damage[json.dumps(card | {"trained": ["spirit"]})] = "run.json: damaged"
    folder = shutil.copytree(normals_run, tmp_path / "run")
    for text, message in damage.items():
        (folder / "run.json").write_text(text)
        with pytest.raises(InputError, match=message):
            Predictor(folder, "cpu")
    shutil.copy(normals_run / "run.json", folder)
    for weights in (b"", b"garbage" * 100, (folder / "weights.safetensors").read_bytes()[:5000]):
        (folder / "weights.safetensors").write_bytes(weights)
        with pytest.raises(InputError, match=r"run/weights.safetensors: does not hold this network"):
            Predictor(folder, "cpu")


def test_a_run_with_norms_of_each_domain_predicts_with_the_targets(tiny_pair: TinyPair, tmp_path: Path) -> None:
    fit_tiny("mtl-both", tiny_pair, tmp_path / "run", Architecture("tiny", width=8, norm="per_domain"), steps=4)
    run = Run(tmp_path / "run", "cpu")
    image = read_image(tiny_pair.target / "test/image/0000.png")
    source, target = (run.outputs(image, domain).maps["normals"] for domain in ("source", "target"))
    assert not torch.equal(source, target)
    assert torch.equal(run.outputs(image).maps["normals"], target)
    found = run.predict(image)["normals"]
    run.outputs(image, "source")
    assert torch.equal(run.predict(image)["normals"], found)
    assert RunCard.read(tmp_path / "run").settings["architecture"]["norm"] == "per_domain"


def test_an_image_that_cannot_be_written_to_is_read_without_a_word(predictor: Predictor) -> None:
    image = photo(20, 30)
    expected = predictor(image)["normals"]
    image.flags.writeable = False  # as of np.asarray(PIL.Image); the suite makes errors of warnings
    assert torch.equal(predictor(image)["normals"], expected)
