import math

import pytest
import torch

from headfreeze.adversaries.reversal import ramp, reversed_gradient


def test_the_value_is_untouched_and_its_gradient_is_that_of_finite_differences_times_minus_the_strength() -> None:
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(2, 3, 4, dtype=torch.float64, generator=generator)

    def function(x: torch.Tensor) -> torch.Tensor:
        return (x.sin() * x).sum()

    variable = value.clone().requires_grad_()
    passed = reversed_gradient(variable, 0.3)
    assert torch.equal(passed, value)
    function(passed).backward()
    assert variable.grad is not None
    for place in ((0, 0, 0), (1, 2, 3), (0, 1, 2)):
        step = torch.zeros_like(value)
        step[place] = 1e-6
        slope = (function(value + step) - function(value - step)) / 2e-6
        assert float(variable.grad[place]) == pytest.approx(-0.3 * float(slope), abs=1e-7)


def test_what_lies_between_the_reversal_and_the_loss_learns_as_ever() -> None:
    weight = torch.tensor(2.0, requires_grad=True)
    value = torch.tensor(3.0, requires_grad=True)
    (reversed_gradient(value, 0.5) * weight).backward()
    assert (float(weight.grad), float(value.grad)) == (3.0, -1.0)  # type: ignore[arg-type]


def test_the_ramp_is_that_of_the_paper() -> None:
    assert ramp(0) == 0
    assert ramp(1) == pytest.approx(math.tanh(5))  # 2 / (1 + e^-x) − 1 = tanh(x / 2)
    assert ramp(math.log(3) / 10) == pytest.approx(0.5)
