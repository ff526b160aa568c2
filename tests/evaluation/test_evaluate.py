"""A run and stored predictions against plain numpy over all pixels; what cannot be evaluated is said in one line."""

import csv
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfreeze.data.folder import Dataset, Sample, open_dataset
from headfreeze.data.images import read_image
from headfreeze.errors import InputError
from headfreeze.evaluation.evaluate import evaluate, evaluate_run
from headfreeze.run import Run
from tests.evaluation.metrics import depth_metrics, normals_metrics, segmentation_metrics
from tests.worlds import CLASSES, COUNTS, SIZE, TinyPair

IDS = [f"{k:04d}" for k in range(COUNTS["test"])]
EXACT = 1e-6  # relative: labels are float32
MEDIAN = 0.0051  # degrees: the median comes from a histogram of hundredths


def true_labels(tiny: TinyPair) -> dict[str, list[np.ndarray]]:
    """The labels of the target's test split, read without the package."""
    raw = {
        task: [np.asarray(Image.open(tiny.target / f"test/{task}/{key}.png")) for key in IDS]
        for task in ("normals", "depth", "segmentation")
    }
    normals = [np.where(a.any(-1, keepdims=True), a / 127.5 - 1, 0) for a in raw["normals"]]
    return {
        "normals": [n / np.linalg.norm(n, axis=-1, keepdims=True).clip(1e-9) for n in normals],
        "depth": [a / 1000 for a in raw["depth"]],
        "segmentation": raw["segmentation"],
    }


def guesses(labels: dict[str, list[np.ndarray]]) -> dict[str, list[np.ndarray]]:
    """Predictions of every quality, a missing one here and there."""
    rng = np.random.default_rng(0)
    normals = [n + rng.normal(0, rng.choice([0.05, 0.3, 1.5]), n.shape) for n in labels["normals"]]
    return {
        "normals": [(n / np.linalg.norm(n, axis=-1, keepdims=True)).astype(np.float32) for n in normals],
        "depth": [(np.maximum(d, 1) * rng.lognormal(0, 0.3, d.shape)).astype(np.float32) for d in labels["depth"]],
        "segmentation": [
            np.where(rng.random(s.shape) < 0.3, rng.integers(0, 2, s.shape), s).astype(np.uint8)
            for s in labels["segmentation"]
        ],
    }


def store(predictions: dict[str, list[np.ndarray]], folder: Path) -> Path:
    for task, arrays in predictions.items():
        (folder / task).mkdir(parents=True)
        for key, array in zip(IDS, arrays, strict=True):
            if task == "segmentation":
                Image.fromarray(array).save(folder / task / f"{key}.png")
            else:
                np.save(folder / task / f"{key}.npy", array)
    return folder


def numpy_metrics(
    predictions: dict[str, list[np.ndarray]], labels: dict[str, list[np.ndarray]]
) -> dict[str, dict[str, float]]:
    found = {}
    for task, arrays in predictions.items():
        if task == "segmentation":
            found[task] = segmentation_metrics(arrays, labels[task], CLASSES)
        else:
            found[task] = {"normals": normals_metrics, "depth": depth_metrics}[task](arrays, labels[task])
    return found


def assert_metrics(found: dict[str, dict[str, float]], expected: dict[str, dict[str, float]]) -> None:
    assert found.keys() == expected.keys()
    for task, metrics in expected.items():
        assert list(found[task]) == list(metrics)
        for name, value in metrics.items():
            absolute = MEDIAN if name == "median" else EXACT
            assert found[task][name] == pytest.approx(value, rel=EXACT, abs=absolute, nan_ok=True), (task, name)


def test_stored_predictions_of_all_tasks_give_numpys_metrics_over_all_pixels(
    tiny_pair: TinyPair, tmp_path: Path
) -> None:
    labels = true_labels(tiny_pair)
    predictions = guesses(labels)
    scores = evaluate(store(predictions, tmp_path / "guess"), tiny_pair.target, "test")
    assert_metrics(scores.metrics, numpy_metrics(predictions, labels))
    assert json.loads((tmp_path / "guess/metrics.json").read_text()) == scores.metrics
    for task in predictions:
        rows = list(csv.DictReader((tmp_path / f"guess/{task}_images.csv").read_text().splitlines()))
        assert [row["id"] for row in rows] == IDS
        for k, row in enumerate(rows):
            one = numpy_metrics({task: predictions[task][k : k + 1]}, {task: labels[task][k : k + 1]})[task]
            assert {name: float(row[name]) for name in one} == pytest.approx(one, abs=MEDIAN, nan_ok=True)


