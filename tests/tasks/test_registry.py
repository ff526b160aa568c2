from typing import Any

import numpy as np
import pytest
import torch
import yaml

from headfreeze.errors import InputError
from headfreeze.tasks import TASKS, make_task
from headfreeze.tasks.base import Task

ENTRIES: list[tuple[str, Any]] = [
    ("normals", {}),
    ("normals", None),
    ("facing", {"kind": "normals"}),
    ("depth", {"loss": "berhu"}),
    ("far", {"kind": "depth"}),
    ("segmentation", {"classes": ["floor", "wall"]}),
    ("edges", {"kind": "segmentation", "classes": ["none", "edge"]}),
    ("keypoints", {"count": 68, "order": "multi-pie"}),
    ("corners", {"kind": "keypoints", "count": 3, "mirror": [[0, 2]], "eyes": [0, 2], "sigma": 1.5}),
    ("hands", {"kind": "keypoints", "count": 21, "mirror": []}),
]
NEEDED: dict[str, dict[str, Any]] = {
    "segmentation": {"classes": ["a", "b"]},
    "keypoints": {"count": 3, "mirror": []},
}


def test_the_registry_lists_each_kind_under_its_own_name() -> None:
    assert {kind: task.kind for kind, task in TASKS.items()} == {kind: kind for kind in TASKS}


@pytest.mark.parametrize(("name", "options"), ENTRIES)
def test_the_options_of_a_task_make_an_equal_task(name: str, options: Any) -> None:
    task = make_task(name, options)
    twin = make_task(name, yaml.safe_load(yaml.safe_dump(task.options())))
    assert task == twin
    assert hash(task) == hash(twin)
    assert task.name == name
    assert repr(task) == f"{type(task).__name__}({name!r}, {task.options()})"


def test_tasks_that_differ_in_kind_name_or_options_are_not_equal() -> None:
    tasks = [make_task(name, options) for name, options in ENTRIES if options is not None]
    tasks += [make_task("depth"), make_task("edges", {"kind": "segmentation", "classes": ["edge", "none"]})]
    for i, a in enumerate(tasks):
        assert [a == b for b in tasks] == [i == j for j in range(len(tasks))]
    assert make_task("normals") != "normals"


@pytest.mark.parametrize("kind", TASKS)
def test_every_task_keeps_the_contract(kind: str, tmp_path: Any) -> None:
    task: Task = make_task(kind, NEEDED.get(kind, {}))
    label = task.invalid(4, 5)
    assert type(label) is task.label_type
    assert label.shape[-2:] == ((4, 5) if task.dense else (3, 4))
    assert not task.valid(label).any()
    assert task.valid(label[None]).shape == ((1, 1, 4, 5) if task.dense else (1, 3, 1))
    assert task.render(label).shape == (4, 5, 3)
    assert not task.render(label).any()
    for extension in task.extensions:
        again = task.wrap(task.read(task.write(label, tmp_path / f"a{extension}")), (4, 5))
        assert type(again) is task.label_type
        np.testing.assert_array_equal(again, label)
    assert task.vector_channels == (0 if task.dense else 3)


@pytest.mark.parametrize(("name", "options"), ENTRIES)
def test_losses_and_decoding_never_look_at_the_values(name: str, options: Any) -> None:
    task = make_task(name, options)
    output = torch.empty(2, task.channels, 4, 5, device="meta", requires_grad=True)  # has no values to look at
    plain = task.invalid(4, 5).as_subclass(torch.Tensor)
    label = task.wrap(plain.expand(2, *plain.shape).to("meta"), (4, 5))
    vector = torch.empty(2, task.vector_channels, device="meta") if task.vector_channels else None
    task.loss(output, label, vector).backward()
    assert task.decode(output, vector).shape == label.shape


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "normal",
            {},
            "task 'normal': unknown kind 'normal': did you mean 'normals'.* another name needs the option kind",
        ),
        ("edges", {"kind": "segmentaton"}, "task 'edges': unknown kind 'segmentaton': did you mean 'segmentation'"),
        ("edges", {"kind": ["depth"]}, r"task 'edges': unknown kind '\['depth'\]'"),
        ("depth", {"los": "berhu"}, "task 'depth' of kind 'depth': unknown option 'los': did you mean 'loss'"),
        ("depth", {"loss": "l2"}, "task 'depth': unknown loss 'l2'.*choose from berhu, log_l1"),
        ("depth", {"loss": 2}, "task 'depth': unknown loss '2'"),
        ("normals", {"classes": []}, "task 'normals' of kind 'normals': unknown option 'classes'; it takes none"),
        ("normals", {"name": "x"}, "task 'normals' of kind 'normals': unknown option 'name'; it takes none"),
        ("segmentation", {}, "task 'segmentation' of kind 'segmentation': the option classes is missing"),
        ("keypoints", {}, "task 'keypoints' of kind 'keypoints': the option count is missing"),
        ("keypoints", {"count": 5}, r"which points change places in a mirror\? give order: multi-pie, or mirror:"),
        ("keypoints", {"count": 0, "mirror": []}, "count is 0; give the number of points"),
        ("keypoints", {"count": 5, "order": "multi-pie"}, "count is 5, but order multi-pie has 68 points"),
        ("keypoints", {"count": 68, "order": "multipie"}, "unknown order 'multipie': did you mean 'multi-pie'"),
        ("keypoints", {"count": 68, "order": "multi-pie", "eyes": [0, 1]}, "multi-pie says itself what mirror and"),
        ("keypoints", {"count": 2, "mirror": [[0, 2]]}, r"mirror is \[\[0, 2\]\]; give pairs of points 0 … 1"),
        ("keypoints", {"count": 3, "mirror": [[0, 1], [1, 2]]}, "each point can be in one pair only"),
        ("keypoints", {"count": 3, "mirror": [], "eyes": [1, 1]}, r"eyes is \[1, 1\]; give two points 0 … 2"),
        ("keypoints", {"count": 3, "mirror": [], "sigma": -1}, "sigma is -1; give pixels of the output, or 0"),
        ("segmentation", ["floor"], r"task 'segmentation': its entry is \['floor'\]; give options like"),
        ("../up", {"kind": "depth"}, r"task name '../up': give letters, digits, _ and -"),
        ("image", {"kind": "depth"}, "task name 'image': .*'image' is the folder of the images"),
        ("", {"kind": "depth"}, "task name '': give letters"),
    ],
)
def test_an_entry_that_makes_no_task_is_refused(name: str, options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_task(name, options)
