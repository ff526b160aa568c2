from typing import Any

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
]


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
    task: Task = make_task(kind, {"classes": ["a", "b"]} if kind == "segmentation" else {})
    label = task.invalid(4, 5)
    assert type(label) is task.label_type
    assert label.shape == (task.label_channels, 4, 5)
    assert not task.valid(label).any()
    assert task.valid(label[None]).shape == (1, 1, 4, 5)
    assert task.render(label).shape == (4, 5, 3)
    assert not task.render(label).any()
    for extension in task.extensions:
        again = task.read(task.write(label, tmp_path / f"a{extension}"))
        assert type(again) is task.label_type
        assert (again == label).all()
    assert task.vector_channels == 0


@pytest.mark.parametrize(("name", "options"), ENTRIES)
def test_losses_and_decoding_never_look_at_the_values(name: str, options: Any) -> None:
    task = make_task(name, options)
    output = torch.empty(2, task.channels, 4, 5, device="meta", requires_grad=True)  # has no values to look at
    label = task.invalid(4, 5).as_subclass(torch.Tensor).expand(2, task.label_channels, 4, 5).to("meta")
    task.loss(output, label).backward()
    assert task.decode(output).shape == label.shape


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
        ("segmentation", ["floor"], r"task 'segmentation': its entry is \['floor'\]; give options like"),
        ("../up", {"kind": "depth"}, r"task name '../up': give letters, digits, _ and -"),
        ("image", {"kind": "depth"}, "task name 'image': .*'image' is the folder of the images"),
        ("", {"kind": "depth"}, "task name '': give letters"),
    ],
)
def test_an_entry_that_makes_no_task_is_refused(name: str, options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_task(name, options)
