import math
from fractions import Fraction

import torch
from hypothesis import given
from hypothesis import strategies as st

from headfreeze.tasks.sums import in_double, limbs, total

UNIT = 2.0**-20


@given(st.lists(st.tuples(st.floats(0, 1e6), st.booleans()), max_size=40))
def test_the_sum_of_counted_values_is_exact_in_units(pairs: list[tuple[float, bool]]) -> None:
    values = torch.tensor([v for v, _ in pairs], dtype=torch.float64)
    counted = torch.tensor([c for _, c in pairs], dtype=torch.bool)
    expected = sum(round(Fraction(v) / Fraction(UNIT)) for v, c in pairs if c)
    assert total(limbs(values, UNIT, counted), UNIT) == expected * UNIT


def test_sums_far_beyond_64_bits_are_exact() -> None:
    one = limbs(torch.full((1,), 2.0**48 - 1, dtype=torch.float64), 1.0, torch.ones(1, dtype=torch.bool))
    assert total(one * 2**38, 1.0) == float((2**48 - 1) * 2**38)


def test_values_saturate_and_what_is_not_counted_may_be_anything() -> None:
    values = torch.tensor([1e300, math.inf, math.nan, 3.0], dtype=torch.float64)
    counted = torch.tensor([True, True, False, True])
    assert total(limbs(values, 1.0, counted), 1.0) == 2 * 2**48 + 3


def test_half_precision_and_gradients_are_left_behind() -> None:
    wide = in_double(torch.ones(2, dtype=torch.bfloat16, requires_grad=True))
    assert wide.dtype == torch.float64
    assert not wide.requires_grad
