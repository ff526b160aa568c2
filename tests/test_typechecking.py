"""The tests really do hold the package to its shapes."""

import pytest
import torch
from jaxtyping import TypeCheckError

from headfreeze.errors import InputError
from headfreeze.tasks import make_task


def test_an_array_of_another_shape_than_annotated_is_caught() -> None:
    with pytest.raises(TypeCheckError, match=r"'output'.*(?s:.)*f32\[1,2,4,4\]"):
        make_task("normals").loss(torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 4, 4))


def test_sizes_that_disagree_between_arguments_are_caught() -> None:
    with pytest.raises(TypeCheckError, match=r"'label'.*(?s:.)*f32\[1,3,4,5\]"):
        make_task("normals").loss(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5))


def test_an_array_of_another_dtype_than_annotated_is_caught() -> None:
    with pytest.raises(TypeCheckError, match=r"i64\[1,3,4,4\]"):
        make_task("normals").decode(torch.zeros(1, 3, 4, 4, dtype=torch.int64))


def test_what_is_no_array_is_left_to_mypy_and_to_the_package() -> None:
    with pytest.raises(InputError, match="log_l2"):
        make_task("depth", {"loss": "log_l2"})
