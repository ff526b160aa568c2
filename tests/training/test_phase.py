"""The loop: what validation sees, when a plateau ends a phase, what a loss that is no number does."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from headfreeze.errors import InputError
from headfreeze.models.hold import hold_in_eval
from headfreeze.models.network import Network, Outputs
from headfreeze.run import build_network
from tests.runs import TINY, fit_tiny, phase_records, watched, weights_of
from tests.training.phases import untrained
from tests.training.test_losses import numpy_losses
from tests.worlds import SIZE, TinyPair


def test_validation_sees_plain_images_in_eval_mode_and_leaves_train_mode(tiny_pair: TinyPair, tmp_path: Path) -> None:
    training = untrained(tiny_pair, tmp_path / "store", "mtl-both", steps=3, validate_every=1, size="32x16")
    calls: list[tuple[bool, Tensor, int]] = []

    def note(module: nn.Module, arguments: tuple[Tensor, int], _: Outputs) -> None:
        if isinstance(module, Network):
            calls.append((module.training, arguments[0].detach().clone(), arguments[1]))

    handle = register_module_forward_hook(note)
    try:
        training.run(lambda *_: None)
    finally:
        handle.remove()
    measured, calls = calls[:8], calls[8:]
    assert all(mode for mode, _, _ in measured)
    # each step trains on 4 + 4 images; then 6 validation images of each domain, in batches of 4 and 2
    assert [(mode, len(image), n_source) for mode, image, n_source in calls] == [
        (True, 8, 4), (False, 4, 4), (False, 2, 2), (False, 4, 0), (False, 2, 0),
    ] * 3  # fmt: skip
    for domain, at in (("source", 1), ("target", 3)):
        seen = torch.cat([calls[at][1], calls[at + 1][1]])
        images = training.data.val[domain].windows(range(6), None)["image"]
        assert torch.equal(seen, images.float() / 255)
    assert training.network.training


def test_windows_of_validation_are_the_centres(tiny_pair: TinyPair, tmp_path: Path) -> None:
    training = untrained(tiny_pair, tmp_path / "store", "baseline")
    images = training.data.val["source"]
    assert images.sizes == [(32, 32)] * 6, f"{SIZE} px, scaled to the training resolution"
    wide = untrained(tiny_pair, tmp_path / "store", "baseline", size="32x16").data.val["source"]
    assert wide.sizes == [(32, 32)] * 6
    window = wide.windows([2], None)["image"]
    assert torch.equal(window, images.windows([2], None)["image"][..., 8:24])


def test_the_validation_losses_are_those_of_the_network_that_is_kept(tiny_pair: TinyPair, tmp_path: Path) -> None:
    training = untrained(tiny_pair, tmp_path / "store", "mtl-both", steps=4, ema=0.7)
    row = training.run(lambda *_: None)["validation"]
    network = build_network(TINY, training.data.tasks).eval()
    network.load_state_dict(training.folder.weights())
    for domain, images in training.data.val.items():
        batch = {name: value.float() for name, value in images.windows(range(6), None).items()}
        with torch.no_grad():
            maps = network(batch.pop("image") / 255, 6 if domain == "source" else 0).maps
        losses = []
        for part in (slice(0, 4), slice(4, 6)):  # a mean over batches, weighted by their images
            own = {name: value[part].double().numpy() for name, value in maps.items()}
            losses.append(numpy_losses(own, {name: value[part].numpy() for name, value in batch.items()}))
        for name in losses[0]:
            expected = (4 * losses[0][name] + 2 * losses[1][name]) / 6
            assert row[f"val_{domain}_{name}"] == pytest.approx(expected, rel=1e-4)
    assert {name for name in row if name.startswith("val_target")} == {"val_target_segmentation"}


def test_a_plateau_ends_the_first_phase_and_the_second_gets_the_rest(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"steps": 16, "batch_size": 2, "phase_share": 0.75, "validate_every": 1, "phase_end": "plateau"}
    with watched(monkeypatch) as watch:
        card = fit_tiny("headfreeze", tiny_pair, tmp_path / "still", lr=1e-12, **settings)
    assert [phase["steps"] for phase in card.phases] == [4, 12], "no fall in three validations after the first"
    assert [len(steps) for steps in watch.steps.values()] == [4, 12]
    with watched(monkeypatch) as watch:
        fit_tiny("mtl-finetune", tiny_pair, tmp_path / "free", phases=tmp_path / "still-phases", lr=1e-12, **settings)
    assert len(watch.trained) == 1, "a first phase that ended at its plateau is shared, too"


def test_a_falling_loss_is_no_plateau(tiny_pair: TinyPair, tmp_path: Path) -> None:
    settings = {"steps": 12, "validate_every": 2, "phase_end": "plateau", "lr": 2e-3, "augment": "none"}
    training = untrained(tiny_pair, tmp_path / "store", "mtl-source", plateau=True, schedule="constant", **settings)
    training.run(lambda *_: None)
    scores = [
        row["val_source_normals"] + training.at.weights["segmentation"] * row["val_source_segmentation"]
        for row in training.at.history
    ]
    end = next((k for k in range(4, len(scores) + 1) if min(scores[k - 3 : k]) > 0.999 * min(scores[: k - 3])), 6)
    assert training.at.step == 2 * end


def test_a_plateau_needs_validation_images_and_says_so_before_anything_is_made(
    tiny_pair: TinyPair, tmp_path: Path
) -> None:
    copy = tiny_pair.copy(tmp_path)
    (copy.source / "val").rename(copy.source / "valid")
    with pytest.raises(
        InputError, match="source: phase_end is plateau, which needs a val split; make one or use share"
    ):
        fit_tiny("headfreeze", copy, tmp_path / "run", phase_end="plateau")
    assert not (tmp_path / "run-phases").exists()
    card = fit_tiny("headfreeze", copy, tmp_path / "run", steps=2)
    assert not [name for name in card.phases[0]["validation"] if name.startswith("val_")], "but training needs none"


def test_a_loss_that_is_no_number_stops_the_training_with_one_line(tiny_pair: TinyPair, tmp_path: Path) -> None:
    with pytest.raises(
        FloatingPointError, match=r"the loss is not finite at step \d+; lower lr, or set precision to 32"
    ):
        fit_tiny("baseline", tiny_pair, tmp_path / "run", lr=1e30, clip=0.0, optimizer="sgd", schedule="constant")
    assert phase_records(tmp_path / "run-phases") == {}
    assert not (tmp_path / "run").exists()


def test_accumulated_steps_see_as_many_batches_as_steps_times_accumulation(tiny_pair: TinyPair, tmp_path: Path) -> None:
    """On plain images without norms in play, two batches of two added up are one batch of four."""
    networks = []
    for batch_size, accumulate in ((4, 1), (2, 2)):
        training = untrained(
            tiny_pair, tmp_path / str(accumulate), "baseline", augment="none", batch_size=batch_size,
            accumulate=accumulate, optimizer="sgd", schedule="constant", clip=0.0, anchor_weight=1.0, lr=0.1,
        )  # fmt: skip
        for module in training.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                hold_in_eval(module)
        training.run(lambda *_: None)
        networks.append(training.folder.weights())
    assert all(torch.allclose(networks[0][name], networks[1][name], atol=1e-6) for name in networks[0])


def test_an_average_of_weights_is_what_is_kept(tiny_pair: TinyPair, tmp_path: Path) -> None:
    fit_tiny("baseline", tiny_pair, tmp_path / "a", steps=3, ema=0.6)
    shots = []
    training = untrained(tiny_pair, tmp_path / "store", "baseline", steps=3)
    training.run(lambda *_: shots.append({k: v.clone() for k, v in training.network.state_dict().items()}))
    kept = weights_of(tmp_path / "a")
    name = "up1.conv.weight"
    expected = 0.6 * (0.6 * shots[0][name] + 0.4 * shots[1][name]) + 0.4 * shots[2][name]
    assert torch.allclose(kept[name], expected, atol=1e-6)


def test_the_history_has_a_row_for_each_validation_with_the_mean_losses_since_the_last(
    tiny_pair: TinyPair, tmp_path: Path
) -> None:
    training = untrained(tiny_pair, tmp_path / "store", "mtl-both", steps=5, validate_every=2, anchor_weight=0.7)
    training.run(lambda *_: None)
    lines = (training.folder.path / "metrics.csv").read_text().splitlines()
    table = np.genfromtxt(lines, delimiter=",", names=True)
    assert table["step"].tolist() == [2, 4, 5]
    anchor = (table["loss_source_segmentation"] + table["loss_target_segmentation"]) / 2
    total = table["loss_source_normals"] + 0.7 * anchor
    assert np.allclose(table["loss"], total, rtol=1e-5)
    assert not any(math.isnan(value) for row in table.tolist() for value in row)


@pytest.mark.parametrize(("augment", "centre"), [("none", True), ("geometric", False)])
def test_without_augmentation_every_window_is_the_middle_one(
    augment: str, centre: bool, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    """The default camera rotation, which only augmentation applies, makes no difference to that."""
    assert untrained(tiny_pair, tmp_path, "baseline", augment=augment).supply.steps.random_windows != centre
