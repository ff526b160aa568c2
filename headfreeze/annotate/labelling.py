"""Labelling every image of a dataset with one function: all labels appear at the end, and the task is declared."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Num, UInt8

from headfreeze.annotate.declare import declare, declared
from headfreeze.annotate.images import images_of, refuse_to_overwrite
from headfreeze.data.images import read_image
from headfreeze.files import new_folder
from headfreeze.progress import progress
from headfreeze.tasks.base import Task

Labeller = Callable[[UInt8[np.ndarray, "h w 3"]], Num[np.ndarray, "h w *channels"]]
"""Takes an image, gives its label, channels last."""


def label_images(
    root: Path, task: Task, make: Callable[[], Labeller], overwrite: bool, doing: str, extension: str = ".png"
) -> int:
    """Writes ROOT/{split}/TASK/ID.EXT for every image of every split, and declares the task in ROOT/dataset.yaml.

    An interrupted call leaves nothing behind; with `overwrite` labels are replaced one by one.

    Args:
        root: a folder that has at least ROOT/{train,val,test}/image of one split.
        task: dense; its name is that of the labels' folders.
        make: gives what labels an image; called once the folder has turned out to be in order.
        overwrite: replace labels that are there.
        doing: what the progress says.
        extension: of the labels' files.

    Returns:
        How many labels were written.

    Raises:
        InputError: no images, a damaged one, labels that are there already, a dataset.yaml that says otherwise, or what
            `make` raises.
    """
    images = images_of(root)
    if not overwrite:
        refuse_to_overwrite(root, task.name, images)
    declared(root)  # a dataset.yaml that cannot be understood shows before the work, not after it
    label = make()
    total, done = sum(map(len, images.values())), 0
    with ExitStack() as finish, progress(doing, total) as report:
        for split, files in images.items():
            folder = root / split / task.name
            out = folder if folder.exists() else finish.enter_context(new_folder(folder))
            for key, path in files.items():
                values = torch.from_numpy(label(read_image(path)))
                values = values[None] if values.ndim == 2 else values.movedim(-1, 0)
                task.write(values, out / f"{key}{extension}")
                done += 1
                report(done, "")
        declare(root, task)
    return done
