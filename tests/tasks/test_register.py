"""Tasks of the user's own: how they become known, and what the library offers for them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as transform

from headfreeze.errors import InputError
from headfreeze.tasks import TASKS, AbsoluteErrorMetric, Task, Values, make_task, masked_mean, own_modules, register
from headfreeze.tasks.depth import DepthTask


class Albedo(Task):
    """The least that a task of values must say."""

    kind, label_type, extensions, channels = "albedo", Values, (".png",), 3
    score, lower_is_better = "mae", True

    def loss(self, output: Any, label: Any, vector: Any = None) -> Any:
        return masked_mean((output - label).abs(), self.valid(label).expand_as(label))

    def decode(self, output: Any, vector: Any = None, side: Any = 0) -> Any:
        return output.sigmoid()

    def metric(self) -> Any:
        return AbsoluteErrorMetric()

    def render(self, label: Any, image: Any = None) -> Any:
        return (255 * label).byte().movedim(0, -1).numpy()

    def read(self, path: Path) -> Any:
        raise NotImplementedError

    def write(self, label: Any, path: Path) -> Any:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = dict(TASKS)
    yield
    TASKS.clear()
    TASKS.update(before)


def test_a_registered_task_is_made_like_any_other() -> None:
    assert register(Albedo) is Albedo
    task = make_task("albedo")
    assert type(task) is Albedo
    assert task == make_task("albedo", task.options())
    assert make_task("paint", {"kind": "albedo"}).options() == {"kind": "albedo"}
    label = task.invalid(4, 5)
    assert type(label) is Values
    assert label.shape == (3, 4, 5)
    assert not task.valid(label).any()
    output = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(task.soft(output), output.sigmoid())


def test_a_kind_can_be_taken_once() -> None:
    register(Albedo)
    with pytest.raises(InputError, match=r"cannot register Albedo: kind 'albedo' is taken by tests\..*Albedo; take an"):
        register(Albedo)
    with pytest.raises(InputError, match=r"kind 'depth' is taken by headfreeze\.tasks\.depth\.DepthTask"):
        register(DepthTask)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (type("Lazy", (Albedo,), {"kind": "a kind"}), "cannot register Lazy: its kind is 'a kind'; give letters"),
        (type("Bare", (Task,), {"kind": "bare"}), "Bare: it lacks label_type, score, .*channels, decode, loss, metric"),
        (dict, "cannot register dict: it is no subclass of headfreeze.tasks.Task"),
        (3, "cannot register 3: it is no subclass"),
    ],
)
def test_what_is_no_task_is_refused(task: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        register(task)


def test_an_unknown_kind_lists_the_choices_and_says_how_to_add_one() -> None:
    register(Albedo)
    with pytest.raises(InputError, match=r"unknown kind 'albdo': did you mean 'albedo'.*albedo, depth.*--import it"):
        make_task("x", {"kind": "albdo"})


def test_values_go_with_the_image_and_depend_on_no_camera() -> None:
    values = Values(torch.rand(2, 3, 6, 8) + 0.1)
    plain = values.as_subclass(torch.Tensor)
    flipped = transform.horizontal_flip(values)
    assert type(flipped) is Values
    torch.testing.assert_close(flipped.as_subclass(torch.Tensor), plain.flip(-1))
    depth = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1).expand(2, 1, 6, 8)
    turned = Values.rotated(plain, torch.eye(3).expand(2, 3, 3), depth)
    torch.testing.assert_close(turned[0], plain[0])
    assert not turned[1].any(), "the old camera cannot have seen it"
    holed = Values(torch.tensor([[[4.0, 0.0], [2.0, 3.0]]]))
    half = transform.resize(holed, [1, 1], antialias=True)
    torch.testing.assert_close(half.as_subclass(torch.Tensor), torch.tensor([[[3.0]]]))  # zeros do not count


def test_the_absolute_error_is_numpys_over_all_batches() -> None:
    rng = np.random.default_rng(0)
    prediction, label = rng.random((5, 3, 4, 6)), rng.random((5, 3, 4, 6))
    label *= rng.random((5, 1, 4, 6)) < 0.7
    valid = label.any(1)
    metric = AbsoluteErrorMetric()
    for part in (slice(0, 2), slice(2, 5)):
        metric.update(torch.from_numpy(prediction[part]).float(), torch.from_numpy(label[part]).float())
    found = metric.compute()
    assert found["pixels"] == valid.sum()
    assert found["mae"] == pytest.approx(np.abs(prediction - label).mean(1)[valid].mean(), abs=1e-6)


def test_the_absolute_error_of_nothing_is_no_number() -> None:
    metric = AbsoluteErrorMetric()
    found = metric(torch.full((1, 1, 2, 2), torch.nan), torch.zeros(1, 1, 2, 2))
    assert np.isnan(found["mae"])
    assert found["pixels"] == 0


def test_the_modules_of_own_kinds_are_known_to_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_modules() == ()
    monkeypatch.setitem(TASKS, "mine", type("Mine", (DepthTask,), {"__module__": "my_package.tasks"}))
    assert own_modules() == ("my_package.tasks",)
