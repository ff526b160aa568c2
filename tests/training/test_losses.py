"""The loss of a phase against plain numpy; λ against the losses of the untrained network, measured by hand."""

import copy
import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.special import log_softmax

from headfreeze.data.batch import DeviceBatch
from headfreeze.models.network import Outputs, enlarged
from headfreeze.tasks import make_task
from headfreeze.training.losses import loss_terms, total_loss
from headfreeze.training.weighing import balancing_weights
from tests.runs import fit_tiny, phase_records, same_bits
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
    outputs = Outputs({name: torch.from_numpy(value).float() for name, value in maps.items()}, {}, {})
    terms = loss_terms(outputs, batch, TASKS)
    source = numpy_losses(
        {name: value[:2] for name, value in maps.items()}, {"normals": normals, "segmentation": classes["source"]}
    )
    target = numpy_losses({"segmentation": maps["segmentation"][2:]}, {"segmentation": classes["target"]})
    expected = {("source", name): value for name, value in source.items()} | {
        ("target", name): value for name, value in target.items()
    }
    assert {key: float(term) for key, term in terms.items()} == pytest.approx(expected, rel=1e-5)
    assert float(total_loss(terms, {"normals": 1.0, "segmentation": 0.3})) == pytest.approx(
        expected["source", "normals"]
        + 0.3 * (expected["source", "segmentation"] + expected["target", "segmentation"]) / 2,
        rel=1e-5,
    )


@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 16), st.integers(1, 16))
@settings(max_examples=30, deadline=None)
def test_outputs_are_enlarged_with_pixel_centres_aligned(
    height: int, width: int, to_height: int, to_width: int
) -> None:
    output = np.random.default_rng(height * 100 + width).normal(size=(2, 3, height, width))
    to = (max(to_height, height), max(to_width, width))
    result = enlarged(torch.from_numpy(output), to).numpy()
    assert np.allclose(result, numpy_upsampled(output, *to), atol=1e-9)


@pytest.mark.parametrize("recipe", ["mtl-source", "mtl-target", "mtl-both", "oracle"])
def test_lambda_opens_with_the_magnitudes_of_the_untrained_network(
    recipe: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    training = untrained(tiny_pair, tmp_path / "store", recipe, augment="none")
    network = copy.deepcopy(training.network).train()
    before = copy.deepcopy(training.network.state_dict())
    found: dict[tuple[str, str], list[float]] = {}
    for k in range(8):
        batch = training.supply.steps[k]
        with torch.no_grad():
            maps = network(torch.cat([b["image"] for b in batch.values()]).float() / 255).maps
        start = 0
        for domain, labels in batch.items():
            count = len(labels.pop("image"))
            own = {name: value[start : start + count].double().numpy() for name, value in maps.items()}
            for name, loss in numpy_losses(own, {n: v.float().numpy() for n, v in labels.items()}).items():
                found.setdefault((domain, name), []).append(loss)
            start += count
    means = {
        task: np.mean([np.mean(losses) for (_, name), losses in found.items() if name == task])
        for task in ("normals", "segmentation")
    }
    weights = training.weighing.untrained(training.network, training.supply)
    assert weights["normals"] == 1.0
    assert weights["segmentation"] == pytest.approx(means["normals"] / means["segmentation"], rel=1e-4)
    assert same_bits(training.network.state_dict(), before)


@pytest.mark.parametrize("recipe", ["mtl-source", "mtl-target", "mtl-both", "oracle"])
def test_lambda_is_fixed_by_the_losses_of_the_first_tenth_of_the_steps(
    recipe: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    card = fit_tiny(recipe, tiny_pair, tmp_path / "run", steps=30)  # validated every third step: at the tenth's end
    with (tmp_path / "run/metrics.csv").open() as f:
        first = next(csv.DictReader(f))
    assert first["step"] == "3.0"
    means = {
        task: np.mean([float(v) for k, v in first.items() if k in (f"loss_source_{task}", f"loss_target_{task}") and v])
        for task in ("normals", "segmentation")
    }
    assert card.phases[0]["weights"]["normals"] == 1.0
    assert card.phases[0]["weights"]["segmentation"] == pytest.approx(means["normals"] / means["segmentation"])


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


def test_a_task_whose_labels_do_not_occur_weighs_one(tiny_pair: TinyPair, tmp_path: Path) -> None:
    card = fit_tiny("baseline", tiny_pair, tmp_path / "run", steps=1)
    assert card.phases[0]["weights"] == {"normals": 1.0, "segmentation": 1.0}


def test_lambda_is_one_where_the_main_task_has_no_labels_in_the_phase() -> None:
    weights = balancing_weights({("target", "segmentation"): 2.0}, ["normals", "segmentation"], "normals")
    assert weights == {"normals": 1.0, "segmentation": 1.0}


def test_the_loss_of_an_accumulated_step_is_the_mean_over_its_batches(tiny_pair: TinyPair, tmp_path: Path) -> None:
    training = untrained(tiny_pair, tmp_path / "store", "baseline", augment="none", steps=1, accumulate=2, batch_size=3)
    network = copy.deepcopy(training.network).train()
    expected = []
    for k in range(2):
        batch = training.supply.steps[k]["source"]
        with torch.no_grad():
            maps = {name: v.double().numpy() for name, v in network(batch.pop("image").float() / 255).maps.items()}
        expected.append(numpy_losses(maps, {n: v.float().numpy() for n, v in batch.items()})["normals"])
    training.run(lambda *_: None)
    assert training.at.history[0]["loss_source_normals"] == pytest.approx(np.mean(expected), rel=1e-4)
    assert abs(expected[0] - expected[1]) > 1e-4
