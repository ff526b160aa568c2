"""The loss of a phase against plain numpy; λ against the losses of the untrained network, measured by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.special import log_softmax

from headfreeze.data.augment import DeviceBatch
from headfreeze.run import build_network
from headfreeze.tasks import make_task
from headfreeze.training.losses import loss_terms, measured_weights, total_loss, upsampled
from tests.runs import TINY, fit_tiny, phase_records, same_bits, weights_of
from tests.training.phases import untrained
from tests.worlds import CLASSES, TinyPair

TASKS = {"normals": make_task("normals"), "segmentation": make_task("segmentation", {"classes": list(CLASSES)})}


def numpy_upsampled(output: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear with pixel centres at (i + ½), edges repeated: (b, c, h, w) to (b, c, height, width)."""
    rows = (np.arange(height) + 0.5) * output.shape[-2] / height - 0.5
    columns = (np.arange(width) + 0.5) * output.shape[-1] / width - 0.5
    grid = np.meshgrid(rows, columns, indexing="ij")
    return np.stack(
        [[ndimage.map_coordinates(plane, grid, order=1, mode="nearest") for plane in image] for image in output]
    )


def numpy_losses(maps: dict[str, np.ndarray], labels: dict[str, np.ndarray]) -> dict[str, float]:
    """1 − cos and cross-entropy, each a mean over the valid pixels of the batch."""
    losses = {}
    if "normals" in labels:
        label = labels["normals"].astype(float)
        output = numpy_upsampled(maps["normals"], *label.shape[-2:])
        valid = (label != 0).any(1)
        cos = (output * label).sum(1) / np.linalg.norm(output, axis=1)
        losses["normals"] = float((1 - cos)[valid].mean())
    if "segmentation" in labels:
        label = labels["segmentation"][:, 0]
        scores = log_softmax(numpy_upsampled(maps["segmentation"], *label.shape[-2:]), axis=1)
        valid = label != 255
        chosen = np.take_along_axis(scores, np.where(valid, label, 0)[:, None].astype(int), 1)[:, 0]
        losses["segmentation"] = float(-chosen[valid].mean())
    return losses


def test_a_loss_for_each_label_is_computed_on_the_images_of_its_domain() -> None:
    rng = np.random.default_rng(0)
    maps = {"normals": rng.normal(size=(5, 3, 6, 8)), "segmentation": rng.normal(size=(5, 3, 6, 8))}
    normals = rng.normal(size=(2, 3, 12, 16))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    normals[:, :, :3] = 0
    classes = {
        domain: rng.choice([0, 1, 2, 255], (count, 1, 12, 16)) for domain, count in (("source", 2), ("target", 3))
    }
    batch = DeviceBatch(
        image=torch.zeros(5, 3, 12, 16),
        labels={
            ("source", "normals"): torch.from_numpy(normals).float(),
            ("source", "segmentation"): torch.from_numpy(classes["source"]).byte(),
            ("target", "segmentation"): torch.from_numpy(classes["target"]).byte(),
        },
        n_source=2,
    )
    terms = loss_terms({name: torch.from_numpy(value).float() for name, value in maps.items()}, batch, TASKS)
    source = numpy_losses(
        {name: value[:2] for name, value in maps.items()}, {"normals": normals, "segmentation": classes["source"]}
    )
    target = numpy_losses({"segmentation": maps["segmentation"][2:]}, {"segmentation": classes["target"]})
    expected = {("source", name): value for name, value in source.items()} | {
        ("target", name): value for name, value in target.items()
    }
    assert {key: float(term) for key, term in terms.items()} == pytest.approx(expected, rel=1e-5)
    assert float(total_loss(terms, {"normals": 1.0, "segmentation": 0.3})) == pytest.approx(
        expected["source", "normals"] + 0.3 * (expected["source", "segmentation"] + expected["target", "segmentation"]),
        rel=1e-5,
    )


