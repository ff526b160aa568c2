"""Two processes with a part each give the losses, batch statistics and gradients of one with the whole batch."""

from pathlib import Path
from typing import Any

import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, distributed, multiprocessing, nn

from headfreeze.divided import divided
from headfreeze.models.norm import DomainNorm, Domains
from headfreeze.models.whole_norm import WholeBatchNorm
from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task
from tests.tasks.scenes import random_normals

PROCESSES, IMAGES = 2, 6
TASKS: dict[str, dict[str, Any]] = {
    "normals": {},
    "depth": {},
    "berhu": {"kind": "depth", "loss": "berhu"},
    "segmentation": {"classes": ["a", "b", "c"]},
    "keypoints": {"count": 3, "mirror": []},
}
TIGHT = {"rtol": 1e-9, "atol": 1e-11}
"""In float64 the order of additions is all that differs."""


def norms() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    layers = {
        "plain": nn.BatchNorm2d(3),
        "with an activation": BatchNormAct2d(3),
        "without scale and statistics": nn.BatchNorm2d(3, affine=False, track_running_stats=False),
        "frozen": nn.BatchNorm2d(3).eval(),
        "of each domain": DomainNorm(nn.BatchNorm2d(3), Domains(n_source=IMAGES // PROCESSES // 3)),
    }
    for layer in layers.values():
        for parameter in layer.parameters():
            nn.init.uniform_(parameter, 0.5, 2)
        layer.double()
    return layers


def images() -> Tensor:
    """Far from zero beside their spread, and the second half elsewhere: a mean of variances would be wrong."""
    x = torch.randn(IMAGES, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 1e3
    x[IMAGES // 2 :] += 2
    return x


def normalised(layer: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """What a layer gives for x, what gradient it passes on and gets, and what it keeps."""
    x = x.clone().requires_grad_()
    y = layer(x)
    (y.square() * x.detach().cos()).sum().backward()
    found = {"y": y.detach(), "x": x.grad} | {name: p.grad for name, p in layer.named_parameters()}
    assert all(value is not None for value in found.values())
    return found | dict(layer.named_buffers())  # type: ignore[return-value]  # none is None


def points() -> Tensor:
    """The second half lies elsewhere, half of it outside of the image, and has fewer z."""
    x = torch.rand(IMAGES, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * 8
    x[IMAGES // 2 :, :, 0] += 6
    x[IMAGES // 2 :, 0, 2] = torch.nan
    return x


def scene(task: Task) -> tuple[Tensor, Tensor]:
    """Outputs and labels; the second half has fewer valid pixels and larger errors."""
    label = random_normals(IMAGES, 3, 9, 11, invalid=0.2)
    label[IMAGES // 2 :, :, :5] = 0
    output = torch.randn(IMAGES, task.channels, 9, 11, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    output[IMAGES // 2 :] *= 2
    if task.kind == "normals":
        return output, label
    if task.kind == "keypoints":
        return output, points()
    if task.kind == "depth":
        return output, label[:, :1].abs()
    return output, torch.where(label.abs().sum(1, keepdim=True) > 0, label.argmax(1, keepdim=True), 255).to(torch.uint8)


def lost(task: Task, rows: slice) -> tuple[Tensor, Tensor]:
    """The loss, and its gradient at the outputs."""
    output, label = scene(task)
    output, label = output[rows].requires_grad_(), task.wrap(label[rows], (9, 11))
    loss = task.loss(output, label, output.mean((-2, -1)) if task.vector_channels else None)
    loss.backward()
    assert output.grad is not None
    return loss.detach(), output.grad


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=PROCESSES)
    share = IMAGES // PROCESSES
    rows = slice(rank * share, (rank + 1) * share)
    found: dict[str, Any] = {}
    with divided(), WholeBatchNorm():
        for name, layer in norms().items():
            found[name] = normalised(layer, images()[rows])
        for name, options in TASKS.items():
            found[name] = lost(make_task(name, options), rows)
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_give_the_losses_batch_statistics_and_gradients_of_one(tmp_path: Path) -> None:
    """All in one test: the processes take seconds to start."""
    multiprocessing.spawn(work, (str(tmp_path),), nprocs=PROCESSES)
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in range(PROCESSES)]
    for name in norms():
        if name != "of each domain":
            the_batch_norm_has_seen_the_whole_batch(name, parts)
    the_norm_of_each_domain_has_seen_that_domains_images_of_all_processes(parts)
    for name in TASKS:
        the_loss_is_that_of_the_whole_batch_and_the_mean_of_gradients_its_gradient(name, parts)


def the_batch_norm_has_seen_the_whole_batch(name: str, parts: list[dict[str, Any]]) -> None:
    whole = normalised(norms()[name], images())
    for key, value in whole.items():
        of_parts = [part[name][key] for part in parts]
        if key in ("y", "x"):
            torch.testing.assert_close(torch.cat(of_parts), value, **TIGHT)
        elif key in ("weight", "bias"):  # each process has what its own images add
            torch.testing.assert_close(sum(of_parts), value, **TIGHT)
        else:
            for of_part in of_parts:
                torch.testing.assert_close(of_part, value, **TIGHT)


def the_norm_of_each_domain_has_seen_that_domains_images_of_all_processes(parts: list[dict[str, Any]]) -> None:
    """Of each process the first image is the source's, two are the target's."""
    order = [0, 3, 1, 2, 4, 5]
    layer = DomainNorm(nn.BatchNorm2d(3), Domains(n_source=2)).double()
    layer.load_state_dict(norms()["of each domain"].state_dict())
    with torch.no_grad():
        for new, old in zip(layer.parameters(), norms()["of each domain"].parameters(), strict=True):
            new.copy_(old)
    whole = normalised(layer, images()[order])
    given = torch.cat([part["of each domain"]["y"] for part in parts])
    torch.testing.assert_close(given[order], whole["y"], **TIGHT)
    for part in parts:
        torch.testing.assert_close(part["of each domain"]["target.running_var"], whole["target.running_var"], **TIGHT)


def the_loss_is_that_of_the_whole_batch_and_the_mean_of_gradients_its_gradient(
    name: str, parts: list[dict[str, Any]]
) -> None:
    loss, gradient = lost(make_task(name, TASKS[name]), slice(None))
    for part in parts:
        torch.testing.assert_close(part[name][0], loss, **TIGHT)
    torch.testing.assert_close(torch.cat([part[name][1] for part in parts]) / PROCESSES, gradient, **TIGHT)
