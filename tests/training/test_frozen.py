"""What phase 2 of headfreeze keeps, what it moves, and what it inherits."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from headfreeze.run import build_network
from headfreeze.settings import Adversarial, Architecture
from headfreeze.tasks import make_task
from headfreeze.training.average import averaged
from tests.runs import TINY, fit_tiny
from tests.worlds import CLASSES, TinyPair

STAGES = ("backbone", "up1", "up2", "up3", "outputs")
PREFIXES = {
    "backbone": ("backbone.",),
    "up1": ("top.", "up1."),
    "up2": ("up2.",),
    "up3": ("up3.",),
    "outputs": ("maps.", "vectors."),
}


def phase_weights(store: Path, key: str) -> dict[str, Tensor]:
    return load_file(store / key / "weights.safetensors")


def split(weights: dict[str, Tensor], after: str) -> tuple[list[str], list[str]]:
    """Names of the tensors up to the freeze point, and of those after it."""
    count = STAGES.index(after) + 1
    below = tuple(prefix for stage in STAGES[:count] for prefix in PREFIXES[stage])
    above = tuple(prefix for stage in STAGES[count:] for prefix in PREFIXES[stage])
    assert all(name.startswith(below + above) for name in weights), "every tensor belongs to a stage"
    return [n for n in weights if n.startswith(below)], [n for n in weights if n.startswith(above)]


def equal_bits(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and one.numpy().tobytes() == other.numpy().tobytes()


@pytest.mark.parametrize(
    ("after", "norm", "adversary", "settings"),
    [
        ("up2", "shared", None, {}),
        ("up2", "shared", None, {"ema": 0.8, "optimizer": "sgd", "weight_decay": 0.5}),
        ("backbone", "per_domain", None, {"ema": 0.9, "weight_decay": 0.5}),
        ("up3", "shared", None, {"precision": "bf16", "accumulate": 2}),
        ("up2", "shared", Adversarial("feature", 1.0, "up1,up3"), {}),
        ("up2", "shared", Adversarial("joint", 1.0, "outputs,up2"), {"precision": "bf16"}),
    ],
)
def test_the_frozen_head_is_the_same_to_the_bit_and_all_below_it_moves(
    after: str,
    norm: str,
    adversary: Adversarial | None,
    settings: dict[str, float],
    tiny_pair: TinyPair,
    tmp_path: Path,
) -> None:
    architecture = Architecture("tiny", width=8, norm=norm)
    recipe = "headfreeze-da" if adversary else "headfreeze"
    settings = {"steps": 8, "freeze_after": after, **settings}
    card = fit_tiny(recipe, tiny_pair, tmp_path / "run", architecture, adversarial=adversary, **settings)
    before, now = (phase_weights(tmp_path / "run-phases", phase["key"]) for phase in card.phases)
    below, above = split(now, after)
    assert above
    assert [name for name in above if not equal_bits(before[name], now[name])] == []
    still = [name for name in below if equal_bits(before[name], now[name])]
    assert still == [], "weights, norms and their statistics below the freeze point all learn"


def test_without_the_freeze_the_head_moves(tiny_pair: TinyPair, tmp_path: Path) -> None:
    card = fit_tiny("mtl-finetune", tiny_pair, tmp_path / "run")
    before, now = (phase_weights(tmp_path / "run-phases", phase["key"]) for phase in card.phases)
    assert [name for name in now if equal_bits(before[name], now[name])] == []


@pytest.mark.parametrize("recipe", ["baseline", "mtl-source"])
def test_every_network_has_both_outputs_so_that_recipes_start_from_the_same_weights(
    recipe: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    fit_tiny(recipe, tiny_pair, tmp_path / "run", steps=1)
    tasks = {"normals": make_task("normals"), "segmentation": make_task("segmentation", {"classes": list(CLASSES)})}
    assert load_file(tmp_path / "run/weights.safetensors").keys() == build_network(TINY, tasks).state_dict().keys()


def test_an_average_of_weights_keeps_whole_numbers_and_averages_the_others() -> None:
    norm = nn.BatchNorm2d(1)
    average = averaged(norm, decay=0.9)
    means, expected = torch.randn(7, generator=torch.Generator().manual_seed(0)), 0.0
    for step, mean in enumerate(means, 1):
        norm.running_mean.fill_(mean)
        norm.num_batches_tracked.fill_(step)
        average.update_parameters(norm)
        expected = float(mean) if step == 1 else 0.9 * expected + 0.1 * float(mean)
        assert int(average.module.num_batches_tracked) == step
        assert float(average.module.running_mean) == pytest.approx(expected)
