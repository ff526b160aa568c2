"""The learning rate in closed form, and what decays."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from headfreeze.models.freeze import Freeze
from headfreeze.run import build_network
from headfreeze.settings import Architecture, Training
from headfreeze.tasks import make_task
from headfreeze.training.phase import PhaseTraining
from headfreeze.training.schedule import make_optimizer, rate_factor
from tests.runs import TINY, fit_tiny, training_of
from tests.worlds import TinyPair

TASKS = {"normals": make_task("normals")}


def test_onecycle_warms_up_linearly_over_a_fifth_and_falls_as_a_cosine_to_zero() -> None:
    assert rate_factor("onecycle", 0 / 100) == pytest.approx(0.04)
    assert rate_factor("onecycle", 10 / 100) == pytest.approx((0.04 + 1) / 2)
    assert rate_factor("onecycle", 20 / 100) == pytest.approx(1)
    assert rate_factor("onecycle", 60 / 100) == pytest.approx(0.5)
    assert rate_factor("onecycle", 100 / 100) == pytest.approx(0)
    assert rate_factor("onecycle", 40 / 100) == pytest.approx(math.cos(math.pi / 8) ** 2)


def test_poly_and_constant_in_closed_form() -> None:
    assert [rate_factor("poly", step / 4) for step in range(4)] == [(1 - step / 4) ** 0.9 for step in range(4)]
    assert [rate_factor("constant", step / 4) for step in range(4)] == [1.0] * 4


@given(st.sampled_from(["onecycle", "poly", "constant"]), st.integers(1, 10_000), st.floats(0, 1))
def test_the_rate_lies_between_nothing_and_its_peak_and_does_not_jump(schedule: str, steps: int, share: float) -> None:
    step = min(int(share * steps), steps - 1)
    now, following = (rate_factor(schedule, s / steps) for s in (step, step + 1))
    assert 0 < now <= 1
    assert abs(now - following) <= max(5 / steps, (1 / steps) ** 0.9) + 1e-12


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("norm", ["shared", "per_domain"])
def test_weights_decay_and_norms_and_biases_do_not(optimizer: str, norm: str) -> None:
    network = build_network(Architecture("tiny", width=8, norm=norm), TASKS)
    settings = Training(optimizer=optimizer, weight_decay=0.3)
    groups = make_optimizer(network.parameters(), settings, 0.1, fused=False).param_groups
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert len(decay) == len(list(network.parameters()))
    norms = {id(p) for m in network.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()}
    for name, parameter in network.named_parameters():
        spared = id(parameter) in norms or name.endswith("bias")
        assert decay[id(parameter)] == (0.0 if spared else 0.3), name


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_without_a_gradient_a_step_shrinks_the_weights_by_rate_times_decay_alone(optimizer: str) -> None:
    weight, bias = torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(2))
    step = make_optimizer([weight, bias], training_of(optimizer=optimizer, weight_decay=0.1), 0.5, fused=False)
    weight.grad, bias.grad = torch.zeros(2, 2), torch.zeros(2)
    step.step()
    assert torch.allclose(weight, torch.tensor(0.95))
    assert torch.equal(bias, torch.ones(2))


def test_a_frozen_head_is_in_no_group() -> None:
    network = build_network(TINY, TASKS)
    with Freeze(network, "up2"):
        groups = make_optimizer(Freeze.trainable(network), training_of(), 0.1, fused=False).param_groups
    held = {id(p) for group in groups for p in group["params"]}
    names = {name.split(".")[0] for name, p in network.named_parameters() if id(p) in held}
    assert names == {"backbone", "top", "up1", "up2"}


def test_the_default_rate_is_that_of_the_kind_of_network() -> None:
    training = Training()
    assert training.learning_rate(Architecture("tiny")) == 4e-3
    assert training.learning_rate(Architecture("resnet50")) == 1e-3
    assert training.learning_rate(Architecture("resnet50", pretrained=True)) == 5e-4
    assert Training(lr=0.7).learning_rate(Architecture("tiny")) == 0.7


@pytest.mark.parametrize(("phase_end", "spans"), [("share", [10]), ("plateau", [4, 6])])
def test_one_schedule_spans_the_budget_unless_nobody_knows_where_a_phase_ends(
    phase_end: str, spans: list[int], tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    take_step = PhaseTraining.take_step

    def noted(self: PhaseTraining, batches: Any) -> dict[str, Tensor]:
        found = take_step(self, batches)
        rates.append(self.optimizer.param_groups[0]["lr"])
        return found

    monkeypatch.setattr(PhaseTraining, "take_step", noted)
    fit_tiny("headfreeze", tiny_pair, tmp_path / "run", steps=10, phase_share=0.4, lr=0.01, phase_end=phase_end)
    expected = [0.01 * rate_factor("onecycle", step / steps) for steps in spans for step in range(steps)]
    assert rates == pytest.approx(expected)