@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 16), st.integers(1, 16))
@settings(max_examples=30, deadline=None)
def test_outputs_are_enlarged_with_pixel_centres_aligned(
    height: int, width: int, to_height: int, to_width: int
) -> None:
    output = np.random.default_rng(height * 100 + width).normal(size=(2, 3, height, width))
    to = (max(to_height, height), max(to_width, width))
    enlarged = upsampled(torch.from_numpy(output), to).numpy()
    assert np.allclose(enlarged, numpy_upsampled(output, *to), atol=1e-9)


@pytest.mark.parametrize("recipe", ["mtl-source", "mtl-target", "mtl-both", "oracle"])
def test_lambda_brings_the_untrained_losses_of_the_anchor_to_the_magnitude_of_the_main_tasks(
    recipe: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    training = untrained(tiny_pair, tmp_path / "store", recipe, augment="none")
    torch.manual_seed(0)
    network = build_network(TINY, training.data.tasks).train()
    found: dict[str, list[float]] = {"normals": [], "segmentation": []}
    for k in range(8):
        batch = training.steps[k]
        with torch.no_grad():
            maps = network(torch.cat([b["image"] for b in batch.values()]).float() / 255).maps
        start = 0
        for labels in batch.values():
            count = len(labels.pop("image"))
            own = {name: value[start : start + count].double().numpy() for name, value in maps.items()}
            for name, loss in numpy_losses(own, {n: v.float().numpy() for n, v in labels.items()}).items():
                found[name].append(loss)
            start += count
    training.run(lambda *_: None)
    weights = training.folder.result()["weights"]
    assert weights["normals"] == 1.0
    assert weights["segmentation"] == pytest.approx(
        np.mean(found["normals"]) / np.mean(found["segmentation"]), rel=1e-4
    )


def test_the_second_phase_inherits_lambda_and_both_results_hold_it(tiny_pair: TinyPair, tmp_path: Path) -> None:
    card = fit_tiny("headfreeze", tiny_pair, tmp_path / "run", steps=4)
    first, second = (phase["weights"] for phase in card.phases)
    assert first == second
    assert first["segmentation"] not in (0.0, 1.0)
    stored = json.loads((tmp_path / "run/run.json").read_text())["phases"]
    assert [phase["weights"] for phase in stored] == [first, second]
    assert all(record["result"]["weights"] == first for record in phase_records(tmp_path / "run-phases").values())


def test_a_given_anchor_weight_is_taken_as_it_is(tiny_pair: TinyPair, tmp_path: Path) -> None:
    card = fit_tiny("headfreeze", tiny_pair, tmp_path / "run", steps=2, anchor_weight=0.25)
    assert [phase["weights"] for phase in card.phases] == [{"normals": 1.0, "segmentation": 0.25}] * 2


def test_measuring_lambda_leaves_no_trace_in_the_training(tiny_pair: TinyPair, tmp_path: Path) -> None:
    measured = fit_tiny("mtl-both", tiny_pair, tmp_path / "measured", steps=3)
    weight = measured.phases[0]["weights"]["segmentation"]
    fit_tiny("mtl-both", tiny_pair, tmp_path / "given", steps=3, anchor_weight=weight)
    assert same_bits(weights_of(tmp_path / "measured"), weights_of(tmp_path / "given"))


def test_a_task_whose_labels_do_not_occur_weighs_one(tiny_pair: TinyPair, tmp_path: Path) -> None:
    card = fit_tiny("baseline", tiny_pair, tmp_path / "run", steps=1)
    assert card.phases[0]["weights"] == {"normals": 1.0, "segmentation": 1.0}


def test_lambda_is_one_where_the_main_task_has_no_labels_in_the_phase() -> None:
    network = build_network(TINY, TASKS)
    label = torch.zeros(2, 1, 32, 32, dtype=torch.uint8)
    batch = DeviceBatch(torch.zeros(2, 3, 32, 32), {("target", "segmentation"): label}, 0)
    assert measured_weights(network, [batch], TASKS, "normals") == {"normals": 1.0, "segmentation": 1.0}
