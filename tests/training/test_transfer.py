"""The recipe of three phases: each moves its own branch and nothing else, on the images and labels that it needs."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from headfreeze.errors import InputError
from headfreeze.models.backbones import Backbone
from headfreeze.models.transfer import BRANCHES, TransferNetwork
from headfreeze.recipes import RECIPES, find_recipe
from headfreeze.run import Run, RunCard
from headfreeze.settings import Architecture
from headfreeze.training.fit import RecipeTraining
from tests.runs import TINY, fit_tiny, session_of, weights_of
from tests.training.test_frozen import equal_bits
from tests.worlds import TinyPair

BATCH = 4


def phases_of(card: RunCard, store: Path) -> list[dict[str, Tensor]]:
    return [load_file(store / phase["key"] / "weights.safetensors") for phase in card.phases]


@pytest.mark.parametrize(
    ("norm", "settings"),
    [
        ("shared", {}),
        ("shared", {"ema": 0.8, "optimizer": "sgd", "weight_decay": 0.5}),
        ("per_domain", {"ema": 0.9, "weight_decay": 0.5}),
        ("shared", {"precision": "bf16", "accumulate": 2}),
        ("shared", {"phase_end": "plateau", "validate_every": 2}),
    ],
)
def test_each_phase_moves_all_of_its_own_branch_and_no_bit_of_the_others(
    norm: str, settings: dict[str, Any], tiny_pair: TinyPair, tmp_path: Path
) -> None:
    card = fit_tiny(
        "transfer", tiny_pair, tmp_path / "run", Architecture("tiny", width=8, norm=norm), steps=12, **settings
    )
    first, *others = phases_of(card, tmp_path / "run-phases")
    assert {name.split(".")[0] for name in first} == set(BRANCHES)
    for branch, before, now in zip(BRANCHES[1:], [first, *others], others, strict=False):
        own = [name for name in now if name.startswith(f"{branch}.")]
        assert own
        assert [name for name in now if name not in own and not equal_bits(before[name], now[name])] == []
        still = [name for name in own if equal_bits(before[name], now[name])]
        assert [name for name in still if not name.endswith("target_started")] == [], "main has met no target image"
    assert all(equal_bits(value, others[-1][name]) for name, value in weights_of(tmp_path / "run").items())


@contextmanager
def backbones_asked() -> Iterator[list[tuple[int, bool]]]:
    """How many images each call of a backbone got, and whether it was in training mode."""
    seen: list[tuple[int, bool]] = []

    def note(module: nn.Module, arguments: tuple[Tensor]) -> None:
        if isinstance(module, Backbone) and torch.is_grad_enabled():
            seen.append((len(arguments[0]), module.training))

    handle = register_module_forward_pre_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


def test_target_images_go_through_the_anchors_network_in_its_own_phase_and_nowhere_else(
    tiny_pair: TinyPair, tmp_path: Path
) -> None:
    with backbones_asked() as seen:
        fit_tiny("transfer", tiny_pair, tmp_path / "run", steps=6, batch_size=BATCH, anchor_weight=1.0)
    steps_of = [seen[:2], seen[2:4], seen[4:]]
    assert steps_of == [[(2 * BATCH, True)] * 2, [(BATCH, True)] * 2, [(BATCH, False)] * 4]


def test_the_run_predicts_the_main_task_through_the_transfer(tiny_pair: TinyPair, tmp_path: Path) -> None:
    card = fit_tiny("transfer", tiny_pair, tmp_path / "run")
    assert card.branched
    assert card.trained == ["normals", "segmentation"]
    run = Run(tmp_path / "run", "cpu")
    network = run.network
    assert isinstance(network, TransferNetwork)
    image = torch.randint(0, 256, (32, 32, 3), dtype=torch.uint8).numpy()
    before = run.predict(image)
    for value in network.main.backbone.parameters():
        nn.init.constant_(value, torch.nan)  # the main task's encoder plays no part in it, …
    assert torch.equal(run.predict(image)["normals"], before["normals"])
    for value in network.anchor.backbone.parameters():
        nn.init.zeros_(value)  # … the anchor's does
    assert not torch.equal(run.predict(image)["normals"], before["normals"])


def test_the_last_phase_says_how_far_features_are_off_and_what_comes_of_them(
    tiny_pair: TinyPair, tmp_path: Path
) -> None:
    card = fit_tiny("transfer", tiny_pair, tmp_path / "run", steps=60, lr=0.01, validate_every=5)
    with (tmp_path / "run/metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {"step", "loss_transfer", "val_source_normals"}
    losses = [float(row["loss_transfer"]) for row in rows]
    assert losses[-1] < 0.7 * losses[0]
    main = card.phases[1]["validation"]["val_source_normals"]
    assert card.phases[2]["validation"]["val_source_normals"] != main, "through the transfer, not by the network alone"
    assert card.phases[2]["steps"] == 20


def test_each_branch_has_a_third_of_the_budget_and_a_schedule_of_its_own(tiny_pair: TinyPair, tmp_path: Path) -> None:
    session = session_of(tiny_pair, tmp_path, steps=99, phase_share=0.8)
    places = [p for p, _ in RecipeTraining(session, RECIPES["transfer"], 0, tmp_path / "run").places()]
    assert [place.steps for place in places] == [33, 33, 33]
    assert [place.span for place in places] == [(0.0, 1.0)] * 3


@pytest.mark.parametrize("part", ["teacher", "consistency", "gradnorm", "adabn", "reading"])
def test_parts_for_one_network_of_both_tasks_are_refused(part: str) -> None:
    message = f"the part '{part}' changes how one network learns both tasks, and transfer has one for each; leave it"
    with pytest.raises(InputError, match=message):
        find_recipe(f"transfer+{part}")


def test_a_part_that_changes_images_alone_can_be_had(tiny_pair: TinyPair, tmp_path: Path) -> None:
    with backbones_asked() as seen:
        card = fit_tiny("transfer+fourier", tiny_pair, tmp_path / "run", steps=3, batch_size=BATCH, anchor_weight=1.0)
    assert card.recipe == "transfer+fourier"
    assert [count for count, _ in seen] == [2 * BATCH, BATCH, BATCH, BATCH]


def test_what_cannot_be_trained_is_said_first(tiny_pair: TinyPair, tmp_path: Path) -> None:
    own = Architecture("tests.own_networks:staged")
    with pytest.raises(InputError, match="recipe 'transfer' works between encoder and decoder of our networks"):
        fit_tiny("transfer", tiny_pair, tmp_path / "run", own)
    with pytest.raises(InputError, match="steps is 2; a recipe of 3 phases needs at least 3"):
        fit_tiny("transfer", tiny_pair, tmp_path / "run", steps=2)
    assert not (tmp_path / "run-phases").exists()
    assert fit_tiny("transfer", tiny_pair, tmp_path / "run", TINY, steps=3).phases[2]["steps"] == 1
