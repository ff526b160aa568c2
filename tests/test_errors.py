"""Faults in one line: the nearest name, the choices where they are few, all faults together."""

import pytest

from headfreeze.errors import InputError, raise_all, unknown


def test_the_nearest_name_and_all_choices_are_named() -> None:
    assert unknown("task", "normal", ["depth", "normals"]) == (
        "unknown task 'normal': did you mean 'normals'? choose from depth, normals"
    )
    assert unknown("task", "zzz", ("b", "a")) == "unknown task 'zzz': choose from a, b"


def test_of_many_choices_only_those_alike_are_named() -> None:
    many = [f"resnet{k}" for k in range(50)]
    message = unknown("backbone", "resnet5x", many)
    assert message.startswith("unknown backbone 'resnet5x': did you mean 'resnet5'? others like it: ")
    assert message.endswith("50 are known")
    assert unknown("backbone", "zzz", many) == "unknown backbone 'zzz': 50 are known"


def test_all_faults_are_raised_in_one_line_and_none_is_no_fault() -> None:
    raise_all([])
    with pytest.raises(InputError, match=r"^steps is 0$"):
        raise_all(["steps is 0"])
    with pytest.raises(InputError, match=r"^2 problems: \(1\) steps is 0; \(2\) lr is -1$"):
        raise_all(["steps is 0", "lr is -1"])


def test_bad_input_is_a_value_error_for_those_who_do_not_know_it() -> None:
    with pytest.raises(ValueError, match="steps is 0"):
        raise_all(["steps is 0"])
