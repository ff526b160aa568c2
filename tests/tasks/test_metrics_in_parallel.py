"""What each of several processes has seen adds up to what one process would have seen."""

from pathlib import Path

import pytest
import torch
from torch import distributed, multiprocessing

from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task
from tests.tasks.scenes import random_normals

PROCESSES, IMAGES = 2, 7
ENTRIES = {"normals": {}, "depth": {}, "segmentation": {"classes": ["a", "b", "c"]}}


def scene(task: Task) -> tuple[torch.Tensor, torch.Tensor]:
    truth = random_normals(IMAGES, 3, 9, 11, invalid=0.2)
    guess = torch.nn.functional.normalize(truth + 0.3 * random_normals(IMAGES, 3, 9, 11, seed=1), dim=1)
    if task.kind == "normals":
        return guess, truth
    if task.kind == "depth":
        return guess[:, :1].abs() + 0.1, truth[:, :1].abs()
    return guess.argmax(1, keepdim=True), truth.argmax(1, keepdim=True)


def part(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=PROCESSES)
    results = {}
    for kind, options in ENTRIES.items():
        task = make_task(kind, options)
        metric, (prediction, label) = task.metric(), scene(task)
        for i in range(rank, IMAGES, PROCESSES):  # 4 images here, 3 there
            metric.update(prediction[i : i + 1], label[i : i + 1])
        results[kind] = metric.compute()
    torch.save(results, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one_to_the_bit(tmp_path: Path) -> None:
    multiprocessing.spawn(part, (str(tmp_path),), nprocs=PROCESSES)
    for kind, options in ENTRIES.items():
        task = make_task(kind, options)
        metric = task.metric()
        metric.update(*scene(task))
        for rank in range(PROCESSES):
            assert torch.load(tmp_path / f"{rank}.pt")[kind] == metric.compute()
