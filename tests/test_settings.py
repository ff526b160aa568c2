"""Every setting: its default, its limits, and that a bad value is named with what is allowed."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from headfreeze.settings import LARGEST_SEED, Adversarial, Architecture, Pair, Settings, Training, as_flags

PAIR = Pair(Path("a"), Path("b"), "normals", "segmentation")

GOOD: dict[type, dict[str, list[Any]]] = {
    Pair: {
        "size": [16, 128, "96x128", "64"], "main": ["depth"], "zoom": [0.5, 1.0], "rotate_deg": [0.0, 45.0],
        "source_pitch_deg": [-45.0, 0.0, 45.0], "fov_deg": [1.0, 120.0],
    },
    Architecture: {"width": [0, 7], "backbone": ["tiny"], "pretrained": [True]},
    Training: {
        "steps": [1], "batch_size": [1], "accumulate": [1, 9], "workers": [-1, 0, 8], "validate_every": [0, 1],
        "lr": [0.0, 1.0], "weight_decay": [0.0], "clip": [0.0, 5.0], "anchor_weight": [0.0, 2.0], "cache_gb": [0.0],
        "checkpoint_every": [0.0], "seed": [0, LARGEST_SEED], "ema": [0.0, 0.9999], "phase_share": [0.001, 0.999],
        "devices": [1, 2, 16], "snapshots": [0, 2, 9],
    },
}  # fmt: skip
BAD: dict[type, dict[str, list[Any]]] = {
    Pair: {
        "size": [0, -5, 15, "96x", "x96", "8x64", "64x8", "big", "", "64x64x64", 64.5], "main": ["segmentation"],
        "zoom": [0.0, 1.1, float("nan")], "rotate_deg": [-1.0, 46.0, float("nan")],
        "source_pitch_deg": [-46.0, 46.0, float("nan")], "fov_deg": [0.0, 180.0, float("nan")],
    },
    Architecture: {"width": [-1], "norm": ["frozen", "batch"]},
    Training: {
        "steps": [0, -1], "batch_size": [0], "accumulate": [0], "workers": [-2], "validate_every": [-1],
        "lr": [-1e-9, float("nan"), float("inf")], "weight_decay": [-1.0], "clip": [-1.0, float("nan")],
        "anchor_weight": [-0.1], "cache_gb": [-1.0, float("inf")], "checkpoint_every": [-1.0, float("nan")],
        "seed": [-1, LARGEST_SEED + 1], "ema": [-0.1, 1.0, float("nan")], "phase_share": [0.0, 1.0, float("nan")],
        "devices": [0, -2], "snapshots": [-1, 1],
    },
}  # fmt: skip


def usual(kind: type) -> Any:
    return PAIR if kind is Pair else kind()


def cases(table: dict[type, dict[str, list[Any]]]) -> list[tuple[type, str, Any]]:
    return [(kind, name, value) for kind, names in table.items() for name, values in names.items() for value in values]


@pytest.mark.parametrize("kind", [Pair, Architecture, Training])
def test_the_defaults_are_fine(kind: type) -> None:
    assert list(usual(kind).problems()) == []


@pytest.mark.parametrize(("kind", "name", "value"), cases(GOOD))
def test_a_good_value_is_no_problem(kind: type, name: str, value: Any) -> None:
    assert list(dataclasses.replace(usual(kind), **{name: value}).problems()) == []


@pytest.mark.parametrize(("kind", "name", "value"), cases(BAD))
def test_a_bad_value_is_one_problem_that_names_setting_and_value(kind: type, name: str, value: Any) -> None:
    problems = list(dataclasses.replace(usual(kind), **{name: value}).problems())
    assert len(problems) == 1, problems
    assert re.match(rf"{name} (is|and anchor are both) ", problems[0])
    assert str(value) in problems[0]
    assert "\n" not in problems[0]


CHOICES = [
    (kind, name, get_args(hint))
    for kind in (Pair, Architecture, Training)
    for name, hint in get_type_hints(kind).items()
    if get_args(hint) and all(isinstance(choice, str) for choice in get_args(hint))
]


@pytest.mark.parametrize(("kind", "name", "choices"), CHOICES)
def test_a_value_outside_the_choices_is_named_with_them(kind: type, name: str, choices: tuple[str, ...]) -> None:
    problems = list(dataclasses.replace(usual(kind), **{name: "spirit"}).problems())
    assert problems == [f"{name} is 'spirit'; choose from {', '.join(choices)}"]
    for choice in choices:
        extra = {"pretrained": True} if kind is Architecture else {}
        assert list(dataclasses.replace(usual(kind), **{name: choice}, **extra).problems()) == []


def test_every_number_has_a_limit_that_is_tested() -> None:
    """A new number must be entered in both tables."""
    for kind in (Pair, Architecture, Training):
        numbers = {f.name for f in dataclasses.fields(kind) if get_type_hints(kind)[f.name] in (int, float)}
        assert numbers <= BAD[kind].keys()
        assert numbers <= GOOD[kind].keys()


def test_cameras_are_not_turned_without_augmentation() -> None:
    (problem,) = dataclasses.replace(PAIR, source_pitch_deg=-9.0, augment="none").problems()
    assert problem == "source_pitch_deg is -9.0, but augment is none, which turns no camera; set either"


def test_all_problems_are_told_at_once() -> None:
    settings = Settings(
        dataclasses.replace(PAIR, size=3, anchor="normals"), Architecture(width=-1), Training(steps=0, lr=-1)
    )
    assert [problem.split()[0] for problem in settings.problems()] == ["size", "main", "width", "steps", "lr"]


def test_sizes_and_paths_are_read_as_they_are_written() -> None:
    assert Pair("a", "b", "x", "y", size="96x128").height_width == (96, 128)
    assert Pair("a", "b", "x", "y", size=64).height_width == (64, 64)
    assert Pair("a/b", "c", "x", "y").source == Path("a/b")


def test_settings_are_plain_values_for_files() -> None:
    plain = Settings(PAIR, Architecture("tiny"), Training(steps=7)).as_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["pair"]["source"] == "a"
    assert Training(**plain["training"]) == Training(steps=7)
    assert Architecture(**plain["architecture"]) == Architecture("tiny")
    assert Pair(**plain["pair"]) == PAIR


def test_flags_are_what_is_not_the_default() -> None:
    assert as_flags(Settings(PAIR).as_dict()) == ["--source=a", "--target=b", "--main=normals", "--anchor=segmentation"]
    pair, training = Pair("a", "b", ["x", "y"], "z", zoom=0.5), Training(seed=3, tensorboard=True, device="cpu")
    given = Settings(pair, training=training, adversarial=Adversarial(adversary_weight=0.0)).as_dict()
    assert as_flags(given, skip=("seed", "source")) == [
        "--target=b", "--main=x,y", "--anchor=z", "--zoom=0.5", "--device=cpu", "--tensorboard=true",
        "--adversary_weight=0.0",
    ]  # fmt: skip


def test_what_is_not_given_has_its_defaults() -> None:
    assert Settings.of(PAIR, None, None, None) == Settings(PAIR)
    given = Architecture("tiny"), Training(steps=7), Adversarial("joint")
    assert Settings.of(PAIR, *given) == Settings(PAIR, *given)


def test_every_setting_is_described() -> None:
    for kind in (Pair, Architecture, Training):
        for field in dataclasses.fields(kind):
            assert f"\n        {field.name}: " in f"\n    {kind.__doc__}", f"{kind.__name__}.{field.name}"


def test_settings_and_recipes_are_light_to_import() -> None:
    program = (
        "import sys, headfreeze, headfreeze.settings, headfreeze.recipes\n"
        "print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False False\n"


def test_the_freeze_point_is_up3_unless_it_is_given() -> None:
    assert Training().freeze_point(Architecture("resnet50")) == "up3"
    assert Training(freeze_after="up1").freeze_point(Architecture("tiny")) == "up1"
    assert Training().freeze_point(Architecture("package.module:function")) == "auto"