@pytest.mark.parametrize(
    ("run", "tasks"), [("normals_run", ("normals", "segmentation")), ("depth_run", ("depth", "normals"))]
)
def test_a_run_gives_numpys_metrics_of_its_own_predictions(
    run: str, tasks: tuple[str, ...], tiny_pair: TinyPair, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = shutil.copytree(request.getfixturevalue(run), tmp_path / "run")
    scores = evaluate(folder, tiny_pair.target, "test", "cpu")
    network = Run(folder, "cpu")
    outputs = [network.predict(read_image(tiny_pair.target / f"test/image/{key}.png")) for key in IDS]
    predictions = {task: [np.moveaxis(o[task].numpy(), 0, -1) for o in outputs] for task in tasks}
    predictions = {t: [a if t == "normals" else a[..., 0] for a in arrays] for t, arrays in predictions.items()}
    assert_metrics(scores.metrics, numpy_metrics(predictions, true_labels(tiny_pair)))
    written = folder / "evaluation/target-test/metrics.json"
    assert json.loads(written.read_text()) == scores.metrics


def test_the_rows_of_the_images_pool_to_the_totals(tiny_pair: TinyPair, normals_run: Path) -> None:
    scores = evaluate_run(Run(normals_run, "cpu"), open_dataset(tiny_pair.target), "test")
    rows, total = scores.images["normals"], scores.metrics["normals"]
    weight = np.array([row["pixels"] for row in rows], float)
    assert weight.sum() == total["pixels"]
    for name in ("mean", "below_11_25", "below_22_5", "below_30"):
        assert total[name] == pytest.approx(np.average([float(row[name]) for row in rows], weights=weight), abs=1e-8)
    assert total["rmse"] ** 2 == pytest.approx(np.average([float(row["rmse"]) ** 2 for row in rows], weights=weight))


def test_the_order_of_the_images_changes_no_bit_of_the_totals(
    tiny_pair: TinyPair, depth_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, dataset = Run(depth_run, "cpu"), open_dataset(tiny_pair.target)
    forward = evaluate_run(run, dataset, "test")
    listed = Dataset.samples

    def reversed_samples(self: Dataset, *arguments: object) -> list[Sample]:
        return listed(self, *arguments)[::-1]

    monkeypatch.setattr(Dataset, "samples", reversed_samples)
    backward = evaluate_run(run, dataset, "test")
    assert forward.metrics == backward.metrics
    assert forward.images["depth"] == backward.images["depth"][::-1]


def test_only_images_with_a_label_count_and_only_tasks_with_labels_in_the_split(
    tiny_pair: TinyPair, tmp_path: Path
) -> None:
    copy, labels = tiny_pair.copy(tmp_path), true_labels(tiny_pair)
    predictions = guesses(labels)
    shutil.rmtree(copy.target / "test/depth")
    (copy.target / f"test/normals/{IDS[0]}.png").unlink()
    folder = store(predictions, tmp_path / "guess")
    (folder / f"normals/{IDS[0]}.npy").unlink()
    scores = evaluate(folder, copy.target, "test")
    expected = numpy_metrics(
        {"normals": predictions["normals"][1:], "segmentation": predictions["segmentation"]},
        {"normals": labels["normals"][1:], "segmentation": labels["segmentation"]},
    )
    assert_metrics(scores.metrics, expected)
    assert [row["id"] for row in scores.images["normals"]] == IDS[1:]


def test_metrics_json_has_null_for_what_does_not_exist(tiny_pair: TinyPair, tmp_path: Path) -> None:
    copy = tiny_pair.copy(tmp_path)
    for path in (copy.target / "test/segmentation").iterdir():
        Image.fromarray(np.zeros((SIZE, SIZE), np.uint8)).save(path)
    for path in (copy.target / "test/normals").iterdir():
        Image.fromarray(np.zeros((SIZE, SIZE, 3), np.uint8)).save(path)
    predictions = guesses(true_labels(tiny_pair))
    predictions = {
        "normals": predictions["normals"],
        "segmentation": [np.zeros((SIZE, SIZE), np.uint8)] * len(IDS),
    }
    scores = evaluate(store(predictions, tmp_path / "guess"), copy.target, "test")
    text = (tmp_path / "guess/metrics.json").read_text()
    written = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert written["segmentation"]["iou_red"] is None
    assert written["segmentation"]["miou"] == written["segmentation"]["iou_background"] == 1
    assert written["normals"]["mean"] is None
    assert written["normals"]["pixels"] == 0
    assert math.isnan(scores.metrics["normals"]["mean"])


def test_what_cannot_be_evaluated_is_named(tiny_pair: TinyPair, normals_run: Path, tmp_path: Path) -> None:
    copy = tiny_pair.copy(tmp_path)
    folder = store(guesses(true_labels(tiny_pair)), tmp_path / "guess")
    (folder / f"normals/{IDS[2]}.npy").unlink()
    (folder / f"normals/{IDS[4]}.npy").unlink()
    message = rf"guess/normals: no prediction for 2 labelled images of test, the first is '{IDS[2]}'"
    with pytest.raises(InputError, match=message):
        evaluate(folder, copy.target, "test")
    for key in (IDS[2], IDS[4]):
        np.save(folder / f"normals/{key}.npy", np.full((20, 31, 3), 3**-0.5, np.float32))
    message = rf"normals/{IDS[2]}.npy: 20x31 pixels, but {IDS[2]}.png has {SIZE}x{SIZE}; predictions must have"
    with pytest.raises(InputError, match=message):
        evaluate(folder, copy.target, "test")
    assert not (folder / "metrics.json").exists()

    with pytest.raises(InputError, match="nowhere: no such folder; give a run, or a folder with predictions"):
        evaluate(tmp_path / "nowhere", copy.target)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: no run and no predictions here; .*TASK among normals, depth"):
        evaluate(tmp_path / "empty", copy.target)
    with pytest.raises(InputError, match="unknown split 'tset': did you mean 'test'"):
        evaluate(normals_run, copy.target, "tset")
    shutil.rmtree(copy.target / "test/normals")
    shutil.rmtree(copy.target / "test/segmentation")
    with pytest.raises(
        InputError, match="target/test: no labels of normals, segmentation, which are predicted; add test/"
    ):
        evaluate(normals_run, copy.target, "test")
    with pytest.raises(InputError, match="device is 'abacus'; choose auto"):
        evaluate(normals_run, tiny_pair.target, "test", "abacus")


def test_data_of_other_classes_is_refused(tiny_pair: TinyPair, normals_run: Path, tmp_path: Path) -> None:
    copy = tiny_pair.copy(tmp_path)
    config = copy.target / "dataset.yaml"
    config.write_text(config.read_text().replace("blue", "green"))
    with pytest.raises(InputError, match=r"'segmentation' is .*'green'.*, the run was trained for .*'blue'"):
        evaluate(normals_run, copy.target, "test")
